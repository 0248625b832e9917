"""How a command ends: its exit codes, and one clear sentence on stderr for every failure.
Rule: nobody sees a traceback; an error nobody foresaw names the line it came from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

import click

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
NO_ENTRY: Final = 3
INTERRUPTED: Final = 130

#: The exit codes, as --help lists them.
ENDS: Final = {
    DONE: "done",
    FAILED: "refused or failed, in part or whole",
    MISUSED: "the command line or a setting is not accepted",
    NO_ENTRY: "a worker's token is not accepted",
    INTERRUPTED: "interrupted",
}


class Failed(click.ClickException):
    """A command that cannot do what it was told; the message is the sentence."""

    exit_code = FAILED


class Misused(Failed):
    """The same, for something given that is not accepted."""

    exit_code = MISUSED


def ended(error: Exception) -> int:
    """Say why a command failed; gives its exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return MISUSED
    code, sentence = _explained(error)
    if isinstance(error, BrokenPipeError):
        # Whoever read us is gone; flushing at exit must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    elif sentence:
        click.echo(f"answerdesk: {sentence}", err=True)
    return code


def _explained(error: Exception) -> tuple[int, str]:
    match error:
        case click.Abort():
            return INTERRUPTED, ""
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "answerdesk"
            return MISUSED, f"{_plain(error.format_message()).rstrip('.')}; see {path} --help"
        case click.ClickException():
            return error.exit_code, error.format_message()
        case OSError():
            return FAILED, f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    for name, explain in _FORESEEN.items():
        if name in {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}:
            return explain(error)
    return FAILED, f"unexpected {type(error).__name__} at {_place(error)}: {error}"


def _plain(message: str) -> str:
    """Say in plain words what a number should have been; click names its own types."""
    for term, words in _TERMS.items():
        message = message.replace(f"is not a valid {term}", f"is not {words}")
    return message


_TERMS: Final = {
    "integer range": "a whole number", "integer": "a whole number", "float range": "a number", "float": "a number",
}  # fmt: skip


def _said(code: int) -> Callable[[Any], tuple[int, str]]:
    return lambda error: (code, str(error))


#: The rooms' own failures by name, so that explaining one imports no room.
_FORESEEN: Final[dict[str, Callable[[Any], tuple[int, str]]]] = {
    "answerdesk.api.certificates.BadCertificate": _said(MISUSED),
    "answerdesk.config.BadSetting": _said(MISUSED),
    "answerdesk.desk.ports.Unavailable": _said(FAILED),
    "answerdesk.desk.greeting.Exposed": _said(MISUSED),
    "answerdesk.model.fault.Refusal": lambda error: (FAILED, error.detail),
    "answerdesk.solve.plugin.SolverUnknown": lambda error: (MISUSED, f"{error}, or none for no machine"),
    "answerdesk.store.folder.InUse": _said(FAILED),
    "answerdesk_client._errors.AnswerdeskError": _said(FAILED),
}


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
