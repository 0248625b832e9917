"""Somebody at the workspace who reads, hears and types, and the customer whose tasks they answer.
Rule: what is typed is told apart by pictures that differ; nothing here knows how the page does its work."""

from __future__ import annotations

import base64
import io
import wave
from random import Random
from typing import Any, Final

from playwright.sync_api import Locator, Page, expect

from answerdesk.model.account import Account, AccountId
from answerdesk.model.question import Kind
from answerdesk.pages.samples import draw
from tests.browser.surfing import Person
from tests.serving import Customer, Serving

_PICTURES: Final = """() => performance.getEntriesByType('resource')
  .filter((entry) => entry.name.includes('/media/') && entry.responseEnd).length"""
TWOCAPTCHA: Final = {"Host": "api.2captcha.com"}


def characters(seed: int = 0) -> str:
    """A picture of characters, as a task's body."""
    return base64.b64encode(draw(Kind.TEXT, Random(seed), lambda key, **_: key).media[0]).decode()


def silence(seconds: float = 2.0) -> str:
    """A recording of nothing, as a task's body."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(int(16_000 * seconds)))
    return base64.b64encode(file.getvalue()).decode()


class Asker:
    """The first account, which asks."""

    def __init__(self, desk: Serving) -> None:
        self.customer = Customer(desk, Account(id=AccountId(1), name="first"), desk.first_key)
        self._seeds = iter(range(1_000))

    def ask(self, **task: Any) -> int:
        """Create a task; without fields of its own it asks for the characters in a fresh picture."""
        fields = {"type": "ImageToTextTask", **({} if "type" in task else {"body": characters(next(self._seeds))})}
        created = self.customer.call("createTask", TWOCAPTCHA, task={**fields, **task}).json

        assert created["errorId"] == 0, created
        return int(created["taskId"])

    def told(self, task: int, rounds: int = 4) -> dict[str, Any]:
        """What a poll says, once it says that the task is over."""
        reply: dict[str, Any] = {}
        for _ in range(rounds):
            reply = self.customer.call("getTaskResult", {**TWOCAPTCHA, "Prefer": "wait=5"}, taskId=task).json
            if reply.get("status") != "processing":
                break
        return reply

    def text(self, task: int) -> Any:
        return self.told(task)["solution"]["text"]


class Seat:
    """The workspace in somebody's browser."""

    def __init__(self, person: Person, *, touch: bool = False) -> None:
        self.person = person
        self.page: Page = person.page
        self.touch = touch
        self.field: Locator = self.page.locator("input.answer")
        self.note: Locator = self.page.locator("[data-id=note]")
        self.hint: Locator = self.page.locator("[data-id=hint]")
        self.unsent: Locator = self.page.locator("[data-id=unsent]")
        self.last: Locator = self.page.locator("[data-id=last]")
        self.state: Locator = self.page.locator("[data-id=state] h1")

    def sit(self) -> Seat:
        """Open the workspace and wait until all of it is there."""
        self.page.goto("/work")
        expect(self.page.locator("[data-id=done]")).to_be_visible()
        return self

    def lease(self) -> str:
        """Which task is on screen, waiting for one."""
        expect(self.field).to_be_visible()
        return str(self.page.locator("[data-id=stage]").get_attribute("data-lease"))

    def ahead(self, count: int) -> None:
        """Wait until so many pictures have come, of which all but one lie ready."""
        for _ in range(200):
            if self.page.evaluate(_PICTURES) >= count:
                return
            self.page.wait_for_timeout(50)
        raise TimeoutError(count)

    def leaves(self, lease: str) -> None:
        """Wait until a task is no longer on screen."""
        expect(self.page.locator(f"[data-lease='{lease}']")).to_have_count(0)

    def keys(self, *pressed: str) -> None:
        for each in pressed:
            self.page.keyboard.press(each)

    def press(self, act: str) -> None:
        """Click or tap a button by what it does."""
        button = self.page.locator(f"[data-act={act}]").locator("visible=true").first
        (button.tap if self.touch else button.click)()

    def answer(self, text: str) -> None:
        """Type an answer and send it by Enter."""
        lease = self.lease()
        self.field.press_sequentially(text)
        self.keys("Enter")
        self.leaves(lease)
