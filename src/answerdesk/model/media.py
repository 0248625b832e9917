"""What kind and size a picture or sound is, told from its header bytes alone.
Rule: nothing is decoded here and the declared type is ignored; full decoding happens in other processes."""

from __future__ import annotations

import binascii
import re
import struct
from typing import Final

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Medium

LEAST_BYTES: Final = 100
MOST_PIXELS: Final = 25_000_000

_PREFIX = re.compile(rb"\s*data:[^,]{0,200},", re.IGNORECASE)
_SPACE: Final = b" \t\r\n\f\v"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decode_base64(text: object, field: str) -> bytes:
    """Decode base64 with or without padding, line breaks, URL-safe letters or a ``data:`` prefix (PROTOCOL §6.1)."""
    if not isinstance(text, str) or not text:
        wrong = "missing or empty" if text in (None, "", False) else "no text"
        raise Refusal(Fault.ZERO_CAPTCHA_FILESIZE, f"{field} is {wrong}; it must be a base64 text")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return _decode_leniently(text, field)


def _decode_leniently(text: str, field: str) -> bytes:
    try:
        letters = text.encode("ascii")
        if prefix := _PREFIX.match(letters):
            letters = letters[prefix.end() :]
        letters = letters.translate(_URL_SAFE, _SPACE).rstrip(b"=")
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4), strict_mode=True)
    except ValueError:
        msg = f"{field} is not base64: letters, digits, + and / (or - and _) are accepted"
        raise Refusal(Fault.ZERO_CAPTCHA_FILESIZE, msg) from None


def sniff(data: bytes) -> Medium | None:
    """Tell a picture's or sound's type and size from its first bytes; None when it is none we accept."""
    for magic, read in _READERS:
        if data.startswith(magic):
            try:
                return read(data)
            except (struct.error, IndexError):
                return None
    return _mp3(data)


def _png(data: bytes) -> Medium | None:
    width, height = struct.unpack_from(">II", data, 16)
    return _picture("image/png", width, height) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Medium | None:
    width, height = struct.unpack_from("<HH", data, 6)
    return _picture("image/gif", width, height) if data[3:6] in {b"87a", b"89a"} else None


#: The sizes a bitmap's header may have; the oldest has 16-bit sides.
_OLDEST_HEADER: Final = 12
_BMP_HEADERS: Final = frozenset({40, 52, 56, 64, 108, 124})


def _bmp(data: bytes) -> Medium | None:
    header = struct.unpack_from("<I", data, 14)[0]
    if header == _OLDEST_HEADER:
        return _picture("image/bmp", *struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    return _picture("image/bmp", width, abs(height)) if header in _BMP_HEADERS else None


def _riff(data: bytes) -> Medium | None:
    form, chunk = data[8:12], data[12:16]
    if form == b"WAVE":
        return Medium(type="audio/wav")
    if form != b"WEBP":
        return None
    if chunk == b"VP8X":
        low, high, low_too, high_too = struct.unpack_from("<HBHB", data, 24)
        sides = (high << 16 | low) + 1, (high_too << 16 | low_too) + 1
    elif chunk == b"VP8L" and data[20] == 0x2F:
        bits = struct.unpack_from("<I", data, 21)[0]
        sides = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        packed = struct.unpack_from("<HH", data, 26)
        sides = packed[0] & 0x3FFF, packed[1] & 0x3FFF
    else:
        return None
    return _picture("image/webp", *sides)


#: The JPEG markers that carry the frame's size: every start of frame but DHT, JPG and DAC.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Scan data and the end of the picture; the size stands before them.
_TOO_LATE: Final = frozenset({0xD9, 0xDA})
#: No camera writes this many segments before the size; whoever does wants the walk to last.
_MOST_SEGMENTS: Final = 1_000


def _jpeg(data: bytes) -> Medium | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return _picture("image/jpeg", width, height)
        elif marker in _TOO_LATE:
            return None
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _picture(kind: str, width: int, height: int) -> Medium | None:
    return Medium(type=kind, width=width, height=height) if width > 0 and height > 0 else None


def _mp3(data: bytes) -> Medium | None:
    """Accept an ID3 tag, or a frame header whose version, layer, rate and frequency are all real."""
    if data.startswith(b"ID3"):
        return Medium(type="audio/mpeg")
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    rate, frequency = data[2] >> 4, data[2] >> 2 & 3
    real = version != 1 and layer == 1 and rate not in {0, 15} and frequency != 3
    return Medium(type="audio/mpeg") if real else None


_READERS: Final = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"GIF8", _gif),
    (b"RIFF", _riff),
    (b"BM", _bmp),
    (b"OggS", lambda _: Medium(type="audio/ogg")),
    (b"fLaC", lambda _: Medium(type="audio/flac")),
)
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
SOUNDS: Final = frozenset({"audio/mpeg", "audio/wav", "audio/ogg", "audio/flac"})
