"""Questions of every kind whose answers are known, drawn and spoken here: for practice, and for the demo.
Rule: the same randomness draws the same sample; nearness to the answer is judged as a person's hand is, not a ruler."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Callable, Mapping
from importlib.resources import files
from random import Random
from typing import Any, Final

import msgspec
from PIL import Image, ImageDraw, ImageFont

from answerdesk.model.media import sniff
from answerdesk.model.question import Constraints, Kind, Medium, Question

#: Says a message of the locale files by its key, with what stands in its braces.
Say = Callable[..., str]
Colour = tuple[int, int, int]
Point = tuple[float, float]

PAPER: Final = (246, 244, 238)
INK: Final = (38, 44, 58)
SHADES: Final[Mapping[str, Colour]] = {
    "red": (196, 62, 58),
    "blue": (52, 104, 168),
    "green": (62, 132, 88),
    "yellow": (214, 164, 44),
    "violet": (124, 84, 160),
}
#: Letters and digits that nobody takes for one another.
SIGNS: Final = "ACDEFHJKLMNPRTUVWXY34679"
WORDS: Final = ("harbour", "lantern", "meadow", "orchard", "pebble", "quarry", "saddle", "thimble")

#: How far from a mark a click may be, in pixels, and how much of two shapes must be common.
NEAR: Final = 14
OVERLAP: Final = 0.6
STEP: Final = 30
FULL_TURN: Final = 360


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its media's bytes and an answer in normal form (PROTOCOL §6.14)."""

    question: Question
    media: tuple[bytes, ...] = ()
    answer: Any

    def fits(self, value: Any) -> bool:
        """Tell whether a value in normal form is near enough to the answer."""
        return _FITS[self.question.kind](self, value)


def draw(kind: Kind, random: Random, say: Say) -> Sample:
    """Draw a sample of a kind."""
    return _DRAWN[kind](random, say)


def _text(random: Random, say: Say) -> Sample:
    signs = "".join(random.choices(SIGNS, k=random.randint(5, 6)))
    font = ImageFont.load_default(44)
    picture = Image.new("RGB", (38 * len(signs) + 36, 84), PAPER)
    for i, sign in enumerate(signs):
        glyph = Image.new("RGBA", (64, 64))
        ImageDraw.Draw(glyph).text((32, 32), sign, fill=INK, font=font, anchor="mm")
        turned = glyph.rotate(random.uniform(-9, 9), Image.Resampling.BICUBIC)
        picture.paste(turned, (38 * i + 4, random.randint(6, 14)), turned)
    pen = ImageDraw.Draw(picture)
    for _ in range(3):
        pen.line([(0, random.randint(8, 76)), (picture.width, random.randint(8, 76))], fill=(150, 152, 156))
    limits = Constraints(min_length=len(signs), max_length=len(signs))
    return _of(Kind.TEXT, say("sample.text"), (picture,), limits, signs)


def _question(random: Random, say: Say) -> Sample:
    word = random.choice(WORDS)
    return _of(Kind.QUESTION, say("sample.question", word=word), (), Constraints(), str(len(word)))


