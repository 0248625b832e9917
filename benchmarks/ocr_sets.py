"""Generated pictures with known answers: labels, words, arithmetic, LCD meters, counter wheels; none photographed.

Everything comes from one seed. The only font is the one inside Pillow, made various by slant, stretch, outline,
perspective, blur, noise, low resolution and weak contrast.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pydoc_data import topics

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from answerdesk.solve.plugin import Hints

DRAWN = "×÷"
Colour = tuple[int, int, int]

SERIAL = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
WORDS = sorted({word for text in topics.topics.values() for word in re.findall(r"\b[a-z]{4,10}\b", text)})
#: lit segments of each digit: top, upper left, upper right, middle, lower left, lower right, bottom
SEGMENTS = {
    "0": "1110111", "1": "0010010", "2": "1011101", "3": "1011011", "4": "0111010",
    "5": "1101011", "6": "1101111", "7": "1010010", "8": "1111111", "9": "1111011",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A picture, what was said with it and what is right."""

    picture: Image.Image
    hints: Hints
    right: str


def label(draw: random.Random) -> Sample:
    """Draw a printed serial."""
    text = "".join(draw.choice(SERIAL) for _ in range(draw.randint(5, 10)))
    if draw.random() < 0.5:
        place = draw.randint(2, len(text) - 2)
        text = f"{text[:place]}-{text[place:]}"
    return Sample(picture=_worn(_printed(text, draw), draw), hints=Hints(), right=text)


def word(draw: random.Random) -> Sample:
    """Draw a word."""
    text = draw.choice(WORDS)
    text = draw.choice((text, text.title(), text.upper()))
    return Sample(picture=_worn(_printed(text, draw), draw), hints=Hints(numeric=draw.choice((0, 2))), right=text)


def arithmetic(draw: random.Random) -> Sample:
    """Draw a small sum, difference, product or quotient."""
    first, second = draw.randint(1, 50), draw.randint(1, 20)
    sign = draw.choice("+-×*÷/x")
    if sign in "÷/":
        first *= second
    worth = {"+": first + second, "-": first - second}.get(sign)
    if worth is None:
        worth = first // second if sign in "÷/" else first * second
    gap = draw.choice(("", " "))
    end = draw.choice(("", "=", "=?", " = ?"))
    picture = _worn(_printed(f"{first}{gap}{sign}{gap}{second}{end}", draw, outline=draw.random() < 0.3), draw)
    return Sample(picture=picture, hints=Hints(math=True), right=str(worth))


def meter(draw: random.Random) -> Sample:
    """Draw an LCD meter with some case around it."""
    digits = [draw.choice("0123456789") for _ in range(draw.randint(4, 7))]
    if draw.random() < 0.7:
        digits.insert(len(digits) - draw.randint(1, 3), ".")
    text = "".join(digits)
    picture = _worn(_framed(_lcd(text, draw), draw), draw)
    return Sample(picture=picture, hints=Hints(profile="meter"), right=text)


def counter(draw: random.Random) -> Sample:
    """Draw a strip of counter wheels."""
    text = "".join(draw.choice("0123456789") for _ in range(draw.randint(4, 8)))
    hints = Hints(profile="counter", numeric=1, shortest=len(text), longest=len(text))
    return Sample(picture=_worn(_wheels(text, draw), draw), hints=hints, right=text)


SETS: Mapping[str, Callable[[random.Random], Sample]] = {
    "labels": label,
    "words": word,
    "arithmetic": arithmetic,
    "meters": meter,
    "counters": counter,
}


def samples(name: str, seed: int, count: int) -> list[Sample]:
    """Draw a set."""
    draw = random.Random(f"{name} {seed}")  # noqa: S311  pictures need no secrecy
    return [SETS[name](draw) for _ in range(count)]


def _colours(draw: random.Random) -> tuple[Colour, Colour]:
    """Choose ink and paper, light on dark as often as not, at times with weak contrast."""
    contrast = draw.uniform(70, 220)
    dark = draw.uniform(0, 255 - contrast)

    def tint(grey: float) -> Colour:
        red, green, blue = (round(min(255.0, max(0.0, grey + draw.uniform(-18, 18)))) for _ in range(3))
        return red, green, blue

    pair = tint(dark), tint(dark + contrast)
    return pair if draw.random() < 0.75 else (pair[1], pair[0])


def _printed(text: str, draw: random.Random, *, outline: bool = False) -> Image.Image:
    font = ImageFont.load_default(draw.randint(22, 56))
    stroke = 1 if outline else draw.choice((0, 0, 0, 1))
    ink, paper = _colours(draw)
    left, top, right, bottom = font.getbbox(re.sub("[×÷]", "+", text), stroke_width=stroke)
    across, down = draw.randint(6, 20), draw.randint(5, 14)
    size = (round(right - left) + 2 * across, round(bottom - top) + 2 * down)
    picture = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(picture)
    fill, edge = (paper, ink) if outline else (ink, ink if stroke else None)
    place = (across - left, down - top)
    for part in re.split("([×÷])", text):
        if part and part in DRAWN:
            _sign(pen, part, pen.textbbox(place, "+", font=font), ink, font.size / 12 + stroke)
        else:
            pen.text(place, part, fill=fill, font=font, stroke_width=stroke, stroke_fill=edge)
        place = (place[0] + font.getlength("+" if part and part in DRAWN else part), place[1])
    stretch = draw.uniform(0.75, 1.35)
    return picture.resize((max(8, round(picture.width * stretch)), picture.height), Image.Resampling.BICUBIC)


