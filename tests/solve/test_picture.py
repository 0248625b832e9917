"""Pictures are decoded upright and opaque, from a short list of formats, and never past the pixel cap."""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from answerdesk.solve import picture
from tests.solve.desk import blank

RED, BLUE = (200, 30, 30), (30, 30, 200)


def saved(image, form, **said):
    held = BytesIO()
    image.save(held, form, **said)
    return held.getvalue()


@pytest.mark.parametrize("form", picture.FORMATS)
def test_each_accepted_format_is_decoded(form):
    decoded = picture.decode(saved(Image.new("RGB", (31, 17), RED), form))

    assert (decoded.mode, decoded.size) == ("RGB", (31, 17))
    assert decoded.getpixel((9, 9)) == pytest.approx(RED, abs=8)


@pytest.mark.parametrize("form", ["TIFF", "PPM", "ICO", "TGA"])
def test_other_formats_are_refused(form):
    with pytest.raises(picture.Undecodable, match="cannot be decoded"):
        picture.decode(saved(Image.new("RGB", (31, 17)), form))


def test_of_an_animation_the_first_frame_is_read():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]

    decoded = picture.decode(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert decoded.getpixel((4, 4)) == RED


def test_a_photograph_is_turned_upright():
    lying = Image.new("RGB", (40, 20), RED)
    exif = Image.Exif()
    exif[0x0112] = 6

    assert picture.decode(saved(lying, "JPEG", exif=exif)).size == (20, 40)


@pytest.mark.parametrize(("ink", "ground"), [((0, 0, 0), 255), ((255, 255, 255), 0)], ids=["dark", "light"])
def test_what_is_transparent_contrasts_with_the_rest(ink, ground):
    layered = Image.new("RGBA", (20, 20), (*ink, 0))
    layered.paste((*ink, 255), (5, 5, 12, 12))

    decoded = picture.decode(saved(layered, "PNG"))

    assert decoded.getpixel((1, 1)) == (ground,) * 3
    assert decoded.getpixel((8, 8)) == ink


def test_a_transparent_palette_colour_is_flattened_too():
    indexed = Image.new("P", (20, 20), 0)
    indexed.putpalette([0, 0, 0, 10, 10, 10])
    indexed.paste(1, (5, 5, 12, 12))

    assert picture.decode(saved(indexed, "PNG", transparency=0)).getpixel((1, 1)) == (255, 255, 255)


def test_a_wholly_transparent_picture_is_decoded():
    assert picture.decode(saved(Image.new("RGBA", (9, 9), (1, 2, 3, 0)), "PNG")).mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_each_mode_comes_out_as_colours(mode):
    assert picture.decode(saved(Image.new(mode, (9, 9)), "PNG")).mode == "RGB"


def test_deep_greys_keep_their_brightness():
    deep = Image.new("I;16", (9, 9), 0x8000)

    assert picture.decode(saved(deep, "PNG")).getpixel((4, 4)) == (128, 128, 128)


def test_a_print_picture_comes_out_as_colours():
    assert picture.decode(saved(Image.new("CMYK", (9, 9)), "JPEG")).mode == "RGB"


def bomb(side):
    """Build a PNG whose header promises more pixels than its few bytes hold."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [5_001, 12_000, 60_000])
def test_too_many_pixels_are_refused_before_any_is_decoded(side):
    with pytest.raises(picture.Undecodable, match="pixel"):
        picture.decode(bomb(side))


def test_too_many_bytes_are_refused():
    with pytest.raises(picture.Undecodable, match="8,000,001 bytes; at most 8,000,000 are accepted"):
        picture.decode(b"\0" * 8_000_001)


@given(st.integers(0, 200), st.binary(max_size=40))
def test_damaged_pictures_are_refused_or_decoded_and_nothing_else(place, damage):
    whole = blank()
    try:
        decoded = picture.decode(whole[:place] + damage + whole[place + len(damage) :])
    except picture.Undecodable:
        return

    assert decoded.mode == "RGB"


def test_a_cut_off_picture_is_refused():
    noisy = saved(Image.effect_noise((200, 100), 80).convert("RGB"), "JPEG")

    with pytest.raises(picture.Undecodable, match="cannot be decoded"):
        picture.decode(noisy[: len(noisy) // 2])
