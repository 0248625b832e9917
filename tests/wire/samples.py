"""Requests and replies the wire's tests share, and pictures drawn for them."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image

from answerdesk.model.account import Millis
from answerdesk.model.fault import Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.sizes import SERVER_LIMITS, SizeLimits
from answerdesk.model.talk import Draft, Ready
from answerdesk.wire.grammar import read_call, read_draft

KEY = "67b6bcbb1a728ea8d563de6d169a2057"


def draw(kind: str = "PNG", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """Draw a noisy picture, big enough to be no mere dot."""
    noise = Image.effect_noise(size, 80)
    file = io.BytesIO()
    (noise if kind == "GIF" else noise.convert("RGB")).save(file, kind, **options)
    return file.getvalue()


PICTURE = draw()
BODY = base64.b64encode(PICTURE).decode()


def create(task: object = None, **envelope: object) -> bytes:
    """Write a createTask; without a task, one with a picture and nothing else."""
    task = {"type": "ImageToTextTask", "body": BODY} if task is None else task
    return json.dumps({"clientKey": KEY, "task": task, **envelope}).encode()


def asking(**fields: object) -> bytes:
    """Write a createTask for a picture with these fields."""
    return create({"type": "ImageToTextTask", "body": BODY, **fields})


def draft(body: bytes, *, case_default: bool = False, limits: SizeLimits = SERVER_LIMITS) -> Draft:
    return read_draft(read_call(body), case_default=case_default, limits=limits)


def refusal(body: bytes, limits: SizeLimits = SERVER_LIMITS) -> Refusal:
    """Read a createTask that must be refused, and give the refusal."""
    try:
        found = draft(body, limits=limits)
    except Refusal as refused:
        return refused
    raise AssertionError(f"not refused: {found.question}")


def ready(value: object = "hello", *, cost: int = 2990, kind: Kind = Kind.TEXT, **fields: Any) -> Ready:
    given = {"type": "ImageToTextTask", "ip": "1.2.3.4", "solve_count": 1, **fields}
    times: dict[str, Any] = {"created": Millis(1692863536123), "ended": Millis(1692863556001)}
    return Ready(kind=kind, value=value, cost=Micros(cost), **times, **given)


SMALL_KINDS = {kind: draw(kind, (24, 16)) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP")}
SOUND = b"ID3" + bytes(200)


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _complex(name: str, *media: str) -> dict[str, Any]:
    return {"type": "ComplexImageTask", "class": "recognition", "imagesBase64": list(media), "metadata": {"Task": name}}


#: The smallest task of each row of the catalogue that is asked of anybody.
TASKS: dict[str, dict[str, Any]] = {
    "ImageToTextTask": {"type": "ImageToTextTask", "body": BODY},
    "TextCaptchaTask": {"type": "TextCaptchaTask", "comment": "Which day comes after Monday?"},
    "AudioTask": {"type": "AudioTask", "body": text_of(SOUND)},
    "GridTask": {"type": "GridTask", "body": BODY, "comment": "boats"},
    "CoordinatesTask": {"type": "CoordinatesTask", "body": BODY},
    "BoundingBoxTask": {"type": "BoundingBoxTask", "body": BODY, "comment": "boats"},
    "DrawAroundTask": {"type": "DrawAroundTask", "body": BODY, "comment": "boats"},
    "RotateTask": {"type": "RotateTask", "body": BODY},
    "DragAndDropTask": {"type": "DragAndDropTask", "background": BODY, "images": [BODY, BODY]},
    "ImageToCoordinatesTask/points": {"type": "ImageToCoordinatesTask", "body": BODY, "comment": "boats"},
    "ImageToCoordinatesTask/rectangles": {
        "type": "ImageToCoordinatesTask", "body": BODY, "comment": "boats", "mode": "rectangles",
    },
    "ComplexImageTask/grid": _complex("grid", *[BODY] * 9),
    "ComplexImageTask/rotate": _complex("rotate", BODY, BODY),
    "ComplexImageTask/coordinates": _complex("coordinates", BODY),
    "ComplexImageTask/text": _complex("text", BODY),
    "ComplexImageTask/audio": _complex("audio", text_of(SOUND)),
}  # fmt: skip
