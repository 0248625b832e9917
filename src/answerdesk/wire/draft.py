"""From a createTask to a Draft, as the catalogue's row of the type says: the fields first, then the media.
Rule: the checks run in the order of PROTOCOL §2.3, and nothing is decoded but a medium's header."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from answerdesk.model import sandbox
from answerdesk.model.callback import host_of
from answerdesk.model.catalog import CATALOG, COMPLEX_NAME, FAMILIES, OUT_OF_SCOPE, SCOPE, TYPES, Form, TaskType
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.fields import Field, Sort
from answerdesk.model.question import Constraints, Kind, Options, Question
from answerdesk.model.shape import check, fit
from answerdesk.model.sizes import SizeLimits
from answerdesk.model.talk import Call, Draft
from answerdesk.model.task import LARGEST_ID
from answerdesk.wire.attached import read_media
from answerdesk.wire.fields import READERS, pick, shown, whole

LONGEST_CALLBACK: Final = 2_048


class Place(NamedTuple):
    """How a field is read, and where it goes: a part of the question ("constraints", "options", or "") and a name."""

    part: str
    name: str
    read: Callable[[Any], Any]


def _place(field: Field) -> Place:
    part, _, name = field.to.rpartition(".")
    return Place(part, name, partial(READERS[field.sort], field))


#: What was read, by part and name.
Values = Mapping[str, dict[str, Any]]


class Plan:
    """A catalogue row prepared for reading: its fields by exact and by lower-case name."""

    def __init__(self, row: TaskType) -> None:
        self.row = row
        fields = [field for field in row.fields if field.sort not in {Sort.ROW, Sort.UNUSED}]
        self.exact = {field.name: field for field in fields if "." not in field.name}
        self.lower = {name.lower(): field for name, field in self.exact.items()}
        #: Fields of objects within the task.
        self.inner = tuple(field for field in fields if "." in field.name)
        self.places = {field.name: _place(field) for field in fields if field.sort in READERS}
        self.scope = tuple(field for field in fields if field.sort is Sort.SCOPE)
        self.media = tuple(field for field in fields if field.to == "media")
        self.instruction = next((field for field in fields if field.to == "picture"), None)
        self.required = tuple(field for field in fields if field.required and field.sort in READERS)
        self.enveloped = tuple(field.name for field in fields if field.envelope)
        #: Whether it is of a vendor's token, and whether `case` means anything to it.
        self.token = row.kind is Kind.TOKEN
        self.cased = "case" in self.exact


_PLANS: Final[Mapping[str, Plan]] = {name: Plan(row) for name, row in CATALOG.items()}


#: No names of the operator's own.
_NO_NAMES: Final[Mapping[str, str]] = {}
_ALL_SERVED: Final[frozenset[str]] = frozenset()


def read_draft(
    call: Call,
    *,
    case_default: bool,
    limits: SizeLimits,
    own_names: Mapping[str, str] = _NO_NAMES,
    disabled: frozenset[str] = _ALL_SERVED,
) -> Draft:
    """Read a createTask: checks 6 to 9 of PROTOCOL §2.3, in that order.

    `own_names` are the operator's for complex pictures, each with the name of this desk's it stands for; `disabled`
    are the types not served to whoever asks.
    """
    task = _read_task(call)
    plan = _plan_of(task, own_names)
    row = plan.row
    if disabled and row.name in disabled:
        raise Refusal(Fault.TASK_NOT_SUPPORTED, _disabled(row.name, disabled))
    if plan.token:
        return _read_token(row, task, call)
    given = _match(plan, task)
    _check_scope(plan, given)
    callback, soft_id = _read_callback(call), _read_soft_id(call)
    values = read_fields(plan, given, call)
    _check_instructed(plan, values, given)
    constraints = check(_constraints(plan, values["constraints"], case_default=case_default))
    own = _own_name(task, own_names) if own_names and row.form is Form.COMPLEX else None
    options = _options(values["options"], call, own)
    attached = read_media(plan.media, plan.instruction, given, row.kind, limits)
    question = Question(
        kind=row.kind,
        text=values[""].get("text"),
        picture=attached.picture,
        media=attached.media,
        constraints=fit(row.kind, constraints, attached.media),
        options=options,
        lang=values[""].get("lang", row.lang),
    )
    return Draft(type=row.name, question=question, blobs=attached.blobs, callback=callback, soft_id=soft_id)


def _read_token(row: TaskType, task: dict[str, Any], call: Call) -> Draft:
    """Read a token task, whatever its fields' capitals: its vendor's published test keys alone are answered."""
    fields = {name: pick(task, name) for name in sandbox.FIELDS}
    answered = sandbox.answer(row.name, fields)
    question = Question(kind=row.kind)
    return Draft(
        type=row.name, question=question, sandbox=answered, callback=_read_callback(call), soft_id=_read_soft_id(call)
    )


def _read_task(call: Call) -> dict[str, Any]:
    task = pick(call.body, "task")
    if not isinstance(task, dict):
        got = "" if task is None else f" (got {shown(task)})"
        raise Refusal(Fault.TASK_ABSENT, f"task is missing; it must be an object with a type{got}")
    return task


def _plan_of(task: dict[str, Any], own_names: Mapping[str, str]) -> Plan:
    """Find the row of a task's type, told by one more field where the type has several."""
    name = task.get("type") or pick(task, "type")
    plan = _PLANS.get(name) if isinstance(name, str) and "/" not in name else None
    if plan is not None:
        return plan
    if isinstance(name, str) and name in FAMILIES:
        return _plan_in(name, task, own_names)
    if isinstance(name, str) and name in OUT_OF_SCOPE:
        raise Refusal(Fault.TASK_NOT_SUPPORTED, f"task.type {shown(name)} is not served: {SCOPE}")
    got = "is missing" if name is None else f"{shown(name)} is not served"
    raise Refusal(Fault.TASK_NOT_SUPPORTED, f"task.type {got}; accepted: {', '.join(TYPES)}")


