"""What a customer read of one task, call after call: it never goes back.
Rule: only calls that began after another had ended are compared; those that overlap may be heard in any order."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tests.simulation.world import Event


class Readings:
    """Once acknowledged it is known until it is forgotten; once final, the same bytes; once forgotten, gone."""

    def __init__(self, task: int, told: float, *, keeps: bool) -> None:
        self._task = task
        #: Since when its customer knows of it, and whether nothing can have been forgotten yet.
        self._told = told
        self._keeps = keeps
        self._final: tuple[float, bytes] | None = None
        self._gone = float("inf")

    def take(self, event: Event) -> Iterator[str]:
        """Take the next reply in the order in which they were heard; gives what contradicts those before."""
        is_final = self._final is not None and event.began > self._final[0]
        if event.status == 404:
            yield from self._unknown(event, is_final=is_final)
            return
        if event.began > self._gone:
            yield f"{event.line()}: it was forgotten before"
        reply = msgspec.json.decode(event.heard)
        if reply["id"] != self._task:
            yield f"{event.line()}: another task"
        elif reply["status"] == "open":
            # To a new order the reply is "open" even where it cannot be told how its task stands.
            if is_final and event.status == 200:
                yield f"{event.line()}: it was final before"
        elif self._final is None:
            self._final = event.ended, event.heard
        elif self._final[1] != event.heard:
            yield f"{event.line()}: it read {self._final[1]!r} before"

    def _unknown(self, event: Event, *, is_final: bool) -> Iterator[str]:
        if event.what.endswith("/report"):
            # What is open, failed or too old cannot be reported on, and reads so.
            if is_final and b"not finished" in event.heard:
                yield f"{event.line()}: it was final before"
        elif self._keeps and event.began > self._told:
            yield f"{event.line()}: it was acknowledged at {self._told:.3f}"
        else:
            self._gone = min(self._gone, event.ended)
