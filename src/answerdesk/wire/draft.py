"""From a createTask to a Draft, as the catalogue's row of the type says: the fields first, then the pictures.
Rule: the checks run in the order of PROTOCOL §2.3, and nothing is decoded but a picture's header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from answerdesk.model import media
from answerdesk.model.catalog import CATALOG, Field, SizeLimits, Sort, TaskType
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Medium, Options, Question
from answerdesk.model.talk import Call, Draft
from answerdesk.wire.fields import READERS, pick, shown

LONGEST_CALLBACK: Final = 2_048


class Plan:
    """A catalogue row prepared for reading: its fields by exact and by lower-case name."""

    def __init__(self, row: TaskType) -> None:
        self.row = row
        self.exact = {field.name: field for field in row.fields}
        self.lower = {field.name.lower(): field for field in row.fields}
        self.required = tuple(field for field in row.fields if field.required and field.sort is not Sort.PICTURE)
        self.pictures = tuple(field for field in row.fields if field.sort is Sort.PICTURE)
        self.enveloped = tuple(field for field in row.fields if field.envelope)


_PLANS: Final[Mapping[str, Plan]] = {name: Plan(row) for name, row in CATALOG.items()}


def read_draft(call: Call, *, case_default: bool, limits: SizeLimits) -> Draft:
    """Read a createTask: checks 6 to 9 of PROTOCOL §2.3, in that order."""
    task = _read_task(call)
    plan = _plan_of(task)
    given = _match(plan, task)
    _refuse_callback(call)
    values = read_fields(plan, given, call)
    constraints = _constraints(values, case_default=case_default)
    options = _options(values, call)
    pictures, blobs = _read_pictures(plan, given, limits)
    question = Question(
        kind=plan.row.kind,
        text=values.get("text"),
        picture=pictures.get("picture"),
        media=(pictures["media"],) if "media" in pictures else (),
        constraints=constraints,
        options=options,
        lang=values.get("lang"),
    )
    return Draft(type=plan.row.name, question=question, blobs=blobs)


def _read_task(call: Call) -> dict[str, Any]:
    task = pick(call.body, "task")
    if not isinstance(task, dict):
        got = "" if task is None else f" (got {shown(task)})"
        raise Refusal(Fault.TASK_ABSENT, f"task is missing; it must be an object with a type{got}")
    return task


def _plan_of(task: dict[str, Any]) -> Plan:
    name = task.get("type") or pick(task, "type")
    plan = _PLANS.get(name) if isinstance(name, str) else None
    if plan is None:
        got = "is missing" if name is None else f"{shown(name)} is not served"
        raise Refusal(Fault.TASK_NOT_SUPPORTED, f"task.type {got}; accepted: {', '.join(_PLANS)}")
    return plan


def _match(plan: Plan, task: dict[str, Any]) -> dict[str, Any]:
    """Give the row's fields that are present, under their catalogue names; a null one is absent."""
    exact = plan.exact
    given = {}
    for key, value in task.items():
        if key in exact:
            given[key] = value
        elif (field := plan.lower.get(key.lower())) is not None and field.name not in task:
            given[field.name] = value
    return {name: value for name, value in given.items() if value is not None}


def _refuse_callback(call: Call) -> None:
    """Refuse what cannot be kept; a callback is never dropped in silence (PROTOCOL §2.2)."""
    given = pick(call.body, "callbackUrl")
    if given in (None, False) or (isinstance(given, str) and not given.strip()):
        return
    if not isinstance(given, str):
        raise Refusal(Fault.BAD_PARAMETERS, f"callbackUrl must be a text (got {shown(given)})")
    if len(given) > LONGEST_CALLBACK:
        text = f"callbackUrl has {len(given):,} characters; at most {LONGEST_CALLBACK:,} are accepted"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    raise Refusal(
        Fault.BAD_PARAMETERS, "callbackUrl: callbacks are not served yet; leave it out and poll getTaskResult"
    )


def read_fields(plan: Plan, given: dict[str, Any], call: Call) -> dict[str, Any]:
    """Read every field but the pictures into values keyed by where in the question they go."""
    values = {}
    for name, value in given.items():
        field = plan.exact[name]
        if field.sort is not Sort.PICTURE and (read := READERS[field.sort](field, value)) is not None:
            values[field.to] = read
    for field in plan.enveloped:
        if field.to not in values and (value := pick(call.body, field.name)) is not None:
            values[field.to] = READERS[field.sort](field, value)
    for field in plan.required:
        if field.to not in values:
            raise Refusal(
                Fault.BAD_PARAMETERS, f"task.{field.name} is missing or empty; every {plan.row.name} needs it"
            )
    return values


