"""How one field of a JSON request is found and read, whatever its spelling: lenient, but never guessing.
Rule: a refusal says where, what is accepted and what came, without ever echoing a key or media (PROTOCOL §5.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.fields import LANGUAGES, LONGEST_MODULE, MOST_ROWS, Field, Sort
from answerdesk.model.task import LARGEST_ID


def pick(fields: Mapping[str, Any], name: str) -> Any:
    """Give a field's value; its exact spelling wins over any other capitals (PROTOCOL T12)."""
    if name in fields:
        return fields[name]
    size = len(name)
    for key in fields:
        if len(key) == size and key.lower() == name.lower():
            return fields[key]
    return None


#: Values of one body: many times what a batch of the most tasks has, and few enough to be decoded between two calls.
MOST_VALUES: Final = 50_000
SPRAWLING: Final = f"the body has more than {MOST_VALUES:,} values; a JSON object with fewer is accepted"
#: A body shorter than this cannot have many more.
_SHORT: Final = 100_000


def is_sprawling(body: bytes) -> bool:
    """Tell whether a JSON body holds more values than anybody needs to say: each costs time and memory to decode."""
    return len(body) > _SHORT and sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES


_LARGEST_DIGITS: Final = len(str(LARGEST_ID))


def whole(given: object) -> int | None:
    """Give the integer an integral float or a text of digits stands for; None when it stands for none."""
    match given:
        case bool():
            return None
        case int():
            return given
        case float() if given.is_integer():
            return int(given)
        case str() if given.isascii() and given.isdigit() and len(given.lstrip("0")) <= _LARGEST_DIGITS:
            return int(given.lstrip("0") or "0")
    return None


#: The longest text a refusal repeats; half of a key.
_ECHOED: Final = 16


def shown(given: object) -> str:
    """Describe a value for a refusal; a long one by its size alone, so that no key or media is ever echoed."""
    match given:
        case None:
            return "null"
        case bool():
            return "true" if given else "false"
        case str():
            return (
                msgspec.json.encode(given).decode() if len(given) <= _ECHOED else f"a text of {len(given):,} characters"
            )
        case int() | float():
            return f"{given}" if abs(given) < 1e15 else "a huge number"
        case list():
            return "a list"
        case _:
            return "an object"


_FLAGS: Final[Mapping[object, bool]] = {True: True, False: False, "1": True, "0": False, "true": True, "false": False}


def _read_flag(field: Field, given: Any) -> bool:
    try:
        return _FLAGS[given]
    except (KeyError, TypeError):
        accepted = 'true, false, 0, 1, "0", "1", "true" or "false"'
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} must be {accepted} (got {shown(given)})") from None


def _read_whole(field: Field, given: Any) -> int:
    number = int(given) if field.truth and isinstance(given, bool) else whole(given)
    if number is None or not field.least <= number <= field.most:
        accepted = f"an integer {field.least}..{field.most}"
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} must be {accepted} (got {shown(given)})")
    return number


def _read_words(field: Field, given: Any) -> str | None:
    if given is False:
        return None
    if not isinstance(given, str):
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} must be a text (got {shown(given)})")
    text = given.strip()
    if len(text) > field.most:
        accepted = f"at most {field.most:,} are accepted"
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} has {len(text):,} characters; {accepted}")
    return text or None


def _read_module(_: Field, given: Any) -> str | None:
    text = given.strip() if isinstance(given, str) else ""
    return text if 0 < len(text) <= LONGEST_MODULE else None


def _read_language(_: Field, given: Any) -> str | None:
    return LANGUAGES.get(given.strip().lower()) if isinstance(given, str) else None


def _read_choice(field: Field, given: Any) -> str | None:
    if given in ("", False):
        return None
    meant = field.choices.get(given.strip().lower()) if isinstance(given, str) else None
    if meant is None:
        accepted = f"one of {', '.join(field.choices)}"
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} must be {accepted} (got {shown(given)})")
    return meant


_CELLS = re.compile(r"\s*([0-9]{1,2})\s*[xX*]\s*([0-9]{1,2})\s*")


def _read_cells(field: Field, given: Any) -> dict[str, int] | None:
    if given in ("", False):
        return None
    match = _CELLS.fullmatch(given) if isinstance(given, str) else None
    rows, columns = map(int, match.groups()) if match else (0, 0)
    if not (1 <= rows <= MOST_ROWS and 1 <= columns <= MOST_ROWS):
        accepted = f'rows and columns of 1..{MOST_ROWS} such as "3x3"'
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} must be {accepted} (got {shown(given)})")
    return {"rows": rows, "columns": columns}


def _read_task(field: Field, given: Any) -> str | None:
    if given in ("", False):
        return None
    task = whole(given)
    if task is None or not 1 <= task <= LARGEST_ID:
        accepted = "the id of an earlier task, a number or a text of digits"
        raise Refusal(Fault.BAD_PARAMETERS, f"task.{field.name} must be {accepted} (got {shown(given)})")
    return str(task)


#: How each sort of field is read; None means the field counts as absent. Media come later, after all the others, and
#: what tells a type's row or scope came before.
READERS: Final[Mapping[Sort, Callable[[Field, Any], Any]]] = {
    Sort.FLAG: _read_flag,
    Sort.WHOLE: _read_whole,
    Sort.WORDS: _read_words,
    Sort.MODULE: _read_module,
    Sort.LANGUAGE: _read_language,
    Sort.CHOICE: _read_choice,
    Sort.CELLS: _read_cells,
    Sort.TASK: _read_task,
}
