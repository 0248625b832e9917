"""What is shown to one person and kept nowhere else: the link that a form has just made.
Rule: only the session that made it sees it, for ten minutes, and a restart forgets it."""

from __future__ import annotations

from typing import Final

from answerdesk.model.limit import forget_oldest

SHOWN_MS: Final = 600_000
#: More are not kept at once; the oldest go first.
MOST_KEPT: Final = 1_000


class Once:
    """Secrets by the session that made them and what they are for."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: dict[tuple[bytes, str], tuple[str, int]] = {}

    def keep(self, session: bytes, name: str, secret: str, now: int) -> None:
        """Keep a secret for the page that follows; an older one of that name is forgotten."""
        self._kept.pop((session, name), None)
        self._kept[session, name] = secret, now + SHOWN_MS
        forget_oldest(self._kept, MOST_KEPT)

    def carry(self, session: bytes, to: bytes) -> None:
        """Let the session that goes on in another's place see what was kept for it."""
        for place in [place for place in self._kept if place[0] == session]:
            self._kept[to, place[1]] = self._kept.pop(place)

    def see(self, session: bytes, name: str, now: int) -> str | None:
        """Give the secret while it may be shown."""
        secret, until = self._kept.get((session, name), (None, 0))
        return secret if now < until else None
