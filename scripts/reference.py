"""Writes docs/reference/ and the drawn parts of other pages from the tables of the code; --check only compares."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import declared
from prose import bullets, page, wrapped
from reference_apis import client, described, native_api, routes, work_api
from reference_types import task_types

from answerdesk.api.meters import METRICS, Metric
from answerdesk.cli import Described, describe
from answerdesk.cli.ends import ENDS
from answerdesk.config import FILE, PREFIX, SETTINGS, Setting
from answerdesk.model.fault import Fault
from answerdesk.model.task import FAILURES, MOVES, OWN_WORDS, Cause, State
from answerdesk.solve.profiles import PROFILES
from answerdesk.wire import DIALECTS
from answerdesk.wire.legacy import CODES, SERVER_ERRORS
from answerdesk.wire.native import STATUSES

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
#: The codes that in.php and res.php print for a fault, and what the others mean.
PRINTED: Final = frozenset(code for codes in CODES.values() for code in codes.values())
OLDER_CODES: Final[Mapping[str, str]] = {
    "ERROR_WRONG_USER_KEY": "The key has not 32 characters.",
    "ERROR_UPLOAD": "The form or its base64 is malformed.",
    "ERROR_WRONG_ID_FORMAT": "The id is not made of digits.",
    "ERROR_REPORT_NOT_RECORDED": "The report came too late, or too many answers were reported wrong.",
    "ERROR_DUPLICATE_REPORT": "The same report was sent before.",
    "ERROR: 1004": "Too many wrong keys came from this address.",
    "ERROR: 1002": "Too many calls came without money on the account.",
    "ERROR: 1001": "Too many tasks found nobody within a minute; for accounts that want the vendor's blocks.",
    "ERROR: 1003": "Too many tasks found nobody for those submitted; for accounts that want the vendor's blocks.",
}
TITLES: Final[Mapping[str, str]] = {
    "capmonster": "CapMonster",
    "2captcha": "2captcha",
    "anticaptcha": "Anti-Captcha",
}


def settings() -> str:
    """Write the settings."""
    about = (
        f"A flag of `answerdesk serve` beats the environment variable, which beats the file `{FILE}` in the data"
        f" folder (another file with `{PREFIX}CONFIG`), which beats the default. A value that is not accepted stops"
        " the command with a sentence that names it."
    )
    return page("Settings", about, [*map(_setting, SETTINGS)])


def _setting(setting: Setting) -> str:
    flag = f"--{setting.name.replace('_', '-')}"
    lines = [
        f"Flag `{flag}`, variable `{PREFIX}{setting.name.upper()}`, key `{setting.name}`.",
        f"Default: {_plain(setting.default)}.",
        f"Accepted: {setting.read.__doc__ or 'a path'}.",
    ]
    return f"## `{setting.name}`\n\n{wrapped(setting.about)}\n\n{bullets(lines)}"


def _plain(value: object) -> str:
    if value is None or value == ():
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else f'{value:g}' if isinstance(value, float) else value}`"


def faults() -> str:
    """Write the faults with every dialect's number and code."""
    meanings = declared.meanings(Fault)
    about = (
        "A fault is named once in the server; every vendor's dialect prints its own number and code, with HTTP 200."
        " `errorDescription` says in a sentence what was wrong, where, and what is accepted."
    )
    own = {cause: f', in the native API "{text}"' for cause, text in OWN_WORDS.items()}
    failures = [
        f'{_cause(cause)} `ERROR_{fault}`, "{text}"{own.get(cause, "")}' for cause, (fault, text) in FAILURES.items()
    ]
    failed = f"## How a failed task answers\n\n{bullets(failures)}"
    older = [f"`{code}`: {described(OLDER_CODES, code)}" for code in SERVER_ERRORS if code not in PRINTED]
    alone = f"## Codes of in.php and res.php alone\n\n{bullets(older)}"
    return page("Faults", about, [*(_fault(fault, meanings[fault.value]) for fault in Fault), alone, failed])


def _cause(cause: Cause) -> str:
    meaning = declared.meanings(Cause)[cause.value].rstrip(".")
    return f"`{cause.value}`, {meaning[:1].lower()}{meaning[1:]}:"


