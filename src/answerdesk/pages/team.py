"""The page at /team: who is signed in, and the ways from there.
Rule: a page shows only what its role may see."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from answerdesk.pages.guard import STAFF, Row, needs
from answerdesk.pages.parts import render


@needs(*STAFF)
async def show(request: Request) -> Response:
    """Greet whoever is signed in."""
    return render(request, "welcome.html")


ROUTES: Final = (Row("/team", show),)
