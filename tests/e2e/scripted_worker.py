"""A worker that answers every kind plausibly and reads nothing, for runs in which only the form of an answer matters.

Usage: scripted_worker.py URL TOKEN. It gives back pictures that begin magenta, as people's redrawn copies keep
no other mark, and questions that contain __UNSOLVABLE__; it ends on SIGTERM.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from answerdesk_client import AnswerdeskError, Lease, Question, WorkClient


def _text(question: Question) -> str:
    wants = question.constraints
    text = "1234567890" * 10 if wants.numeric == 1 else "a1b2c3d4e5" * 10 if wants.numeric == 4 else "abcdefghij" * 10
    return text[: max(wants.min_length or 0, min(wants.max_length or 5, 5))]


def _grid(question: Question) -> list[int]:
    return list(range(1, max(2, question.constraints.min_clicks or 1) + 1))


def _points(question: Question) -> list[list[int]]:
    return [[10 + n, 10 + n] for n in range(max(1, question.constraints.min_clicks or 1))]


#: One answer of each kind's normal form (PROTOCOL §6.14).
ANSWERS: Final[dict[str, Callable[[Question], Any]]] = {
    "text": _text,
    "question": lambda _: "Friday",
    "audio": lambda _: "seven",
    "grid": _grid,
    "points": _points,
    "boxes": lambda _: [[5, 5, 20, 20]],
    "outline": lambda _: [[[5, 5], [20, 5], [20, 20]]],
    "rotate": lambda question: [45] * max(1, len(question.media)),
    "drag": lambda question: [[10, 10]] * max(1, len(question.media) - 1),
}


#: The colour of a picture that nobody can read.
MAGENTA: Final = (255, 0, 255)


def is_unsolvable(desk: WorkClient, lease: Lease) -> bool:
    """Whether the picture or the words say so."""
    if "__UNSOLVABLE__" in (lease.question.instruction.text or ""):
        return True
    pictures = [medium.url for medium in lease.question.media if medium.type == "image/png"]
    return any(_first_pixel(desk.media(url)) == MAGENTA for url in pictures)


def _first_pixel(picture: bytes) -> object:
    with Image.open(io.BytesIO(picture)) as opened:
        return opened.convert("RGB").getpixel((0, 0))


def work(desk: WorkClient) -> None:
    """Answer until told to stop."""
    while True:
        for lease in desk.claim(tuple(ANSWERS), max=8, wait=20.0):
            if is_unsolvable(desk, lease):
                desk.decline(lease, "unreadable")
            else:
                with contextlib.suppress(AnswerdeskError):
                    desk.answer(lease, ANSWERS[lease.kind](lease.question), confidence=1.0)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with WorkClient(sys.argv[1], sys.argv[2]) as desk:
        work(desk)


if __name__ == "__main__":
    main()
