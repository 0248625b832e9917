"""Two stores that are asked the same and must say the same: whatever they disagree about is a fault of one.
Rule: nothing is compared but what the port promises: a place is told by its order, a line of the ledger by its rank."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from answerdesk.desk.crew import Said
from answerdesk.desk.holding import Held
from answerdesk.desk.ports import Verb
from answerdesk.model.fault import Refusal
from answerdesk.model.task import Task

#: Reads whose port promises no order.
UNORDERED = {"settled_among"}


def plain(said: Any) -> Any:
    """Take out what each store may number in its own way."""
    match said:
        case Task():
            return msgspec.structs.replace(said, place=bool(said.place))
        case Said(task=Task()) | Held():
            return msgspec.structs.replace(said, task=plain(said.task))
        case [[int(), int(), msgspec.Struct()], *_]:
            # Lines of a ledger: their numbers rise, but not by one.
            return [(at, entry) for _, at, entry in said]
        case list() | tuple():
            return type(said)(map(plain, said)) if type(said) in {list, tuple} else said
        case Refusal():
            return said.fault, str(said)
        case _:
            return said


class Twins:
    """A store that is two."""

    def __init__(self, *stores: Any) -> None:
        self.stores = stores

    async def run(self, verb: Verb[Any]) -> Any:
        return await self._same(f"run {verb}", lambda store: store.run(verb))

    def house(self) -> Any:
        first, second = (store.house() for store in self.stores)
        assert first == second
        return first

    def listen(self, hearer: Callable[[Any], None]) -> None:
        self.stores[0].listen(hearer)

    def close(self) -> None:
        for store in self.stores:
            store.close()

    def __getattr__(self, name: str) -> Any:
        if not inspect.iscoroutinefunction(getattr(type(self.stores[0]), name)):
            raise AttributeError(name)

        def ask(*values: Any, **named: Any) -> Any:
            async def said(store: Any) -> Any:
                rows = await getattr(store, name)(*values, **named)
                return sorted(rows, key=lambda task: task.n) if name in UNORDERED else rows

            return self._same(f"{name} {values} {named}", said)

        return ask

    async def _same(self, asked: str, ask: Callable[[Any], Any]) -> Any:
        said = []
        for store in self.stores:
            try:
                said.append(await ask(store))
            except Refusal as refusal:
                said.append(refusal)
        first, second = map(plain, said)
        assert first == second, f"{asked}:\n{first}\n{second}"
        if isinstance(said[0], Refusal):
            raise said[0]
        return said[0]
