"""Pictures and sounds are told by their first bytes, in bounded time, however broken they are."""

from __future__ import annotations

import base64
import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.media import PICTURES, SOUNDS, decode_base64, sniff
from answerdesk.model.question import Medium

SIZE = (37, 23)
MODES = ("RGB", "L", "P", "1")
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "jpeg": ("JPEG", {}),
    "jpeg, progressive": ("JPEG", {"progressive": True}),
    "jpeg, with remarks": ("JPEG", {"comment": b"\xff\xc0 no frame" * 900, "icc_profile": b"\xff\xc2" * 70_000}),
    "gif": ("GIF", {}),
    "webp": ("WEBP", {}),
    "webp, lossless": ("WEBP", {"lossless": True}),
    "webp, extended": ("WEBP", {"exif": b"Exif\0\0" + bytes(40)}),
    "bmp": ("BMP", {}),
    "bmp, old": ("DIB", {}),
}


def draw(way: str, mode: str = "RGB", size: tuple[int, int] = SIZE) -> bytes:
    kind, options = WAYS[way]
    file = io.BytesIO()
    picture = Image.effect_noise(size, 90).convert(mode if kind != "JPEG" or mode in {"RGB", "L"} else "L")
    picture.save(file, kind, **options)
    data = file.getvalue()
    return b"BM" + struct.pack("<IHHI", len(data) + 14, 0, 0, 54) + data if kind == "DIB" else data


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
def test_a_drawn_picture_is_told_with_its_size(way: str, mode: str) -> None:
    kind = way.partition(",")[0]

    assert sniff(draw(way, mode)) == Medium(type=f"image/{kind}", width=37, height=23)


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_cut_anywhere_is_itself_or_nothing(way: str) -> None:
    data = draw(way)
    whole = sniff(data)

    told = [sniff(data[:length]) for length in range(min(len(data), 3_000))]

    assert set(told) <= {whole, None}
    assert told[0] is None


@pytest.mark.parametrize("way", WAYS)
@given(data=st.data())
def test_a_picture_with_other_bytes_in_its_head_is_told_or_not_but_never_raises(way: str, data: st.DataObject) -> None:
    picture = bytearray(draw(way))
    for _ in range(data.draw(st.integers(1, 4))):
        picture[data.draw(st.integers(0, 40))] = data.draw(st.integers(0, 255))

    told = sniff(bytes(picture))

    assert told is None or told.type in PICTURES | SOUNDS
    assert told is None or told.type in SOUNDS or (told.width > 0 and told.height > 0)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_told_or_not_but_never_raise(data: bytes) -> None:
    for magic in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF", b"BM", b"ID3", b"OggS", b"\xff\xfb"):
        told = sniff(magic + data)

        assert told is None or told.type in PICTURES | SOUNDS


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(60), "audio/wav"),
        (b"OggS" + bytes(60), "audio/ogg"),
        (b"fLaC" + bytes(60), "audio/flac"),
        (b"ID3\x04" + bytes(60), "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + bytes(60), "audio/mpeg"),
        (b"\xff\xf3\x40\xc4" + bytes(60), "audio/mpeg"),
    ],
)
def test_sounds_are_told(data: bytes, kind: str) -> None:
    assert sniff(data) == Medium(type=kind)


@pytest.mark.parametrize(
    "data",
    [
        b"BMW and other makers" * 20,
        b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(60),
        b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(60),
        b"RIFF\x24\x00\x00\x00WEBPVP8L" + bytes(60),
        b"RIFF\x24\x00\x00\x00WEBPXXXX" + bytes(60),
        b"GIF88a" + bytes(60),
        b"GIF89a" + bytes(60),
        b"\x89PNG\r\n\x1a\n" + bytes(60),
        b"\xff\xff\xff\xff" + bytes(60),
        b"\xff\xfb\xf0\x00" + bytes(60),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7 ",
        b"II*\x00" + bytes(60),
        b"\x00\x00\x00\x20ftypM4A " + bytes(60),
        "жук".encode() * 50,
        bytes(500),
        b"",
    ],
    ids=lambda data: repr(data[:16]),
)
def test_what_only_resembles_a_picture_or_sound_is_nothing(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    "rest",
    [
        b"\xff" * 500_000,
        b"\xe0\x00\x00" + b"\xff\xe0\x00\x00" * 100_000,
        b"\xe0\x00\x02" + b"\xff\xfe\x00\x02" * 100_000,
    ],
    ids=["padding", "segments of no length", "empty segments"],
)
def test_a_jpeg_made_to_last_is_given_up_after_a_thousand_segments(rest: bytes) -> None:
    frame = draw("jpeg")[2:]

    assert sniff(b"\xff\xd8\xff" + rest + frame) is None


def test_a_jpeg_whose_size_comes_after_its_data_is_nothing() -> None:
    assert sniff(b"\xff\xd8\xff\xda\x00\x02" + draw("jpeg")[2:]) is None


def test_a_bitmap_drawn_from_the_top_has_a_positive_height() -> None:
    data = bytearray(draw("bmp"))
    data[22:26] = struct.pack("<i", -23)

    assert sniff(bytes(data)) == Medium(type="image/bmp", width=37, height=23)


def test_the_oldest_bitmaps_are_told() -> None:
    data = b"BM" + struct.pack("<IHHIIHHHH", 200, 0, 0, 26, 12, 37, 23, 1, 24) + bytes(120)

    assert sniff(data) == Medium(type="image/bmp", width=37, height=23)


