"""What the darkroom's child draws: upright, clean, moving where the picture moved, and bounded."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from answerdesk.api.redraw import MOST_FRAMES, MOST_SECONDS, anew, redraw
from answerdesk.model.media import sniff

ORIENTATION = 0x0112
COLOURS = ("red", "lime", "blue", "yellow")


def encoded(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def opened(data: bytes) -> Any:
    return Image.open(io.BytesIO(redraw(data)))


def sides(data: bytes) -> tuple[int, int]:
    """Tell width and height as the header says them."""
    medium = sniff(data)
    assert medium is not None
    return medium.width, medium.height


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_set_upright_as_its_header_says(form: str, orientation: int) -> None:
    plain = Image.new("RGB", (48, 32), "white")
    plain.paste((200, 0, 0), (0, 0, 16, 8))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    lossless: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    options = lossless.get(form, {})
    data = encoded(plain, form, exif=exif, **options)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")

    drawn = opened(data)

    assert drawn.tobytes() == expected.tobytes()
    assert drawn.size == expected.size == sides(data)


def test_only_what_the_header_was_told_by_turns_a_picture() -> None:
    note = PngInfo()
    note.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    data = encoded(Image.new("RGB", (48, 32)), pnginfo=note)

    assert opened(data).size == (48, 32) == sides(data)


def animation(form: str, count: int = 4, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    frames = [Image.new("RGB", size, COLOURS[i % 4]) for i in range(count)]
    lossless = {"lossless": True} if form == "WEBP" else {}
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **lossless, **options)


def shown(picture: Any) -> list[tuple[tuple[int, ...], float]]:
    """Give each frame's colour and time."""
    seen = []
    for i in range(getattr(picture, "n_frames", 1)):
        picture.seek(i)
        seen.append((picture.convert("RGB").getpixel((5, 5)), picture.info["duration"]))
    return seen


RED, LIME, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one_and_goes_round(form: str) -> None:
    drawn = opened(animation(form, duration=[100, 200, 300, 400]))

    assert (drawn.format, drawn.info["loop"]) == ("PNG", 0)
    assert shown(drawn) == [(RED, 100), (LIME, 200), (BLUE, 300), (YELLOW, 400)]


def test_an_animation_lies_upright_in_every_frame() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6

    drawn = opened(animation("WEBP", duration=50, exif=exif.tobytes()))

    assert (drawn.size, drawn.n_frames) == ((30, 40), 4)


@pytest.mark.parametrize(("told", "seen"), [(0, 100), (10, 20), (60_000, 10_000)])
def test_a_frame_is_seen_for_a_bounded_time(told: int, seen: int) -> None:
    assert [time for _, time in shown(opened(animation("GIF", duration=told)))] == [seen] * 4


def test_only_so_many_frames_are_drawn() -> None:
    assert opened(animation("GIF", MOST_FRAMES + 20, (8, 8))).n_frames == MOST_FRAMES


@pytest.mark.slow
def test_only_so_many_pixels_move() -> None:
    assert opened(animation("PNG", 4, (2_000, 1_300), compress_level=1)).n_frames == 3
    assert getattr(opened(animation("PNG", 2, (3_000, 2_700), compress_level=1)), "n_frames", 1) == 1


def test_frames_behind_a_broken_one_are_left_out() -> None:
    # The same noise each time: how well it packs decides in which frame a file ends.
    drawing = np.random.default_rng(7)
    noise = [Image.fromarray(drawing.integers(256, size=(60, 60), dtype=np.uint8)).convert("P") for _ in range(4)]
    whole = encoded(noise[0], "GIF", save_all=True, append_images=noise[1:], duration=50)

    drawn = opened(whole[: len(whole) * 5 // 8])

    assert drawn.n_frames == 2


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_a_file_cut_anywhere_is_drawn_or_refused(form: str) -> None:
    drawing = np.random.default_rng(7)
    noise = [Image.fromarray(drawing.integers(256, size=(8, 8), dtype=np.uint8)).convert("P") for _ in range(3)]
    whole = encoded(noise[0], form, save_all=True, append_images=noise[1:], duration=50)
    refused = 0

    for end in range(len(whole)):
        try:
            opened(whole[:end]).load()
        except ValueError:
            refused += 1

    assert refused
    assert opened(whole).n_frames == 3


def test_what_shines_through_still_does() -> None:
    data = encoded(Image.new("RGBA", (40, 30), (255, 0, 0, 128)))

    assert opened(data).mode == "RGBA"
    assert opened(data).getpixel((0, 0)) == (255, 0, 0, 128)


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(Image.new("RGB", (40, 30)))[:60]])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="Error: "):
        redraw(data)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(ValueError, match="6000 x 6000 pixels are too many"):
        redraw(encoded(Image.new("1", (6_000, 6_000))))


def test_nothing_but_pixels_is_kept() -> None:
    note = PngInfo()
    note.add_text("Comment", "SECRET")
    exif = Image.Exif()
    exif[0x010F] = "SECRET"
    copy = redraw(encoded(Image.new("RGB", (40, 30)), pnginfo=note, exif=exif, icc_profile=b"SECRET" * 20))

    assert b"SECRET" not in copy
    assert not Image.open(io.BytesIO(copy)).info.keys() & {"exif", "Comment", "icc_profile"}


def recorded(form: str, *, seconds: float = 0.5, channels: int = 2, **options: Any) -> bytes:
    """A tone as a file of some format."""
    tone = np.sin(np.arange(int(8_000 * seconds)) * 0.3)
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone] * channels, axis=1), 8_000, format=form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_every_sound_is_recorded_anew_as_wav_of_one_channel(form: str) -> None:
    heard, rate = soundfile.read(io.BytesIO(anew(recorded(form))), always_2d=True)

    assert rate == 8_000
    assert heard.shape[1] == 1
    assert abs(len(heard) / rate - 0.5) < 0.2
    assert 0.3 < np.abs(heard).max() < 1.1


def test_nothing_but_samples_is_kept_of_a_sound() -> None:
    data = recorded("WAV")
    tagged = data + b"LIST" + (12).to_bytes(4, "little") + b"INFOSECRET!!"
    tagged = tagged[:4] + (len(tagged) - 8).to_bytes(4, "little") + tagged[8:]

    assert b"SECRET" not in anew(tagged)


def test_a_sound_is_cut_off_where_it_is_too_long() -> None:
    data = recorded("FLAC", seconds=MOST_SECONDS + 2, channels=1)

    assert soundfile.info(io.BytesIO(anew(data))).duration == MOST_SECONDS


@pytest.mark.parametrize("data", [b"fLaC", b"OggS and more", recorded("WAV", seconds=0), recorded("FLAC")[:60]])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Error: |no sound"):
        anew(data)