def _fault(fault: Fault, meaning: str) -> str:
    lines = []
    for name, dialect in DIALECTS.items():
        if fault in dialect.faults:
            number, code = dialect.faults[fault]
            lines.append(f"{TITLES[name]}: `errorId` {number}, `errorCode` `{code}`")
    codes = list(dict.fromkeys(table[fault] for table in CODES.values() if fault in table))
    if codes:
        lines.append(f"2captcha's in.php and res.php: {' and '.join(f'`{code}`' for code in codes)}")
    lines.append(f"Native: HTTP {STATUSES[fault]}, `code` `ERROR_{fault}`")
    return f"## `{fault.value}`\n\n{wrapped(meaning)}" + (f"\n\n{bullets(lines)}" if lines else "")


def command_line() -> str:
    """Write the commands as the application describes itself."""
    about = "`answerdesk COMMAND --help` shows the same."
    ends = bullets(f"{code}: {meaning}." for code, meaning in ENDS.items())
    return page("Command line", about, [*map(_command, describe()), f"## Exit codes\n\n{ends}"])


def _command(command: Described) -> str:
    name = " ".join(word for word in command.command.split() if word.islower() and word.replace("-", "").isalpha())
    options = bullets(f"`{option.written}`: {option.about}" for option in command.options)
    paragraphs = [wrapped(" ".join(part.split())) for part in command.about.split("\n\n")]
    return "\n\n".join(filter(None, [f"## `{name}`", f"```text\n{command.command}\n```", *paragraphs, options]))


def metrics() -> str:
    """Write the metrics."""
    about = (
        "A running server tells these at `/metrics`, and beside them what every process has (`process_...`). Labels"
        " take their values from tables: none is ever an account, a key, an id or an address of somebody. Counters and"
        " histograms begin anew when the server does. The queue and the leases are read at most every 10 seconds, the"
        " ledger every 5 minutes, and only when somebody asks."
    )
    return page("Metrics", about, [*map(_metric, METRICS)])


def _metric(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    lines = [f"A {metric.sort}{f', by {labels}' if labels else ''}."]
    return f"## `{metric.name}`\n\n{wrapped(metric.about)}\n\n{bullets(lines)}"


def profiles() -> str:
    """List what kinds of pictures the shipped recogniser knows."""
    return bullets(f"`{profile.name}`: {profile.sentence}" for profile in PROFILES.values())


def moves() -> str:
    """Draw the states and moves of a task."""
    arrows = [f"    {start.name} --> {end.name}: {cause.value}" for (start, cause), end in MOVES.items()]
    finals = sorted({end.name for end in MOVES.values()} - {start.name for start, _ in MOVES})
    lines = ["stateDiagram-v2", f"    [*] --> {State.OPEN.name}: createTask", *arrows]
    return "\n".join(["```mermaid", *lines, *(f"    {name} --> [*]" for name in finals), "```"])


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/settings.md": settings,
    "reference/faults.md": faults,
    "reference/task-types.md": task_types,
    "reference/routes.md": routes,
    "reference/work-api.md": work_api,
    "reference/native-api.md": native_api,
    "reference/command-line.md": command_line,
    "reference/client.md": client,
    "reference/metrics.md": metrics,
}
#: Hand-written pages with a part between `<!-- drawn: name -->` and `<!-- end -->`.
DRAWN: Final[Mapping[str, tuple[str, Callable[[], str]]]] = {
    "explanation/life-of-a-task.md": ("moves", moves),
    "howto/tune-the-machine.md": ("profiles", profiles),
}


def fresh(docs: Path = DOCS) -> dict[Path, str]:
    """Give every page's text as it should be."""
    texts = {docs / name: write() for name, write in PAGES.items()}
    for name, (part, draw) in DRAWN.items():
        head, mark, tail = (docs / name).read_text("utf-8").partition(f"<!-- drawn: {part} -->")
        texts[docs / name] = f"{head}{mark}\n\n{draw()}\n\n{''.join(tail.partition('<!-- end -->')[1:])}"
    return texts


def stale(docs: Path = DOCS) -> list[str]:
    """Name the pages that are not as they should be."""
    wrong = [path for path, text in fresh(docs).items() if not path.exists() or path.read_text("utf-8") != text]
    return [str(path.relative_to(docs)) for path in wrong]


def main() -> int:
    """Write, or with --check only compare."""
    parser = argparse.ArgumentParser(description="Write docs/reference/ from the code's own tables.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when a page is out of date")
    if parser.parse_args().check:
        wrong = stale()
        print("".join(f"docs/{name} is out of date; run python scripts/reference.py\n" for name in wrong), end="")
        return 1 if wrong else 0
    for path, text in fresh().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
