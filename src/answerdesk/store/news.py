"""What nodes on one database tell each other after their commits, as few short texts as it takes.
Rule: nothing is lost and its order kept; what would be too much to remember is told as missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, Final

import msgspec

from answerdesk.desk.elsewhere import Elsewhere, Opening, Settled, Span, opening_of
from answerdesk.desk.ports import Heard
from answerdesk.model.account import AccountId, Sequence

#: Bytes of a payload; the server takes fewer than 8,000.
MOST_BYTES: Final = 7_900
#: Tasks, ranges and openings gathered for one telling; beyond that, reading everything anew is cheaper.
MOST_GATHERED: Final = 20_000
#: How payloads are written; nodes of a version that writes them otherwise are understood to have told of anything.
FORM: Final = 2
_SETTINGS: Final = 1
_MISSED: Final = 2
_OWED: Final = 4
#: How many numbers belong together of what settled, was erased, and was dropped.
_WIDTHS: Final = (3, 1, 2)


#: What there is to do where nobody knows what happened.
ANYTHING: Final = Heard(settings=True, missed=True)


class _Said(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What is in a payload; numbers that belong together stand one after the other."""

    form: int
    node: str
    flags: int
    settled: list[int]
    erased: list[int]
    dropped: list[int]
    opened: list[tuple[Opening, int]]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Said).decode


class Gathering:
    """News of a node's own commits, each task once and in the order it first came."""

    def __init__(self, most: int = MOST_GATHERED) -> None:
        """Start with nothing; at most so much is kept."""
        self._most = most
        self._settled: dict[Sequence, Settled] = {}
        self._opened: Counter[Opening] = Counter()
        self._erased: dict[Sequence, None] = {}
        self._dropped: dict[Span, None] = {}
        self._owed = self._settings = self._missed = False

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self._size or self._settings or self._missed)

    @property
    def pressing(self) -> bool:
        """Tell whether there is more than places that came free, which are looked for anyway."""
        return bool(self._settled or self._erased or self._dropped or self._settings or self._missed)

    @property
    def _size(self) -> int:
        return len(self._settled) + len(self._opened) + len(self._erased) + len(self._dropped)

    def hear(self, heard: Heard) -> None:
        """Take in what a commit of this node changed."""
        for task in heard.tasks:
            if (opening := opening_of(task)) is not None:
                self._opened[opening] += 1
            elif task.settled and task.report is None:
                # One that is reported on was told of when it settled.
                self._settled[task.n] = Settled(n=task.n, account=task.account, place=task.place)
                self._owed |= task.callback is not None
        self._erased.update(dict.fromkeys(heard.erased))
        self._dropped.update(dict.fromkeys(Span(first=span.first, past=span.past) for span in heard.dropped))
        self._settings |= heard.settings
        self._missed |= heard.missed
        if self._size > self._most:
            self.lose()

    def lose(self) -> None:
        """Give up on what was gathered: anything may have happened."""
        self.take()
        self._settings = self._missed = True

    def take(self) -> Heard:
        """Give what was gathered as other nodes are to hear it, and start anew."""
        elsewhere = Elsewhere(settled=tuple(self._settled.values()), opened=dict(self._opened), owed=self._owed)
        gathered = Heard(
            elsewhere=elsewhere, erased=tuple(self._erased), dropped=tuple(self._dropped), settings=self._settings,
            missed=self._missed,
        )  # fmt: skip
        for kept in (self._settled, self._opened, self._erased, self._dropped):
            kept.clear()
        self._owed = self._settings = self._missed = False
        return gathered


class _Payload:
    """One text while it is filled: numbers are written as what they differ by from those before, which is short."""

    def __init__(self, node: str, flags: int = 0) -> None:
        self._lists: list[list[Any]] = [[] for _ in (*_WIDTHS, "opened")]
        self._last = [(0,) * width for width in _WIDTHS]
        self._head = FORM, node, flags
        self._room = MOST_BYTES - len(self.text.encode())

    def takes(self, which: int, numbers: tuple[int, ...]) -> bool:
        """Add numbers that belong together, if there is room for them."""
        steps = [n - last for n, last in zip(numbers, self._last[which], strict=True)]
        if not self._adds(which, steps):
            return False
        self._last[which] = numbers
        return True

    def opens(self, opening: Opening, count: int) -> bool:
        """Add an opening, if there is room for it."""
        return self._adds(-1, [(opening, count)])

    def _adds(self, which: int, values: list[Any]) -> bool:
        # Without their brackets, with a comma.
        if (size := len(_encode(values)) - 1) > self._room:
            return False
        self._room -= size
        self._lists[which] += values
        return True

    @property
    def text(self) -> str:
        return _encode((*self._head, *self._lists)).decode()


def pack(node: str, news: Heard) -> list[str]:
    """Write news of a node as payloads; nothing to tell is none."""
    if news == Heard():
        return []
    flags = _SETTINGS * news.settings | _MISSED * news.missed | _OWED * news.elsewhere.owed
    payloads = [_Payload(node, flags)]
    tables: tuple[list[tuple[int, ...]], ...] = (
        [(each.n, each.account, each.place) for each in news.elsewhere.settled],
        [(n,) for n in news.erased],
        [(span.first, span.past) for span in news.dropped],
    )
    for which, table in enumerate(tables):
        for numbers in table:
            if not payloads[-1].takes(which, numbers):
                payloads.append(_Payload(node))
                payloads[-1].takes(which, numbers)
    for opening, count in news.elsewhere.opened.items():
        if not payloads[-1].opens(opening, count):
            payloads.append(_Payload(node))
            payloads[-1].opens(opening, count)
    return [payload.text for payload in payloads]


def unpack(payload: str) -> tuple[str, Heard]:
    """Read a payload: whose it is, and what is told; what cannot be read may tell of anything."""
    try:
        said = _decode(payload)
    except msgspec.MsgspecError:
        return "", ANYTHING
    if said.form != FORM:
        return said.node, ANYTHING
    settled, erased, dropped = map(_added_up, (said.settled, said.erased, said.dropped), _WIDTHS)
    those = tuple(Settled(n=Sequence(n), account=AccountId(of), place=place) for n, of, place in settled)
    return said.node, Heard(
        elsewhere=Elsewhere(settled=those, opened=dict(said.opened), owed=bool(said.flags & _OWED)),
        erased=tuple(Sequence(n) for (n,) in erased),
        dropped=tuple(Span(first=Sequence(first), past=Sequence(past)) for first, past in dropped),
        settings=bool(said.flags & _SETTINGS),
        missed=bool(said.flags & _MISSED),
    )


def _added_up(steps: list[int], width: int) -> Iterable[tuple[int, ...]]:
    """Give the numbers that differ by so much, as many together as belong together."""
    return zip(*(accumulate(steps[column::width]) for column in range(width)), strict=False)
