"""People in a real browser: Debian's Chromium, one context a person, every page watched for what must never happen.
Rule: a console error, an uncaught exception or a refused policy fails the test unless it was announced beforehand."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.serving import Serving, wait_until

CHROMIUM: Final = Path("/usr/bin/chromium")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: How long anything may take before it counts as not there: a machine full of other work takes its time.
PATIENCE_MS: Final = 30_000
_ENTER: Final = re.compile(r"^(http://127\.0\.0\.1:\d+/enter/\S+)$", re.MULTILINE)

DESKTOP: Final = {"viewport": {"width": 1240, "height": 800}}
PHONE: Final = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def owner_link(desk: Serving) -> str:
    """The one-time link that a new desk prints for its owner."""

    def printed() -> str | None:
        found = _ENTER.findall(desk.logged())
        return found[-1] if found else None

    link: str = wait_until(printed, "the server prints the owner's link")
    return link


class Person:
    """One person's browser: a context of its own, whose pages are watched."""

    def __init__(self, browser: Browser, desk: Serving, **options: Any) -> None:
        """Open a context; options as Playwright's `new_context`."""
        self.desk = desk
        self.context: BrowserContext = browser.new_context(base_url=desk.url, **{**DESKTOP, **options})
        self.context.set_default_timeout(PATIENCE_MS)
        self.troubles: list[str] = []
        self._forgiven: list[re.Pattern[str]] = []
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.troubles.append(f"uncaught: {error.error}"))
        self.page: Page = self.context.new_page()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def forgive(self, pattern: str) -> Self:
        """Announce a trouble the test is about, such as a call it makes fail."""
        self._forgiven.append(re.compile(pattern))
        return self

    def enter(self, link: str) -> Self:
        """Open a one-time link."""
        self.page.goto(link)
        return self

    def tab(self) -> Page:
        """Open one more tab."""
        return self.context.new_page()

    def close(self) -> None:
        """Close the context, and hold against the test whatever was not announced."""
        self.context.close()
        left = [trouble for trouble in self.troubles if not any(known.search(trouble) for known in self._forgiven)]

        assert not left, "\n".join(left)


class Crowd:
    """Everybody in one test, each signed in by a link of their own."""

    def __init__(self, browser: Browser, desk: Serving) -> None:
        self._browser = browser
        self.desk = desk
        self._people: list[Person] = []

    def visitor(self, **options: Any) -> Person:
        """Open a browser in which nobody is signed in."""
        person = Person(self._browser, self.desk, **options)
        self._people.append(person)
        return person

    def owner(self, **options: Any) -> Person:
        """Sign the owner in by the link the server printed."""
        return self.visitor(**options).enter(owner_link(self.desk))

    def invited(self, name: str, *grants: str, role: str = "worker", **options: Any) -> Person:
        """Invite somebody on the command line, as `people invite NAME` with further flags, and sign them in."""
        link = self.desk.cli("people", "invite", name, "--role", role, *grants)["link"]
        return self.visitor(**options).enter(link)

    def close(self) -> None:
        """Close every browser; the first that had trouble fails the test."""
        with contextlib.ExitStack() as stack:
            for person in self._people:
                stack.callback(person.close)


@contextlib.contextmanager
def crowd(browser: Browser, desk: Serving) -> Iterator[Crowd]:
    """Let people into a desk for the length of a with-block."""
    people = Crowd(browser, desk)
    try:
        yield people
    finally:
        people.close()