def _sign(
    pen: ImageDraw.ImageDraw, sign: str, box: tuple[float, float, float, float], ink: Colour, thick: float
) -> None:
    """Draw a sign that the font lacks into the place of a plus."""
    left, top, right, bottom = box
    middle, centre, dot = (left + right) / 2, (top + bottom) / 2, thick * 0.7
    if sign == "×":
        inset = (right - left) * 0.12
        for ends in (
            ((left + inset, top + inset), (right - inset, bottom - inset)),
            ((left + inset, bottom - inset), (right - inset, top + inset)),
        ):
            pen.line(ends, fill=ink, width=round(thick))
        return
    pen.line(((left, centre), (right, centre)), fill=ink, width=round(thick))
    for y in (top + dot / 2, bottom - dot / 2):
        pen.ellipse((middle - dot, y - dot, middle + dot, y + dot), fill=ink)


def _lcd(text: str, draw: random.Random) -> Image.Image:
    height = draw.randint(34, 70)
    width, thick = round(height * draw.uniform(0.5, 0.62)), max(3, round(height * draw.uniform(0.09, 0.14)))
    gap = round(height * draw.uniform(0.16, 0.28))
    glass = tuple(draw.randint(150, 215) for _ in range(3))
    lit, unlit = tuple(draw.randint(5, 50) for _ in range(3)), tuple(max(0, c - draw.randint(0, 14)) for c in glass)
    picture = Image.new("RGB", ((width + gap) * len(text) + 2 * gap, height + 2 * gap), glass)
    pen = ImageDraw.Draw(picture)
    left = gap
    for character in text:
        if character == ".":
            pen.rectangle((left - gap + 2, gap + height - thick, left - gap + 2 + thick, gap + height), fill=lit)
            left += thick
            continue
        for on, box in zip(SEGMENTS[character], _segments(left, gap, width, height, thick), strict=True):
            pen.polygon(box, fill=lit if on == "1" else unlit)
        left += width + gap
    return picture.crop((0, 0, left, picture.height))


def _segments(left: int, top: int, width: int, height: int, thick: int) -> list[list[tuple[float, float]]]:
    half = height / 2

    def flat(y: float) -> list[tuple[float, float]]:
        return [
            (left + thick * 0.6, y), (left + thick, y - thick / 2), (left + width - thick, y - thick / 2),
            (left + width - thick * 0.6, y), (left + width - thick, y + thick / 2), (left + thick, y + thick / 2),
        ]  # fmt: skip

    def upright(x: float, y: float) -> list[tuple[float, float]]:
        end = y + half - thick / 2
        return [
            (x, y), (x + thick / 2, y + thick / 2), (x + thick / 2, end - thick / 2),
            (x, end), (x - thick / 2, end - thick / 2), (x - thick / 2, y + thick / 2),
        ]  # fmt: skip

    low, high = left + thick / 2, left + width - thick / 2
    upper, lower = top + thick / 2, top + half
    return [
        flat(top + thick / 2), upright(low, upper), upright(high, upper), flat(top + half),
        upright(low, lower), upright(high, lower), flat(top + height - thick / 2),
    ]  # fmt: skip


def _framed(screen: Image.Image, draw: random.Random) -> Image.Image:
    margins = [draw.randint(10, 40) for _ in range(4)]
    case = tuple(draw.randint(40, 235) for _ in range(3))
    size = (screen.width + margins[0] + margins[2], screen.height + margins[1] + margins[3])
    picture = Image.new("RGB", size, case)
    picture.paste(screen, (margins[0], margins[1]))
    return picture


def _wheels(text: str, draw: random.Random) -> Image.Image:
    font = ImageFont.load_default(draw.randint(26, 48))
    cell = round(font.getlength("0") * draw.uniform(1.25, 1.7))
    height = round(font.size * draw.uniform(1.0, 1.25))
    picture = Image.new("RGB", (cell * len(text), height), (20, 20, 20))
    pen = ImageDraw.Draw(picture)
    for place, digit in enumerate(text):
        drum = tuple(draw.randint(8, 45) for _ in range(3))
        pen.rectangle((place * cell + 1, 0, (place + 1) * cell - 2, height), fill=drum)
        middle = (place + 0.5) * cell
        shift = draw.uniform(-0.06, 0.06) * height
        pen.text((middle, height / 2 + shift), digit, fill=(232, 232, 226), font=font, anchor="mm")
    return picture


def _worn(picture: Image.Image, draw: random.Random) -> Image.Image:
    """Tilt, blur, shrink and soil a picture as a camera and a hurried hand would."""
    width, height = picture.size
    lean = height * 0.1
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    quad = [coordinate + draw.uniform(-lean, lean) for corner in corners for coordinate in corner]
    picture = picture.transform(
        picture.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=picture.getpixel((1, 1))
    )
    picture = picture.filter(ImageFilter.GaussianBlur(draw.uniform(0, height / 45)))
    if draw.random() < 0.3:
        scale = max(0.45, 16 / height, draw.uniform(0.45, 1.0))
        picture = picture.resize((max(8, math.ceil(width * scale)), math.ceil(height * scale)))
    sigma = draw.uniform(0, 22)
    noise = Image.frombytes("L", picture.size, _soil(picture.width * picture.height, sigma, draw))
    grey = Image.merge("RGB", (noise,) * 3)
    return ImageChops.add(picture, grey, offset=-128)


def _soil(count: int, sigma: float, draw: random.Random) -> bytes:
    # A bag of samples drawn once a picture costs a tenth of drawing every pixel.
    bag = [round(min(255.0, max(0.0, draw.gauss(128, sigma)))) for _ in range(997)]
    return bytes(draw.choices(bag, k=count))
