"""What nodes on one database tell each other after their commits, as few short texts as it takes.
Rule: nothing is lost and its order kept; what would be too much to remember is told as missed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from answerdesk.desk.ports import Heard, Span
from answerdesk.model.account import Sequence

#: Bytes of a payload; the server takes fewer than 8,000.
MOST_BYTES: Final = 7_900
#: Numbers gathered for one telling; beyond that, reading everything anew is cheaper.
MOST_GATHERED: Final = 20_000
#: How payloads are written; nodes of a version that writes them otherwise are understood to have told of anything.
FORM: Final = 2
_SETTINGS: Final = 1
_MISSED: Final = 2

_decode = msgspec.json.Decoder(tuple[int, str, int, list[int], list[int], list[int], list[int]]).decode


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, by the numbers of tasks."""

    settled: tuple[int, ...] = ()
    #: Tasks in which a place came free.
    opened: tuple[int, ...] = ()
    erased: tuple[int, ...] = ()
    #: Ranges that were forgotten at once.
    dropped: tuple[Span, ...] = ()
    settings: bool = False
    #: Whether something may have happened that is not told.
    missed: bool = False


#: What there is to do where nobody knows what happened.
ANYTHING: Final = News(settings=True, missed=True)


class Gathering:
    """News as it comes in, each number once and in the order it first came."""

    def __init__(self, most: int = MOST_GATHERED) -> None:
        """Start with nothing; at most so many numbers are kept."""
        self._most = most
        self._settled: dict[int, None] = {}
        self._opened: dict[int, None] = {}
        self._erased: dict[int, None] = {}
        self._dropped: dict[Span, None] = {}
        self._settings = self._missed = False

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        told = self._settled or self._opened or self._erased or self._dropped
        return bool(told or self._settings or self._missed)

    def hear(self, heard: Heard) -> None:
        """Take in what a commit of this node changed."""
        self.add(
            News(
                settled=tuple(task.n for task in heard.tasks if task.settled),
                opened=tuple(task.n for task in heard.tasks if not task.settled and task.slots),
                erased=tuple(heard.erased),
                dropped=tuple(Span(first=span.first, past=span.past) for span in heard.dropped),
                settings=heard.settings,
                missed=heard.missed,
            )
        )

    def add(self, news: News) -> None:
        """Take in what somebody told."""
        self._settled.update(dict.fromkeys(news.settled))
        self._opened.update(dict.fromkeys(news.opened))
        self._erased.update(dict.fromkeys(news.erased))
        self._dropped.update(dict.fromkeys(news.dropped))
        self._settings |= news.settings
        self._missed |= news.missed
        if len(self._settled) + len(self._opened) + len(self._erased) > self._most:
            self.lose()

    def lose(self) -> None:
        """Give up on what was gathered: anything may have happened."""
        self._clear()
        self._settings = self._missed = True

    def take(self) -> News:
        """Give what was gathered, and start anew."""
        gathered = News(
            settled=tuple(self._settled), opened=tuple(self._opened), erased=tuple(self._erased),
            dropped=tuple(self._dropped), settings=self._settings, missed=self._missed,
        )  # fmt: skip
        self._clear()
        self._settings = self._missed = False
        return gathered

    def _clear(self) -> None:
        for numbers in (self._settled, self._opened, self._erased):
            numbers.clear()
        self._dropped.clear()


class _Payload:
    """One text while it is filled: numbers are written as differences, which are short."""

    def __init__(self, node: str, flags: int = 0) -> None:
        self._content = FORM, node, flags, *(list[int]() for _ in range(4))
        self._last = [0, 0, 0, 0]
        self._room = MOST_BYTES - len(self.text.encode())

    def takes(self, which: int, *together: int) -> bool:
        """Add numbers that belong together, if there is room for them and their commas."""
        steps = [n - last for last, n in zip((self._last[which], *together), together, strict=False)]
        if (size := sum(len(str(step)) + 1 for step in steps)) > self._room:
            return False
        self._room -= size
        self._last[which] = together[-1]
        numbers = self._content[3 + which]
        assert isinstance(numbers, list)
        numbers += steps
        return True

    @property
    def text(self) -> str:
        return msgspec.json.encode(self._content).decode()


def pack(node: str, news: News) -> list[str]:
    """Write news of a node as payloads; nothing to tell is none."""
    if news == News():
        return []
    payloads = [_Payload(node, _SETTINGS * news.settings | _MISSED * news.missed)]
    ranges = [(span.first, span.past) for span in news.dropped]
    for which, told in enumerate((*map(_each, (news.settled, news.opened, news.erased)), ranges)):
        for together in told:
            if not payloads[-1].takes(which, *together):
                payloads.append(_Payload(node))
                payloads[-1].takes(which, *together)
    return [payload.text for payload in payloads]


def unpack(payload: str) -> tuple[str, News]:
    """Read a payload: whose it is, and what is told; what cannot be read may tell of anything."""
    try:
        form, node, flags, *steps = _decode(payload)
    except msgspec.MsgspecError:
        return "", ANYTHING
    if form != FORM:
        return node, ANYTHING
    settled, opened, erased, edges = (tuple(_added_up(each)) for each in steps)
    dropped = (
        Span(first=Sequence(first), past=Sequence(past)) for first, past in zip(edges[::2], edges[1::2], strict=False)
    )
    return node, News(
        settled=settled, opened=opened, erased=erased, dropped=tuple(dropped), settings=bool(flags & _SETTINGS),
        missed=bool(flags & _MISSED),
    )  # fmt: skip


def _each(numbers: Iterable[int]) -> Iterable[tuple[int, ...]]:
    return ((n,) for n in numbers)


def _added_up(steps: Iterable[int]) -> Iterable[int]:
    n = 0
    for step in steps:
        n += step
        yield n