def _part(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {to[len(prefix) :]: value for to, value in values.items() if to.startswith(prefix)}


#: What a task without any constraint asks for, by the dialect's default of `case`.
_PLAIN: Final = {False: Constraints(), True: Constraints(case=True)}


def _constraints(values: Mapping[str, Any], *, case_default: bool) -> Constraints:
    found = _part(values, "constraints.")
    if not found:
        return _PLAIN[case_default]
    constraints = Constraints(**{"case": case_default} | found)
    if 0 < constraints.max_length < constraints.min_length:
        text = f"task.minLength is {constraints.min_length} but task.maxLength is {constraints.max_length}; "
        raise Refusal(Fault.BAD_PARAMETERS, text + "minLength must not be above maxLength")
    return constraints


def _options(values: Mapping[str, Any], call: Call) -> Options:
    """Take what steers the machines from the request, else from the key's suffix."""
    threshold = values.get("options.threshold", call.threshold)
    if threshold is not None and threshold > 100:
        raise Refusal(Fault.BAD_PARAMETERS, f"recognizingthreshold of clientKey must be 0..100 (got {threshold})")
    module = values.get("options.module") or call.module or "universal"
    return Options(module=module, threshold=threshold)


def _read_pictures(
    plan: Plan, given: Mapping[str, Any], limits: SizeLimits
) -> tuple[dict[str, Medium], tuple[bytes, ...]]:
    """Read the pictures: the asked one first, then the instruction picture, whose faults have a code of their own."""
    found: dict[str, Medium] = {}
    blobs: list[bytes] = []
    for field in sorted(plan.pictures, key=_instruction_last):
        value = given.get(field.name)
        if not field.required and value in (None, "", False):
            continue
        if field.to == "media":
            medium, data = _read_picture(field, value, limits.picture, limits.side)
        else:
            medium, data = _read_instruction(field, value, limits)
        found[field.to] = medium
        blobs.append(data)
    return found, tuple(blobs)


def _instruction_last(field: Field) -> bool:
    return field.to != "media"


def _read_instruction(field: Field, value: object, limits: SizeLimits) -> tuple[Medium, bytes]:
    try:
        return _read_picture(field, value, limits.instruction, limits.side)
    except Refusal as refusal:
        raise Refusal(Fault.BAD_IMGINSTRUCTIONS, refusal.detail) from None


#: Base64 takes 4 characters for 3 bytes; line breaks and a ``data:`` prefix fit in twice the size and a little.
#: What is longer is too big without decoding it.
_CHARACTERS_PER_BYTE: Final = 2
_PREFIX: Final = 1_000


def _read_picture(field: Field, value: object, most: int, side: int) -> tuple[Medium, bytes]:
    where = f"task.{field.name}"
    if isinstance(value, str) and len(value) > _CHARACTERS_PER_BYTE * most + _PREFIX:
        text = f"{where} is {len(value):,} characters of base64; the limit for this account is {most:,} bytes"
        raise Refusal(Fault.TOO_BIG_CAPTCHA_FILESIZE, text)
    data = media.decode_base64(value, where)
    if len(data) < media.LEAST_BYTES:
        text = f"{where} is {len(data)} bytes; at least {media.LEAST_BYTES} are accepted"
        raise Refusal(Fault.ZERO_CAPTCHA_FILESIZE, text)
    if len(data) > most:
        text = f"{where} is {len(data):,} bytes; the limit for this account is {most:,}"
        raise Refusal(Fault.TOO_BIG_CAPTCHA_FILESIZE, text)
    medium = media.sniff(data)
    if medium is None or medium.type not in media.PICTURES:
        got = "of a type this server does not know" if medium is None else medium.type
        text = f"{where} is {got}; accepted: {_listed(media.PICTURES)}"
        raise Refusal(Fault.IMAGE_TYPE_NOT_SUPPORTED, text)
    if max(medium.width, medium.height) > side or medium.width * medium.height > media.MOST_PIXELS:
        text = f"{where} is {medium.width:,} x {medium.height:,} pixels; "
        accepted = f"at most {side:,} on a side and {media.MOST_PIXELS:,} in all are accepted"
        raise Refusal(Fault.TOO_BIG_CAPTCHA_FILESIZE, text + accepted)
    return medium, data


def _listed(types: Iterable[str]) -> str:
    return ", ".join(sorted(types))