def _audio(random: Random, say: Say) -> Sample:
    digits = [str(random.randrange(10)) for _ in range(4)]
    spoken = io.BytesIO()
    with wave.open(spoken, "wb") as out:
        for digit in digits:
            source = files("answerdesk.pages").joinpath("sounds", f"{digit}.wav").read_bytes()
            with wave.open(io.BytesIO(source)) as sound:
                if not out.getnframes():
                    out.setparams(sound.getparams())
                out.writeframes(sound.readframes(sound.getnframes()) + b"\x80" * (sound.getframerate() // 4))
    question = Question(kind=Kind.AUDIO, text=say("sample.audio"), media=(Medium(type="audio/wav"),), lang="en")
    return Sample(question=question, media=(spoken.getvalue(),), answer="".join(digits))


def _grid(random: Random, say: Say) -> Sample:
    side = random.choice((3, 4))
    cells = [random.choice(("circle", "square", "triangle")) for _ in range(side * side)]
    cells[random.randrange(side * side)] = "circle"
    picture = Image.new("RGB", (110 * side, 110 * side), PAPER)
    pen = ImageDraw.Draw(picture)
    for i, shape in enumerate(cells):
        middle = (110 * (i % side) + 55, 110 * (i // side) + 55)
        pen.polygon(_corners(shape, middle, random.randint(24, 36)), fill=random.choice([*SHADES.values()]))
    answer = [i + 1 for i, shape in enumerate(cells) if shape == "circle"]
    return _of(Kind.GRID, say("sample.grid"), (picture,), Constraints(rows=side, columns=side), answer)


def _points(random: Random, say: Say) -> Sample:
    count = random.randint(2, 4)
    colour, *others = random.sample([*SHADES], 3)
    middles = _apart(random, count + 5, (480, 300))
    picture = Image.new("RGB", (480, 300), PAPER)
    pen = ImageDraw.Draw(picture)
    for i, middle in enumerate(middles):
        pen.polygon(_corners("circle", middle, 15), fill=SHADES[colour if i < count else random.choice(others)])
    limits = Constraints(min_clicks=count, max_clicks=count)
    wanted = say("sample.points", colour=say(f"sample.{colour}"))
    return _of(Kind.POINTS, wanted, (picture,), limits, [list(middle) for middle in middles[:count]])


def _boxes(random: Random, say: Say) -> Sample:
    picture, wanted, edges = _scene(random, "square")
    (left, top), (right, bottom) = edges[0], edges[2]
    asked = say("sample.boxes", colour=say(f"sample.{wanted}"))
    return _of(Kind.BOXES, asked, (picture,), Constraints(), [[round(left), round(top), round(right), round(bottom)]])


def _outline(random: Random, say: Say) -> Sample:
    picture, wanted, corners = _scene(random, "triangle")
    asked = say("sample.outline", colour=say(f"sample.{wanted}"))
    return _of(Kind.OUTLINE, asked, (picture,), Constraints(), [[[round(x), round(y)] for x, y in corners]])


def _rotate(random: Random, say: Say) -> Sample:
    turn = STEP * random.randint(1, FULL_TURN // STEP - 1)
    picture = Image.new("RGB", (260, 260), PAPER)
    pen = ImageDraw.Draw(picture)
    colour = SHADES[random.choice([*SHADES])]
    pen.polygon([(130, 48), (192, 122), (68, 122)], fill=colour)
    pen.rectangle([86, 122, 174, 200], fill=INK)
    pen.rectangle([118, 150, 142, 200], fill=PAPER)
    # Turned back by as much as a person has to turn it forth: Pillow counts the other way round.
    turned = picture.rotate(turn, Image.Resampling.BICUBIC, fillcolor=PAPER)
    return _of(Kind.ROTATE, say("sample.rotate"), (turned,), Constraints(angle=STEP), [turn])


def _drag(random: Random, say: Say) -> Sample:
    shapes = random.sample(("circle", "square", "triangle"), 2)
    middles = _apart(random, 2, (420, 260), 90)
    background = Image.new("RGB", (420, 260), PAPER)
    pen = ImageDraw.Draw(background)
    pieces = []
    for shape, middle in zip(shapes, middles, strict=True):
        pen.polygon(_corners(shape, middle, 34), fill=(222, 218, 208), outline=(136, 133, 124))
        piece = Image.new("RGBA", (76, 76))
        ImageDraw.Draw(piece).polygon(_corners(shape, (38, 38), 34), fill=SHADES[random.choice([*SHADES])])
        pieces.append(piece)
    answer = [list(middle) for middle in middles]
    return _of(Kind.DRAG, say("sample.drag"), (background, *pieces), Constraints(), answer)


_DRAWN: Final[Mapping[Kind, Callable[[Random, Say], Sample]]] = {
    Kind.TEXT: _text,
    Kind.QUESTION: _question,
    Kind.AUDIO: _audio,
    Kind.GRID: _grid,
    Kind.POINTS: _points,
    Kind.BOXES: _boxes,
    Kind.OUTLINE: _outline,
    Kind.ROTATE: _rotate,
    Kind.DRAG: _drag,
}


def _of(kind: Kind, text: str, pictures: tuple[Image.Image, ...], constraints: Constraints, answer: Any) -> Sample:
    media = tuple(_png(picture) for picture in pictures)
    sizes = tuple(medium for data in media if (medium := sniff(data)) is not None)
    question = Question(kind=kind, text=text, media=sizes, constraints=constraints)
    return Sample(question=question, media=media, answer=answer)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _scene(random: Random, shape: str) -> tuple[Image.Image, str, list[Point]]:
    """Draw the wanted shape among two of other colours; gives the picture, its colour and its corners."""
    wanted, *others = random.sample([*SHADES], 3)
    middles = _apart(random, 3, (440, 280), 110)
    picture = Image.new("RGB", (440, 280), PAPER)
    pen = ImageDraw.Draw(picture)
    size = random.randint(34, 52)
    for colour, middle in zip(others, middles[1:], strict=True):
        pen.polygon(_corners(random.choice(("circle", shape)), middle, random.randint(26, 44)), fill=SHADES[colour])
    corners = _corners(shape, middles[0], size)
    pen.polygon(corners, fill=SHADES[wanted])
    return picture, wanted, corners


def _apart(random: Random, count: int, size: tuple[int, int], least: int = 48) -> list[tuple[int, int]]:
    """Choose places that keep a distance from each other and from the edges."""
    margin = least // 2 + 14
    places: list[tuple[int, int]] = []
    while len(places) < count:
        place = random.randrange(margin, size[0] - margin), random.randrange(margin, size[1] - margin)
        if all(math.dist(place, other) >= least for other in places):
            places.append(place)
    return places


#: The directions of a shape's corners from its middle, in degrees clockwise from the top.
_ANGLES: Final[Mapping[str, tuple[float, ...]]] = {
    "triangle": (0, 120, 240),
    "square": (315, 45, 135, 225),
    "circle": tuple(range(0, FULL_TURN, 6)),
}


def _corners(shape: str, middle: Point, size: float) -> list[Point]:
    turns = [math.radians(angle) for angle in _ANGLES[shape]]
    return [(middle[0] + size * math.sin(turn), middle[1] - size * math.cos(turn)) for turn in turns]


def _same_text(sample: Sample, value: Any) -> bool:
    return isinstance(value, str) and value.replace(" ", "").casefold() == str(sample.answer).casefold()


def _same_cells(sample: Sample, value: Any) -> bool:
    return bool(value == sample.answer)


def _near(one: Any, other: Any) -> bool:
    return math.dist(one, other) <= NEAR


def _near_points(sample: Sample, value: Any) -> bool:
    """Tell whether each mark has a click of its own, whatever the order."""
    found = [[i for i, click in enumerate(value) if _near(mark, click)] for mark in sample.answer]
    return len(value) == len(found) and all(found) and len({clicks[0] for clicks in found}) == len(found)


def _same_box(sample: Sample, value: Any) -> bool:
    return _alike([_cornered(box) for box in value], [_cornered(box) for box in sample.answer])


def _cornered(box: list[int]) -> list[list[int]]:
    left, top, right, bottom = box
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def _same_outline(sample: Sample, value: Any) -> bool:
    return _alike(value, sample.answer)


def _alike(value: list[Any], answer: list[Any]) -> bool:
    """Tell whether two sets of shapes cover much the same pixels."""
    most = max(part for shapes in (value, answer) for shape in shapes for corner in shape for part in corner)
    masks = []
    for shapes in (value, answer):
        mask = Image.new("1", (round(most) + 1, round(most) + 1))
        for shape in shapes:
            ImageDraw.Draw(mask).polygon([tuple(corner) for corner in shape], fill=1)
        masks.append(int.from_bytes(mask.tobytes(), "big"))
    common, all_ = masks[0] & masks[1], masks[0] | masks[1]
    return len(value) == len(answer) and common.bit_count() >= OVERLAP * all_.bit_count()


def _same_turn(sample: Sample, value: Any) -> bool:
    away = [abs((one - other + 180) % FULL_TURN - 180) for one, other in zip(value, sample.answer, strict=True)]
    return bool(max(away) <= STEP / 2)


def _same_places(sample: Sample, value: Any) -> bool:
    return all(place is not None and _near(place, wanted) for place, wanted in zip(value, sample.answer, strict=True))


_FITS: Final[Mapping[Kind, Callable[[Sample, Any], bool]]] = {
    Kind.TEXT: _same_text,
    Kind.QUESTION: _same_text,
    Kind.AUDIO: _same_text,
    Kind.GRID: _same_cells,
    Kind.POINTS: _near_points,
    Kind.BOXES: _same_box,
    Kind.OUTLINE: _same_outline,
    Kind.ROTATE: _same_turn,
    Kind.DRAG: _same_places,
}
