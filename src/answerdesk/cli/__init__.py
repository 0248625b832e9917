"""The command line: verbs over the composition root and the store, and for `ask` over the client.
Rule: a verb's module is imported when it is called, so that `--help` and `worker` start at once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import click

from answerdesk.cli.ends import ENDS, ended


class Row(NamedTuple):
    """Where a verb is, and what it does in one sentence."""

    module: str
    about: str


VERBS: Final[dict[str, Row]] = {
    "serve": Row("serve", "Serve the desk of a data folder until told to stop."),
    "demo": Row("demo", "Show a throwaway desk at work: a robot client, simulated people, tasks of every kind."),
    "ask": Row("ask", "Have pictures read by a running server."),
    "accounts": Row("accounts", "Those who ask and pay: open, list, change, credit and lock accounts."),
    "keys": Row("keys", "The accounts' keys: add, list and revoke them."),
    "prices": Row("terms", "What each task type costs, and what a person earns for it."),
    "rules": Row("terms", "When answers of a task type are enough."),
    "workers": Row("workers", "Those who answer, people and machines: enrol, list and revoke them."),
    "people": Row("people", "Those who sign in to the pages: invite, list, change and suspend them."),
    "callbacks": Row("callbacks", "What became of the posts that tasks owe; owe one anew."),
    "tasks": Row("tasks", "Tasks: list, show and cancel them."),
    "worker": Row("worker", "Answer tasks with a machine solver until told to stop."),
    "tls": Row("tls", "What clients have to trust when the desk serves https."),
    "backup": Row("keeping", "Copy a desk, in use or not, into one file."),
    "restore": Row("keeping", "Put a backup in the place of a desk that is not served."),
    "copy": Row("moving", "Move a desk to a PostgreSQL database, and check it there row by row."),
    "doctor": Row("doctor", "Look for what is wrong with a desk and this machine."),
    "settings": Row("serve", "List the settings `serve` would run with, and where each comes from."),
    "version": Row("doctor", "Print the versions of what runs here."),
}


class Verbs(click.Group):
    """The verbs of the table, each imported when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the verbs in the table's order."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        del ctx
        return self.commands.get(cmd_name) or self._load(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing any."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, row.about) for name, row in VERBS.items()])

    def load(self) -> dict[str, click.Command]:
        """Import all verbs and give them."""
        return {name: self.commands.get(name) or self._load(name) for name in VERBS}

    def _load(self, name: str) -> Any:
        row = VERBS.get(name)
        if row is None:
            return None
        command: click.Command = getattr(importlib.import_module(f"answerdesk.cli.{row.module}"), name)
        command.help = f"{row.about}\n\n{command.help or ''}".strip()
        self.commands[name] = command
        return command


ABOUT: Final = """A self-hosted recognition-task service.

Every verb takes --data DIR, the desk's folder, or ANSWERDESK_DATA; where the desk is in a PostgreSQL database, those
that open it take --database URL, or ANSWERDESK_DATABASE. With --json a verb prints one JSON document; without, text for
people, in colour on a terminal unless NO_COLOR is set. `answerdesk VERB --help` tells the rest.
"""

app = Verbs(
    "answerdesk",
    help=ABOUT,
    epilog="Exit codes: " + "; ".join(f"{code} {about}" for code, about in ENDS.items()) + ".",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Option(NamedTuple):
    """An argument or option of a command: how it is written, and what it does."""

    written: str
    about: str


class Described(NamedTuple):
    """A command as the reference shows it."""

    command: str
    about: str
    options: tuple[Option, ...]


def describe() -> list[Described]:
    """Describe every command, for the reference."""
    app.load()
    return list(_described("answerdesk", app))


def _described(path: str, command: click.Command) -> Iterator[Described]:
    with click.Context(command, info_name=path) as context:
        records = [(param, param.get_help_record(context)) for param in command.params]
        words = " ".join(word for param, _ in records for word in param.get_usage_pieces(context))
    options = tuple(Option(*record) for _, record in records if record)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield Described(f"{path} {words}".strip(), command.help or "", options)
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _described(f"{path} {name}", child)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; gives its exit code, every failure being told in one sentence."""
    try:
        code = app.main(arguments, prog_name="answerdesk", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in a sentence
        return ended(error)
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """Run this process's command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())