def _disabled(name: str, disabled: frozenset[str]) -> str:
    rows = (row for row in CATALOG.values() if row.kind is not Kind.TOKEN and row.name not in disabled)
    served = dict.fromkeys(row.name.partition("/")[0] for row in rows)
    return f"tasks of type {shown(name)} are disabled for this account; accepted: {', '.join(served) or 'none'}"


def _own_name(task: Mapping[str, Any], own_names: Mapping[str, str]) -> str | None:
    """Give the operator's own name that a complex picture is called by, if it is."""
    given = _within(task, COMPLEX_NAME) if own_names else None
    name = given.strip().lower() if isinstance(given, str) else ""
    return name if name in own_names else None


def _plan_in(name: str, task: dict[str, Any], own_names: Mapping[str, str]) -> Plan:
    family = FAMILIES[name]
    first = next(iter(family.rows.values()))
    _check_scope(_PLANS[first.name], task)
    given = _within(task, family.by)
    member = family.default if given in (None, "", False) else given
    own = own_names if family.by == COMPLEX_NAME else _NO_NAMES
    row = None
    if isinstance(member, str):
        member = member.strip().lower()
        row = family.rows.get(own.get(member, member))
    if row is None:
        got = "is missing" if member is None else f"{shown(given)} is not served"
        refused = f"task.{family.by} {got}; accepted: {', '.join((*family.rows, *own))}"
        raise Refusal(family.fault, f"{refused}; {SCOPE}" if family.fault is Fault.TASK_NOT_SUPPORTED else refused)
    return _PLANS[row.name]


def _within(task: Mapping[str, Any], path: str) -> Any:
    """Follow a dotted path; None where it leads nowhere."""
    found: Any = task
    for name in path.split("."):
        found = pick(found, name) if isinstance(found, dict) else None
    return found


def _check_scope(plan: Plan, task: Mapping[str, Any]) -> None:
    """Refuse what says that its picture is of a third party's challenge (PROTOCOL §0.1)."""
    for field in plan.scope:
        given = pick(task, field.name)
        absent = given in (None, "", False)
        if (absent and not field.required) or (isinstance(given, str) and given.strip().lower() in field.choices):
            continue
        got = "is missing" if absent else f"{shown(given)} is not served"
        accepted = f"accepted: {', '.join(field.choices)}; " if field.choices else ""
        raise Refusal(Fault.TASK_NOT_SUPPORTED, f"task.{field.name} {got}; {accepted}{SCOPE}")


