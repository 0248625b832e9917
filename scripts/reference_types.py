"""Writes the reference of the task types from the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping

import declared
import msgspec
from prose import bullets, page, wrapped

from answerdesk.model import media, script
from answerdesk.model.catalog import CATALOG, Served, TaskType
from answerdesk.model.catalog import FAMILIES as ROWS_OF
from answerdesk.model.fields import LANGUAGES, Field, Sort
from answerdesk.model.money import show
from answerdesk.model.question import Options
from answerdesk.model.sandbox import FAMILIES, TEST_KEYS
from answerdesk.model.sizes import SERVER_LIMITS, STRICT_LIMITS, SizeLimits


def task_types() -> str:
    """Write the catalogue."""
    about = (
        "A task is an object with a `type` and the fields of that type, in any spelling of upper and lower case."
        " Fields that are not listed are ignored, and null is the same as absent. Where a heading has a slash, one more"
        " field of the task picks the row. Prices and pay are the defaults; the operator can set others."
    )
    forms = [
        f"Pictures: {', '.join(sorted(media.PICTURES))}; at most {media.MOST_PIXELS:,} pixels.",
        f"Sounds: {', '.join(sorted(media.SOUNDS))}.",
        f"Nothing under {media.LEAST_BYTES} bytes. The type is told from the bytes, whatever was declared.",
        "base64 with or without padding, line breaks, URL-safe letters or a `data:` prefix.",
        f"At most: {_limits(SERVER_LIMITS)}.",
        *(f"For an account with strict limits, in the {name} dialect: {_limits(strict)}."
          for name, strict in STRICT_LIMITS.items()),
        "An account may have limits of its own, which go before these: see `--max-picture`, `--max-side` and"
        " `--max-sound` of `accounts set`.",
    ]  # fmt: skip
    asked = [row for row in CATALOG.values() if Served.SANDBOX not in row.served]
    media_and_more = [f"## Media\n\n{bullets(forms)}", _scripts(), _token_types()]
    return page("Task types", about, [*map(_task_type, asked), *media_and_more])


def _scripts() -> str:
    """Tell what the instruction of a sandbox account's task may say."""
    about = (
        f"In a task of a sandbox account an instruction that begins with `{script.MARK}` says what becomes of the task,"
        " and nobody is asked. To every other account it is an instruction. The instruction is the field `comment`, or"
        " what stands for it: `metadata.TaskArgument` of a `ComplexImageTask`, `textinstructions` and `textcaptcha` of"
        " in.php. Behind the mark stand words with spaces between them, in any order, each once:"
    )
    words = [
        "`answer=VALUE`: what a worker would send, in the form of the [work API](work-api.md). A text needs quotes, as"
        ' in JSON, only where it has spaces or begins with a quote: `answer=abc`, `answer="two words"`. Any other'
        " answer is JSON: `answer=[1,5]` for a grid, `answer=[[10,20],[30,40]]` for points, `answer=45` for a turn.",
        f"`error=CODE`: the error in which the task ends, {' or '.join(f'`{code}`' for code in script.ENDS)}; instead"
        " of an answer.",
        f"`delay=SECONDS`: how long the task is processing before that, 0 to {script.LONGEST_DELAY:,} with up to three"
        " decimals, 0 where it is left out. With a delay of at least the"
        " [`deadline`](settings.md#deadline) the task fails at its deadline, as if nobody had answered.",
    ]
    refused = "A script that is not understood is refused with `ERROR_BAD_PARAMETERS` and what is wrong with it."
    return f"## Scripts\n\n{wrapped(about)}\n\n{bullets(words)}\n\n{wrapped(refused)}"


def _token_types() -> str:
    """List the token types by vendor, and the keys they answer."""
    about = (
        "These are asked of nobody and cost nothing. A task that names a vendor's published test key is answered at"
        " once with that vendor's published test token, so that a program can be tested up to its end. Any other key is"
        " refused. Nothing is fetched and nothing is solved. Every name is also served with `Proxyless` behind it, and"
        " proxy fields are ignored."
    )
    names = [
        f"{family.vendor}: {', '.join(f'`{name}`' for name in family.names)}"
        + ("; always refused." if family.vendor not in {key.vendor for key in TEST_KEYS.values()} else ".")
        for family in FAMILIES
    ]
    keys = [
        f"{known.vendor}, `{known.key}`: {f'`{known.token}`' if known.token else 'no token'}. {known.about}"
        for known in TEST_KEYS.values()
    ]
    return f"## Token types\n\n{wrapped(about)}\n\n{bullets(names)}\n\nPublished test keys:\n\n{bullets(keys)}"


def _limits(limits: SizeLimits) -> str:
    text = f"{limits.text:,} bytes of a picture to be read, " if limits.text else ""
    return (
        f"{text}{limits.picture:,} bytes of any picture, {limits.side:,} pixels a side, {limits.instruction:,} bytes"
        f" of an instruction picture, {limits.sound:,} bytes of a sound"
    )


def _task_type(row: TaskType) -> str:
    facts = [
        f"Kind of question: `{row.kind}`.",
        f"Served by: {', '.join(sorted(row.served))}.",
        f"Price {show(row.price)}, a person earns {show(row.pay)}, a machine {show(row.machine_pay)}.",
    ]
    name, _, member = row.name.partition("/")
    if member:
        default = f", or without `{ROWS_OF[name].by}`" if ROWS_OF[name].default == member else ""
        facts.insert(0, f"The type is `{name}`, with `{ROWS_OF[name].by}` being `{member}`{default}.")
    if row.instructed:
        facts.append("An instruction is required, in words or as a picture.")
    if row.lang:
        facts.append(f"The language is `{row.lang}` where the task names none.")
    fields = [_field(field, row) for field in row.fields]
    return f"## `{row.name}`\n\n{wrapped(row.about)}\n\n{bullets(facts)}\n\nFields:\n\n{bullets(fields)}"


def _field(field: Field, row: TaskType) -> str:
    need = "required" if field.required else _default(field, row)
    holds = _holds(field)
    return f"`{field.name}` ({holds[:1].lower()}{holds[1:]}; {need}): {field.about}"


def _holds(field: Field) -> str:
    """Say what a field accepts."""
    match field.sort:
        case Sort.WHOLE:
            return f"an integer or a text of digits, {field.least} to {field.most}"
        case Sort.PICTURE:
            return f"a picture in base64, or a list of up to {field.most}" if field.most > 1 else "a picture in base64"
        case Sort.CHOICE if field.choices.keys() >= LANGUAGES.keys():
            return "one of the language codes"
        case Sort.CHOICE:
            return f"one of {', '.join(f'`{word}`' for word in field.choices)}"
        case _:
            return declared.meanings(Sort)[field.sort.value].rstrip(".").replace("`most`", f"{field.most:,}")


def _default(field: Field, row: TaskType) -> str:
    """Say what leaving a field out means."""
    place, _, name = field.to.partition(".")
    parts: Mapping[str, msgspec.Struct] = {"constraints": row.constraints, "options": Options()}
    value = json.dumps(getattr(parts.get(place), name, None), default=str)
    return "optional" if value == "null" else f"default `{value.strip(chr(34))}`"
