"""Everything that whoever opens a desk asks of its store: what verbs and pages see, and what the process itself needs.
Rule: whoever serves or commands a desk knows this port alone, so that any store fits."""

from __future__ import annotations

from typing import Protocol

from answerdesk.desk.crew import Crew
from answerdesk.desk.ports import Store
from answerdesk.desk.records import Records
from answerdesk.desk.roll import Roll
from answerdesk.desk.watch import Glance, Watch


class DeskStore(Store, Records, Roll, Crew, Protocol):
    """A store as its process opens, minds and closes it."""

    @property
    def permutation_key(self) -> bytes:
        """The key of the public ids, made once for each desk."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be promised now, None where all is well."""

    async def recover(self) -> None:
        """Try to be well again, without waiting for a caller."""

    def look_around(self) -> None:
        """Notice what other processes wrote, where nothing tells of it."""

    @property
    def backlog(self) -> int:
        """How many verbs wait for a unit."""

    def watched_by(self, watch: Watch) -> None:
        """Tell somebody of each unit from now on."""

    def glance(self) -> Glance:
        """Make what reads beside the requests; whoever asked for it closes it."""

    async def aclose(self) -> None:
        """Finish what is under way and close."""
