"""What pages are made of: the desk they look at, and how a page is written in somebody's language.
Rule: handed down once as a frozen value; a page asks for it by its request."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from answerdesk.desk.crew import Crew
from answerdesk.desk.ports import Clock, Store
from answerdesk.desk.records import Records
from answerdesk.desk.roll import Roll
from answerdesk.desk.visits import Visits
from answerdesk.model.person import Role
from answerdesk.model.task import Permutation
from answerdesk.pages.assets import Static, read_static
from answerdesk.pages.attempts import Attempts
from answerdesk.pages.guard import STAFF
from answerdesk.pages.once import Once
from answerdesk.pages.passwords import Passwords
from answerdesk.pages.shown import FILTERS
from answerdesk.pages.words import Words, read_words

TEMPLATES: Final = "templates"
#: The way around the site: address, key of its name, and whose it is.
WAYS: Final[tuple[tuple[str, str, frozenset[Role]], ...]] = (
    ("/work", "page.work", frozenset(Role)),
    ("/team", "page.team", frozenset(STAFF)),
    ("/queue", "page.queue", frozenset(STAFF)),
)


class Desk(Store, Records, Crew, Roll, Protocol):
    """A store that is all the ports pages look through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The desk as pages see it."""

    store: Store
    records: Records
    crew: Crew
    roll: Roll
    visits: Visits
    clock: Clock
    ids: Permutation
    #: The caller's address, and http or https as the browser spoke it.
    ip: Callable[[Scope], str]
    scheme: Callable[[Scope], str]
    passwords: Passwords
    attempts: Attempts
    static: Static
    words: Words
    templates: jinja2.Environment
    #: The address people open, None for the one a request came to.
    public_url: str | None = None
    once: Once = field(default_factory=Once)


def parts(request: Request) -> Parts:
    """Give what the pages of this site are made of."""
    found: Parts = request.app.state.parts
    return found


def site_of(request: Request) -> str:
    """Give the address of this site as somebody else is to open it."""
    made = parts(request)
    return made.public_url or f"{made.scheme(request.scope)}://{request.headers.get('host', '')}"


@functools.cache
def make_templates() -> jinja2.Environment:
    """Make the process's environment: everything is escaped, and a name that is not there is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("answerdesk.pages", TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    return made


def render(request: Request, template: str, status: int = 200, /, **context: Any) -> Response:
    """Write a page in the language of whoever looks at it.

    Templates have `t(key, **values)`, `asset(name)`, `lang`, `dir`, `person`, `solver`, `path` and `ways`.
    """
    made = parts(request)
    language = language_of(request)
    person = getattr(request.state, "person", None)
    given = {
        "t": lambda key, **values: made.words.say(language, key, **values),
        "asset": made.static.address,
        "lang": language,
        "dir": made.words.direction(language),
        "person": person,
        "solver": getattr(request.state, "solver", None),
        "path": request.url.path,
        "ways": WAYS,
    }
    return HTMLResponse(made.templates.get_template(template).render({**given, **context}), status)


def say(request: Request, key: str, **values: object) -> str:
    """Say a sentence in the language of whoever asks."""
    return parts(request).words.say(language_of(request), key, **values)


def messages(request: Request, *prefixes: str) -> dict[str, str]:
    """Give the sentences a page's scripts need: those whose keys begin in one of these ways."""
    return parts(request).words.among(language_of(request), prefixes)


def language_of(request: Request) -> str:
    """Give the language of a page: the person's own, else the best the browser asks for."""
    person = getattr(request.state, "person", None)
    own = person.language if person is not None else ""
    return parts(request).words.choose(own, request.headers.get("accept-language", ""))


def make_parts(
    store: Desk, visits: Visits, clock: Clock, ids: Permutation, ip: Callable[[Scope], str],
    scheme: Callable[[Scope], str], public_url: str | None = None, passwords: Passwords | None = None,
) -> Parts:  # fmt: skip
    """Make the parts over a store that is all of the ports."""
    return Parts(
        store=store,
        records=store,
        crew=store,
        roll=store,
        visits=visits,
        clock=clock,
        ids=ids,
        ip=ip,
        scheme=scheme,
        public_url=public_url,
        passwords=passwords or Passwords(),
        attempts=Attempts(),
        static=read_static(),
        words=read_words(),
        templates=make_templates(),
    )
