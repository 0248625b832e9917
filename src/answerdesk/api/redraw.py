"""The darkroom's child: reads pictures from its standard input and writes them drawn anew to its standard output.
Rule: it holds nothing but one picture, has a ceiling on memory, and ends with its parent."""

from __future__ import annotations

import io
import resource
import struct
import sys
from typing import BinaryIO, Final

from PIL import Image, ImageOps

from answerdesk.model.media import MOST_PIXELS

_HEAD: Final = struct.Struct(">BI")
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
MOST_MEMORY: Final = 1_500_000_000
#: The longest side of the copy people see.
MOST_SIDE: Final = 4_096


def redraw(data: bytes) -> bytes:
    """Decode the first frame, set it upright, and encode it as PNG with nothing else in it; raises ValueError."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                msg = f"{opened.width} x {opened.height} pixels are too many"
                raise ValueError(msg)
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            drawn = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, SyntaxError, MemoryError, Image.DecompressionBombError, IndexError, KeyError) as error:
        msg = f"{type(error).__name__}: {error}"
        raise ValueError(msg) from error
    drawn.thumbnail((MOST_SIDE, MOST_SIDE))
    # A new picture of the pixels alone carries no metadata along.
    clean = Image.frombytes(drawn.mode, drawn.size, drawn.tobytes())
    copy = io.BytesIO()
    clean.save(copy, "PNG", compress_level=1)
    return copy.getvalue()


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until the parent closes its end."""
    while len(head := requests.read(_HEAD.size)) == _HEAD.size:
        data = requests.read(_HEAD.unpack(head)[1])
        try:
            failed, reply = 0, redraw(data)
        except ValueError as error:
            failed, reply = 1, str(error)[:300].encode()
        replies.write(_HEAD.pack(failed, len(reply)) + reply)
        replies.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