def _match(plan: Plan, task: dict[str, Any]) -> dict[str, Any]:
    """Give the row's fields that are present, under their catalogue names; a null one is absent."""
    exact = plan.exact
    given = {}
    for key, value in task.items():
        if key in exact:
            given[key] = value
        elif (field := plan.lower.get(key.lower())) is not None and field.name not in task:
            given[field.name] = value
    for field in plan.inner:
        given[field.name] = _within(task, field.name)
    return {name: value for name, value in given.items() if value is not None} if None in given.values() else given


def _read_callback(call: Call) -> str | None:
    """Read where the reply is to be posted; whether its host may be called is the desk's matter (PROTOCOL §2.2)."""
    given = pick(call.body, "callbackUrl")
    if given in (None, False) or (isinstance(given, str) and not given.strip()):
        return None
    if not isinstance(given, str):
        raise Refusal(Fault.BAD_PARAMETERS, f"callbackUrl must be a text (got {shown(given)})")
    url = given.strip()
    if len(url) > LONGEST_CALLBACK:
        text = f"callbackUrl has {len(url):,} characters; at most {LONGEST_CALLBACK:,} are accepted"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    if host_of(url) is None:
        accepted = "an http or https address without a user name, such as https://example.com/done"
        raise Refusal(Fault.BAD_PARAMETERS, f"callbackUrl must be {accepted} (got {shown(given)})")
    return url


def _read_soft_id(call: Call) -> int | None:
    """Read which program asks, for the statistics; what is no number is ignored (PROTOCOL G24)."""
    for name in ("softId", "soft_id"):
        given = pick(call.body, name)
        number = None if given is None else whole(given)
        if number is not None and 0 <= number <= LARGEST_ID:
            return number
    return None


def read_fields(plan: Plan, given: dict[str, Any], call: Call) -> Values:
    """Read every field but the media into values sorted by where in the question they go."""
    values: Values = {"": {}, "constraints": {}, "options": {}}
    places = plan.places
    for name, value in given.items():
        place = places.get(name)
        if place is not None and (read := place.read(value)) is not None:
            values[place.part][place.name] = read
    for name in plan.enveloped:
        place = places[name]
        if place.name not in values[place.part] and (value := pick(call.body, name)) is not None:
            read = place.read(value)
            if read is not None:
                values[place.part][place.name] = read
    for field in plan.required:
        place = places[field.name]
        if place.name not in values[place.part]:
            raise Refusal(field.missing, f"task.{field.name} is missing or empty; every {plan.row.name} needs it")
    return values


def _check_instructed(plan: Plan, values: Values, given: Mapping[str, Any]) -> None:
    if plan.row.instructed and "text" not in values[""] and not given.get("imgInstructions"):
        text = f"task.comment and task.imgInstructions are both missing; every {plan.row.name} needs one of them"
        raise Refusal(Fault.BAD_PARAMETERS, text)


#: What a task without any constraint asks for, by the dialect's default of `case`.
_PLAIN: Final = {False: Constraints(), True: Constraints(case=True)}


def _constraints(plan: Plan, found: dict[str, Any], *, case_default: bool) -> Constraints:
    if "grid" in found:
        found |= found.pop("grid")
    base = _PLAIN[case_default] if plan.cased else plan.row.constraints
    return msgspec.structs.replace(base, **found) if found else base


#: What most tasks leave the machines to decide.
_USUAL: Final = Options()


def _options(found: dict[str, Any], call: Call, own_name: str | None) -> Options:
    """Take what steers the machines from the request, else from the key's suffix."""
    if not found and call.threshold is None and call.module is None and own_name is None:
        return _USUAL
    threshold = found.setdefault("threshold", call.threshold)
    if threshold is not None and threshold > 100:
        raise Refusal(Fault.BAD_PARAMETERS, f"recognizingthreshold of clientKey must be 0..100 (got {threshold})")
    found.setdefault("module", call.module or own_name or "universal")
    return Options(**found)
