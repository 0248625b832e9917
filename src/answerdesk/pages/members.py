"""People and machines as the team's pages list them, and what a form may change of them.
Rule: who may change whom is decided here, once, for every form; nobody suspends themselves."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from answerdesk.desk.crew import Pace, Wages
from answerdesk.desk.trials import trials
from answerdesk.model.fields import LANGUAGES
from answerdesk.model.person import MANAGES, Person, PersonId, Role, may_manage
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.solver import GROUP, Solver, SolverId
from answerdesk.model.standing import Standing
from answerdesk.pages.guard import OPERATORS
from answerdesk.pages.parts import parts

#: Who answers tasks from the start.
ANSWERING: Final = frozenset({Role.OWNER, Role.WORKER})
#: What somebody can be made, besides a customer.
APPOINTED: Final = (Role.WORKER, Role.VIEWER, Role.OPERATOR, Role.OWNER)
_KEY: Final = re.compile(r"([ps])([0-9]{1,19})")


class Member(NamedTuple):
    """Somebody of the team: a person, a solver without one, or a person with the solver they answer by."""

    person: Person | None
    solver: Solver | None

    @property
    def key(self) -> str:
        """The name of its page: a person's number, else the solver's."""
        return f"p{self.person.id}" if self.person else f"s{self.solver.id if self.solver else 0}"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.person.name if self.person else self.solver.name if self.solver else ""

    @property
    def role(self) -> str:
        """What it is, as the word for it is named."""
        if self.person:
            return f"role.{self.person.role}"
        return "team.machine" if self.solver and self.solver.machine else "team.program"

    @property
    def enabled(self) -> bool:
        """Whether it may come in and answer."""
        return self.person.enabled if self.person else bool(self.solver and self.solver.enabled)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it may be asked; naming none means all."""
        if self.solver is None:
            return ()
        return tuple(kind for kind in WORK_KINDS if not self.solver.kinds or kind in self.solver.kinds)

    @property
    def languages(self) -> str:
        """The languages it reads, as the form takes them; empty for every one."""
        return ", ".join(sorted(self.solver.languages)) if self.solver else ""

    @property
    def groups(self) -> str:
        """The groups it belongs to, as the form takes them."""
        return ", ".join(sorted(self.solver.groups)) if self.solver else ""


class Grants(NamedTuple):
    """What a form lets somebody be asked; no kinds means every kind, no languages every language."""

    kinds: frozenset[Kind]
    languages: frozenset[str]
    groups: frozenset[str]


class Work(NamedTuple):
    """How a solver works, is paid and stands."""

    pace: Pace = Pace()
    wages: Wages = Wages()
    standing: Standing | None = None
    on_shift: bool = False


async def everybody(request: Request) -> list[Member]:
    """Give people by name, then the solvers that are nobody's, machines last."""
    made = parts(request)
    solvers = {solver.id: solver for solver in made.store.house().solvers}
    people = sorted(await made.roll.people(), key=lambda person: (not person.enabled, person.name.casefold()))
    members = [Member(person, solvers.pop(person.solver, None) if person.solver else None) for person in people]
    left = sorted(solvers.values(), key=lambda solver: (solver.machine, not solver.enabled, solver.name.casefold()))
    return members + [Member(None, solver) for solver in left]


async def find(request: Request) -> Member:
    """Give the member whose page this is; a person's solver has no page of its own."""
    found = _KEY.fullmatch(request.path_params["who"])
    if found is None:
        raise HTTPException(404)
    made, number = parts(request), int(found[2])
    solvers = {solver.id: solver for solver in made.store.house().solvers}
    if found[1] == "p":
        person = await made.roll.person(PersonId(number)) if number < 2**63 else None
        if person is None:
            raise HTTPException(404)
        return Member(person, solvers.get(person.solver) if person.solver else None)
    solver = solvers.get(SolverId(number))
    if solver is None or any(person.solver == solver.id for person in await made.roll.people()):
        raise HTTPException(404)
    return Member(None, solver)


async def work_of(request: Request, solver: Solver | None) -> Work:
    """Read how a solver works; somebody who does not answer has done nothing."""
    if solver is None:
        return Work()
    made = parts(request)
    now = made.clock.now()
    return Work(
        pace=await made.crew.pace(solver.id, now),
        wages=await made.crew.wages(solver.id, now),
        standing=await made.crew.standing(solver.id),
        on_shift=solver.on_shift(now),
    )


async def doubts(request: Request) -> dict[SolverId, list[tuple[str, str]]]:
    """Give for each machine the words for how its profiles are doubted, and which are: in shadow, or got worse."""
    made = parts(request)
    house = made.store.house()
    if not any(solver.machine for solver in house.solvers):
        return {}
    found: dict[SolverId, dict[str, set[str]]] = {}
    for trial in trials(house, await made.crew.comparisons(made.clock.now())):
        for solver in trial.solvers:
            key = "team.trial.shadow" if trial.shadow else "team.trial.worse" if trial.of(solver).worse else ""
            if key:
                found.setdefault(solver, {}).setdefault(key, set()).add(trial.profile)
    return {
        solver: [(key, ", ".join(sorted(profiles))) for key, profiles in sorted(keys.items())]
        for solver, keys in found.items()
    }


def may_change(viewer: Person, member: Member) -> bool:
    """Tell whether somebody may change a member: operators the machines and those below them, owners everybody."""
    if viewer.role not in OPERATORS:
        return False
    return member.person is None or may_manage(viewer.role, member.person.role)


def may_suspend(viewer: Person, member: Member) -> bool:
    """Tell whether somebody may suspend a member, who is never themselves."""
    return may_change(viewer, member) and (member.person is None or member.person.id != viewer.id)


def appointable(viewer: Person) -> tuple[Role, ...]:
    """Give the roles somebody may appoint to; a customer is invited with an account."""
    return tuple(role for role in APPOINTED if role in MANAGES[viewer.role])


def sent_grants(form: FormData) -> dict[str, Any]:
    """Give the fields of what somebody may be asked as they were sent, to be shown again."""
    return {
        "kinds": form.getlist("kind"),
        "languages": str(form.get("languages") or ""),
        "groups": str(form.get("groups") or ""),
    }


def read_grants(form: FormData) -> Grants | str:
    """Read what somebody may be asked, or give the key of the sentence that says what is wrong with it."""
    kinds = {kind for kind in form.getlist("kind") if isinstance(kind, str)}
    if not kinds or not kinds <= set(WORK_KINDS):
        return "team.kinds.none"
    codes = _words(form.get("languages"), fold=True)
    if not all(code in LANGUAGES for code in codes):
        return "team.languages.unknown"
    groups = _words(form.get("groups"))
    if not all(GROUP.fullmatch(group) for group in groups) or "none" in groups:
        return "team.groups.flaw"
    return Grants(
        # All that there are is every kind there will be.
        kinds=frozenset() if kinds == set(WORK_KINDS) else frozenset(map(Kind, kinds)),
        languages=frozenset(LANGUAGES[code] for code in codes),
        groups=frozenset(groups),
    )


def _words(given: object, *, fold: bool = False) -> list[str]:
    """Read words between commas or spaces."""
    text = str(given or "")
    return (text.lower() if fold else text).replace(",", " ").split()
