"""Pictures of answered tasks under addresses nobody can guess, where the operator publishes them (PROTOCOL §3.3).
Rule: off unless the operator says so; a picture is drawn anew before a stranger sees it, and for a day only."""

from __future__ import annotations

import hmac
from typing import Final

import msgspec

from answerdesk.api.http import Answer, Header, Scope, text_header
from answerdesk.api.pictures import Darkroom, Undecodable
from answerdesk.desk.ports import Clock, Store, Unavailable
from answerdesk.model.account import DAY_MS
from answerdesk.model.talk import Ready
from answerdesk.model.task import Permutation, TaskId
from answerdesk.wire.native import read_id

PATH: Final = "/media/"
_NAME_DIGITS: Final = 32
_MISSING: Final = Answer(b'{"error":"no picture is published at this address"}', 404)
_AWAY: Final = Answer(
    b'{"error":"too many pictures are asked for; try again in 5 seconds"}', 503, headers=((b"retry-after", b"5"),)
)
_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cache-control", b"private, no-store"),
)


class Gallery:
    """Names and shows the pictures of ready tasks."""

    def __init__(self, *, store: Store, ids: Permutation, key: bytes, darkroom: Darkroom, clock: Clock) -> None:
        """Take the desk's secret, which makes the names."""
        self._store = store
        self._ids = ids
        self._key = key
        self._darkroom = darkroom
        self._clock = clock

    def publish(self, task: TaskId, reply: Ready, scope: Scope) -> Ready:
        """Add the picture's address, on the host that was called."""
        host = text_header(scope, b"host")
        url = f"{scope.get('scheme', 'http')}://{host}{PATH}{task}-{self._name(task)}.png"
        return msgspec.structs.replace(reply, url=url)

    async def show(self, path: str) -> Answer:
        """Give the picture; `path` is what follows ``/media/``."""
        number, _, name = path.removesuffix(".png").partition("-")
        if not (number.isascii() and number.isdigit()) or len(number) > _NAME_DIGITS:
            return _MISSING
        shown = read_id(number)
        if not hmac.compare_digest(name.encode(), self._name(shown).encode()):
            return _MISSING
        task = await self._store.task(self._ids.find(shown))
        data = await self._store.content(task.n, 0) if task and task.settled else None
        if task is None or data is None or self._clock.now() - task.ended > DAY_MS:
            return _MISSING
        try:
            drawn, kind = await self._darkroom.redraw(data)
        except Undecodable:
            return _MISSING
        except Unavailable:
            return _AWAY
        return Answer(drawn, type=kind.encode(), headers=_HEADERS)

    def _name(self, task: TaskId) -> str:
        return hmac.new(self._key, b"picture %d" % task, "sha256").hexdigest()[:_NAME_DIGITS]
