"""Turns posted bytes into pixels for a recogniser; run only in the child process, which may die of it.

A short list of formats, the pixel cap before any decoding, upright, no transparency.
"""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image, ImageOps, ImageStat

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
PIXELS = 25_000_000
BYTES = 8_000_000
#: 16-bit greys are brought to 8 bits; Pillow's own conversion would clip them
DEEP = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
MIDDLE = 128


class Undecodable(ValueError):
    """The bytes are not a picture that can be read here."""


def decode(data: bytes) -> Image.Image:
    """Decode a picture to upright RGB; of an animation, the first frame."""
    if len(data) > BYTES:
        message = f"the picture has {len(data):,} bytes; at most {BYTES:,} are accepted"
        raise Undecodable(message)
    try:
        with warnings.catch_warnings():
            # Its own, smaller limit is checked below, and odd metadata is no reason to refuse a picture.
            warnings.simplefilter("ignore")
            return _decode(data)
    except Undecodable:
        raise
    except Exception as error:  # a foreign decoder fails in many ways, and all mean one thing
        message = f"the picture cannot be decoded: {error}"
        raise Undecodable(message) from error


def _decode(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data), formats=FORMATS) as opened:
        width, height = opened.size
        if width * height > PIXELS:
            message = f"the picture is {width} × {height}; at most {PIXELS:,} pixels are accepted"
            raise Undecodable(message)
        opened.load()
        upright = ImageOps.exif_transpose(opened)
        return flatten(upright)


def flatten(picture: Image.Image) -> Image.Image:
    """Bring a picture of any mode to RGB; what is transparent becomes the colour that shows the rest best."""
    if picture.mode in DEEP:
        return picture.convert("I").point(lambda grey: grey / 256).convert("L").convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    opacity = layered.getchannel("A")
    if not opacity.getextrema()[1]:  # wholly transparent: nothing to contrast with
        return layered.convert("RGB")
    brightness = ImageStat.Stat(layered.convert("L"), opacity).mean[0]
    ground = Image.new("RGBA", layered.size, "white" if brightness < MIDDLE else "black")
    return Image.alpha_composite(ground, layered).convert("RGB")
