"""A person at the workspace with a picture to mark: sample pictures, tasks of every kind, and hands to work with.
Rule: places are told in pixels of the picture, and found on the screen by the picture, not by what lies on it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from answerdesk.model.account import Account, AccountId
from tests.browser.surfing import DESKTOP, PHONE
from tests.serving import Customer, Serving

TWOCAPTCHA: Final = {"Host": "api.2captcha.com"}
SIZE: Final = (320, 200)
PIECES: Final = ((30, 40), (60, 20))

Place = tuple[float, float]


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw a house and a plate."""
    width, height = size
    drawn = Image.new("RGB", size, "#cbd8de")
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((0, height * 0.62, width, height), fill="#969c94")
    pen.rectangle((width * 0.1, height * 0.2, width * 0.37, height * 0.76), fill="#b3a08c")
    for left in (0.15, 0.27):
        pen.rectangle((width * left, height * 0.28, width * (left + 0.06), height * 0.41), fill="#586a80")
    pen.rounded_rectangle((width * 0.6, height * 0.43, width * 0.87, height * 0.6), 6, fill="#f8f5ec", outline="#222")
    return drawn


def arrow(size: tuple[int, int] = (160, 160), turned: float = 0) -> Image.Image:
    """Draw an arrow that points up, turned clockwise."""
    width, height = size
    drawn = Image.new("RGB", size, "#cbd8de")
    pen = ImageDraw.Draw(drawn)
    shape = ((0.5, 0.1), (0.75, 0.5), (0.6, 0.5), (0.6, 0.9), (0.4, 0.9), (0.4, 0.5), (0.25, 0.5))
    pen.polygon([(width * x, height * y) for x, y in shape], fill="#586a80")
    return drawn.rotate(-turned, fillcolor="#cbd8de")


def pieces() -> list[Image.Image]:
    return [Image.new("RGB", size, colour) for size, colour in zip(PIECES, ("#a3352c", "#2c6e49"), strict=True)]


def text_of(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    # Header and footer of a plain picture may be shorter than the least a body may have.
    return base64.b64encode(file.getvalue().ljust(120, b"\0")).decode()


def body(picture: Image.Image | None = None) -> str:
    return text_of(picture or scene())


#: A task of 2captcha's for each kind, by kind.
TASKS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "points": lambda: {"type": "CoordinatesTask", "body": body(), "comment": "Both windows", "maxClicks": 4},
    "boxes": lambda: {"type": "BoundingBoxTask", "body": body(), "comment": "The plate and the house"},
    "outline": lambda: {"type": "DrawAroundTask", "body": body(), "comment": "The house"},
    "grid": lambda: {
        "type": "GridTask", "body": body(scene((300, 300))), "rows": 3, "columns": 3, "comment": "The house",
    },
    "rotate": lambda: {"type": "RotateTask", "body": body(arrow(turned=280)), "angle": 40, "comment": "Upright"},
    "drag": lambda: {
        "type": "DragAndDropTask", "background": body(), "images": [text_of(piece) for piece in pieces()],
        "comment": "Where they belong",
    },
}  # fmt: skip


class Hand(NamedTuple):
    """What somebody works with: the context of the browser, and whether fingers do it."""

    options: dict[str, Any]
    touch: bool = False


HANDS: Final = {"mouse": Hand(DESKTOP), "keys": Hand(DESKTOP), "touch": Hand(PHONE, touch=True)}


class Bench:
    """The workspace's page with one task on it."""

    def __init__(self, page: Page, customer: Customer, *, touch: bool = False) -> None:
        self.page = page
        self.customer = customer
        self.touch = touch
        self.stage: Locator = page.locator("[data-id=stage]")
        self.hint: Locator = page.locator("[data-id=hint]")

    def ask(self, kind: str, **fields: Any) -> int:
        """Create a task over the wire and wait until it is on screen; gives its id."""
        created = self.customer.create({**TASKS[kind](), **fields}, TWOCAPTCHA).json

        assert created["errorId"] == 0, created
        self.shows(kind)
        return int(created["taskId"])

    def shows(self, kind: str) -> None:
        expect(self.page.locator(f"[data-id=stage][data-kind={kind}] .view img").first).to_be_visible()

    def solution(self, task: int) -> Any:
        """What the customer gets, waiting for it."""
        told: dict[str, Any] = {}
        for _ in range(3):
            told = self.customer.call("getTaskResult", {**TWOCAPTCHA, "Prefer": "wait=5"}, taskId=task).json
            if told.get("status") != "processing":
                break

        assert "solution" in told, (told, self.hint.inner_text())
        return told["solution"]

    def box(self, which: str = ".view-frame > img") -> dict[str, float]:
        """Where something is on the screen, not rounded."""
        found: dict[str, float] = self.stage.locator(which).first.evaluate("of => of.getBoundingClientRect().toJSON()")
        return found

    def client(self, x: float, y: float, size: tuple[int, int] = SIZE) -> Place:
        """Where a place of the picture is on the screen."""
        box = self.box()
        return box["left"] + box["width"] * x / size[0], box["top"] + box["height"] * y / size[1]

    def press(self, x: float, y: float, size: tuple[int, int] = SIZE) -> None:
        """Click or tap a place of the picture."""
        self._press(*self.client(x, y, size))

    def _press(self, x: float, y: float) -> None:
        (self.page.touchscreen.tap if self.touch else self.page.mouse.click)(x, y)

    def touch_on(self, which: str | Locator) -> None:
        """Click or tap the middle of something."""
        found = self.stage.locator(which) if isinstance(which, str) else which
        found.scroll_into_view_if_needed()
        (found.tap if self.touch else found.click)()

    def drag(self, start: Place, end: Place) -> None:
        """Drag with the mouse between two places on the screen."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
        self.page.mouse.move(*end, steps=3)
        self.page.mouse.up()

    def keys(self, *pressed: str) -> None:
        for each in pressed:
            self.page.keyboard.press(each)

    def go(self, dx: int, dy: int, held: str = "") -> None:
        """Walk with the arrows, ten pixels at a time as far as that goes."""
        for by, back, on in ((dx, "ArrowLeft", "ArrowRight"), (dy, "ArrowUp", "ArrowDown")):
            self.keys(*_walk(abs(by), f"{held}{back if by < 0 else on}"))

    def send(self) -> None:
        self.touch_on(self.page.locator("[data-act=send]"))

    def told(self) -> str:
        """The last words for those who listen."""
        return self.page.locator("[data-id=say]").inner_text()


def _walk(far: int, arrow_key: str) -> Iterator[str]:
    yield from [f"Shift+{arrow_key}"] * (far // 10)
    yield from [arrow_key] * (far % 10)


def sit_down(desk: Serving, page: Page, *, touch: bool = False) -> Bench:
    """Open the workspace for somebody who is signed in."""
    page.goto("/work")
    first = Account(id=AccountId(1), name="first")
    return Bench(page, Customer(desk, first, desk.first_key), touch=touch)