@given(data=st.binary(max_size=300), cut=st.integers(1, 80))
def test_base64_of_anything_reads_back_in_every_form(data: bytes, cut: int) -> None:
    plain = base64.b64encode(data).decode()
    lines = "\r\n".join(plain[i : i + cut] for i in range(0, len(plain), cut))
    safe = base64.urlsafe_b64encode(data).decode()
    for text in (plain, lines, safe, plain.rstrip("="), safe.rstrip("="), f"data:image/png;base64,{plain}"):
        if text:
            assert decode_base64(text, "body") == data


def refusal(given: object) -> Refusal | None:
    try:
        decode_base64(given, "task.body")
    except Refusal as refused:
        return refused
    return None


@given(given=st.text() | st.none() | st.integers() | st.lists(st.text()) | st.text("AZaz09+/=-_ \n", max_size=60))
def test_anything_else_is_bytes_or_a_refusal_that_names_the_field(given: object) -> None:
    refused = refusal(given)

    assert refused is None or refused.fault is Fault.ZERO_CAPTCHA_FILESIZE
    assert refused is None or (refused.detail.startswith("task.body is ") and "base64" in refused.detail)


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "AA=A", "QQ==QQ==", "QUJD*", "QUJD\u00e9", "data:image/png,%41", "data:"]
)
def test_what_is_not_base64_is_refused_with_what_is(text: str) -> None:
    refused = refusal(text)

    assert refused is not None
    assert refused.detail == "task.body is not base64: letters, digits, + and / (or - and _) are accepted"


@pytest.mark.parametrize("text", ["=", "====", " ", "data:;base64,"])
def test_base64_of_nothing_is_nothing(text: str) -> None:
    assert decode_base64(text, "task.body") == b""


ORIENTED = ("jpeg", "jpeg, progressive", "png", "webp", "webp, lossless")


def lay(way: str, orientation: int, order: str = "<") -> bytes:
    """Draw a picture that says which way up it is."""
    kind, options = WAYS[way]
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "a camera"
    exif.endian = order
    file = io.BytesIO()
    Image.effect_noise(SIZE, 90).convert("RGB").save(file, kind, **options, exif=exif.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("way", ORIENTED)
def test_a_pictures_size_is_told_as_seen_upright(way: str, orientation: int, order: str) -> None:
    data = lay(way, orientation, order)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))

    found = sniff(data)

    assert found == Medium(
        type=f"image/{way.partition(',')[0]}", width=upright.width, height=upright.height, orientation=orientation
    )


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_is_none_is_no_orientation(orientation: int) -> None:
    assert sniff(lay("jpeg", orientation)) == Medium(type="image/jpeg", width=37, height=23)


def png_with(block: bytes) -> bytes:
    """Put an EXIF chunk behind a picture's other chunks."""
    data = draw("png")
    return data[:-12] + struct.pack(">I", len(block)) + b"eXIf" + block + bytes(4) + data[-12:]


def directory(*entries: tuple[int, int, int, int], count: int | None = None) -> bytes:
    packed = b"".join(struct.pack("<HHIHH", *entry, 0) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries) if count is None else count) + packed


LYING = (0x0112, 3, 1, 6)
EXIF = {
    "plain": (directory(LYING), 6),
    "behind others": (directory((0x010F, 3, 1, 2), (0x0110, 4, 1, 3), LYING), 6),
    "with the name JPEG gives it": (b"Exif\0\0" + directory(LYING), 6),
    "of another type": (directory((0x0112, 4, 1, 6)), 1),
    "of two values": (directory((0x0112, 3, 2, 6)), 1),
    "not there": (directory((0x010F, 3, 1, 6)), 1),
    "behind too many": (directory(*[(0x010F, 3, 1, 6)] * 200, LYING), 1),
    "cut": (directory(LYING)[:-4], 1),
    "longer than it is": (directory((0x010F, 3, 1, 6), count=9), 1),
    "nowhere": (b"II*\0" + struct.pack("<I", 2**31), 1),
    "in no byte order": (b"XX*\0" + directory(LYING)[4:], 1),
    "empty": (b"", 1),
}


@pytest.mark.parametrize(("block", "orientation"), EXIF.values(), ids=EXIF)
def test_an_exif_block_tells_an_orientation_or_nothing(block: bytes, orientation: int) -> None:
    found = sniff(png_with(block))

    assert found is not None
    assert found.orientation == orientation


def test_the_first_exif_of_a_jpeg_counts() -> None:
    lying, upright = lay("jpeg", 6), lay("jpeg", 1)
    segment = lying[2 : lying.index(b"\xff\xdb")]

    assert sniff(upright[:2] + segment + upright[2:]) == sniff(lying)


def test_no_more_chunks_are_looked_at_than_a_picture_has() -> None:
    data = draw("png")
    chunk = struct.pack(">I", 0) + b"tEXt" + bytes(4)
    behind = struct.pack(">I", len(directory(LYING))) + b"eXIf" + directory(LYING) + bytes(4)

    near, far = sniff(data[:33] + chunk * 990 + behind), sniff(data[:33] + chunk * 1_000 + behind)

    assert near is not None
    assert far is not None
    assert (near.orientation, far.orientation) == (6, 1)


@given(block=st.binary(max_size=80), way=st.sampled_from(["png", "webp, extended"]))
def test_any_exif_block_is_survived(block: bytes, way: str) -> None:
    data = png_with(b"II*\0" + block) if way == "png" else draw(way).replace(bytes(40), block[:40].ljust(40, b"\0"))

    medium = sniff(data)

    assert medium is not None
    assert medium.orientation in range(1, 9)
