"""The darkroom's child: reads pictures and sounds from its standard input and writes them anew to its standard output.
Rule: it holds nothing but one of them, has a ceiling on memory, and ends with its parent."""

from __future__ import annotations

import io
import resource
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final

from PIL import Image

from answerdesk.model.media import MOST_PIXELS, SOUNDS, sniff
from answerdesk.model.upright import TURNS

_HEAD: Final = struct.Struct(">BI")
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
MOST_MEMORY: Final = 1_500_000_000
#: The longest side of the copy people see.
MOST_SIDE: Final = 4_096


#: What an animation may have: frames, pixels in all of them, and milliseconds that one is seen.
MOST_FRAMES: Final = 100
MOST_MOVING_PIXELS: Final = 8_000_000
_LEAST_MS: Final = 20
_MOST_MS: Final = 10_000
_USUAL_MS: Final = 100
_ROTATIONS: Final = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}


def redraw(data: bytes) -> bytes:
    """Decode a picture, set it upright, and encode it as PNG with nothing else in it; raises ValueError.

    An animation stays one, up to a number of frames, and goes round and round.
    """
    medium = sniff(data)
    orientation = medium.orientation if medium else 1
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            _check_size(opened)
            opened.load()
            seen = [(_clean(opened, orientation), _milliseconds(opened)), *_moves(opened, orientation)]
    except ValueError:
        raise
    except Exception as error:
        # What a decoder raises at broken bytes is no fixed list: its own assertions are among it.
        msg = f"{type(error).__name__}: {error}"
        raise ValueError(msg) from error
    copy = io.BytesIO()
    frames, times = zip(*seen, strict=True)
    if len(frames) == 1:
        frames[0].save(copy, "PNG", compress_level=1)
    else:
        moving = [frame.convert("RGBA") for frame in frames]
        moving[0].save(copy, "PNG", compress_level=1, save_all=True, append_images=moving[1:], duration=times, loop=0)
    return copy.getvalue()


def _check_size(opened: Image.Image) -> None:
    if opened.width * opened.height > MOST_PIXELS:
        msg = f"{opened.width} x {opened.height} pixels are too many"
        raise ValueError(msg)


def _moves(opened: Image.Image, orientation: int) -> Iterator[tuple[Image.Image, int]]:
    """Yield an animation's frames after the first with their times; what comes after a broken one is left out."""
    most = min(MOST_FRAMES, MOST_MOVING_PIXELS // (opened.width * opened.height))
    for i in range(1, most):
        try:
            opened.seek(i)
            opened.load()
            seen = _clean(opened, orientation), _milliseconds(opened)
        except Exception:  # noqa: BLE001 - as above
            return
        yield seen


def _clean(picture: Image.Image, orientation: int) -> Image.Image:
    """Draw one frame upright as a new picture of its pixels alone, which carries no metadata along."""
    drawn = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    mirrored, quarters = TURNS[orientation]
    if mirrored:
        drawn = drawn.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if quarters:
        drawn = drawn.transpose(_ROTATIONS[quarters])
    drawn.thumbnail((MOST_SIDE, MOST_SIDE))
    return Image.frombytes(drawn.mode, drawn.size, drawn.tobytes())


def _milliseconds(picture: Image.Image) -> int:
    """Tell how long a frame is seen; one without a time gets what browsers give it."""
    told = int(picture.info.get("duration", 0) or _USUAL_MS)
    return min(max(told, _LEAST_MS), _MOST_MS)


#: A longer sound is cut off: what people hear out is far shorter.
MOST_SECONDS: Final = 600


def rerecord(data: bytes) -> bytes:
    """Decode a sound and encode it as WAV of one channel with nothing else in it; raises ValueError."""
    import soundfile  # noqa: PLC0415 - its arithmetic takes longer to load than most pictures to draw

    copy = io.BytesIO()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            samples = sound.read(MOST_SECONDS * sound.samplerate, dtype="float32", always_2d=True)
            if not len(samples):
                msg = "there is no sound in it"
                raise ValueError(msg)
            soundfile.write(copy, samples.mean(axis=1), sound.samplerate, format="WAV", subtype="PCM_16")
    except (soundfile.SoundFileError, TypeError, MemoryError) as error:
        msg = f"{type(error).__name__}: {error}"
        raise ValueError(msg) from error
    return copy.getvalue()


def anew(data: bytes) -> bytes:
    """Make a picture or a sound anew; raises ValueError."""
    medium = sniff(data)
    return rerecord(data) if medium is not None and medium.type in SOUNDS else redraw(data)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until the parent closes its end."""
    while len(head := requests.read(_HEAD.size)) == _HEAD.size:
        data = requests.read(_HEAD.unpack(head)[1])
        try:
            failed, reply = 0, anew(data)
        except ValueError as error:
            failed, reply = 1, str(error)[:300].encode()
        replies.write(_HEAD.pack(failed, len(reply)) + reply)
        replies.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
