"""Runs what the documentation shows, against a server of its own.

Pages name the usual address and a key of zeros; on the way in and out those are swapped for the real ones.
"""

from __future__ import annotations

import contextlib
import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

import bootstrap
import tryout
from sybil import Example, Lexeme
from sybil.evaluators.python import PythonEvaluator

ROOT = Path(__file__).resolve().parent.parent
SHOWN_PLACE = "127.0.0.1:8080"
SHOWN_URL = f"http://{SHOWN_PLACE}"
SHOWN_KEY = "0" * 32
PROGRAMS = Path(sys.executable).parent
PATIENCE_S = 60
MARK = "\x1estep\x1e"
#: `$ command`, its `> ` continuation lines, and what it prints up to the next `$ `.
STEP = re.compile(r"^\$ (?P<command>.*(?:\n> .*)*)\n?(?P<output>(?:(?!\$ ).*\n?)*)", re.MULTILINE)
LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class ShownDesk:
    """A server for the pages' examples, started by the first one that needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._url = ""
        self._open = contextlib.ExitStack()

    @property
    def url(self) -> str:
        if not self._url:
            log = self._open.enter_context((self.folder / "serve.log").open("wb"))
            serving = tryout.serving(PROGRAMS / "answerdesk", self.data, tryout.free_port(), log)
            try:
                self._url, _ = self._open.enter_context(serving)
            except bootstrap.SetupError as error:
                error.add_note(Path(log.name).read_text(encoding="utf-8")[-2000:])
                raise
        return self._url

    @property
    def key(self) -> str:
        assert self.url, "the server makes the key when it first starts"
        return tryout.client_key(self.data)

    def close(self) -> None:
        self._open.close()

    def live(self, text: str) -> str:
        """Put this server's address and key where a page shows the usual ones."""
        if SHOWN_PLACE in text:
            text = text.replace(SHOWN_PLACE, self.url.removeprefix("http://"))
        return text.replace(SHOWN_KEY, self.key) if SHOWN_KEY in text else text

    def shown(self, text: str) -> str:
        """Put the usual address and key back into what was printed."""
        return text.replace(self.url, SHOWN_URL).replace(self.key, SHOWN_KEY) if self._url else text

    def page_folder(self, page: str) -> Path:
        """Give a page's commands a folder of their own, with the samples in it."""
        folder = self.folder / re.sub(r"\W", "-", page)
        if not folder.exists():
            folder.mkdir()
            (folder / "samples").symlink_to(ROOT / "samples")
        return folder


def run_python(example: Example) -> None:
    desk: ShownDesk = example.namespace["shown_desk"]
    example.parsed = Lexeme(desk.live(example.parsed), example.parsed.offset, example.parsed.line_offset)
    with contextlib.chdir(desk.page_folder(str(example.path))):
        PythonEvaluator()(example)


def run_console(example: Example) -> str | None:
    """Run a block's commands in one shell; where output is shown it has to be printed (`...` stands for anything)."""
    desk: ShownDesk = example.namespace["shown_desk"]
    steps = [(step["command"].replace("\n> ", "\n"), step["output"]) for step in STEP.finditer(example.parsed)]
    done = _shell(desk, [command for command, _ in steps], desk.page_folder(str(example.path)))
    for (command, wanted), printed in zip(steps, desk.shown(done.stdout).split(MARK), strict=False):
        if not _as_shown(wanted, printed):
            return f"$ {command}\nis shown to print:\n{wanted}\nbut printed:\n{printed}{done.stderr}"
    if done.returncode:
        return f"a command ended with status {done.returncode}:\n{done.stdout}{done.stderr}"
    return None


def _shell(desk: ShownDesk, commands: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    if any("curl " in command for command in commands) and shutil.which("curl", path=path) is None:
        raise unittest.SkipTest("curl is not installed")
    if any("answerdesk " in command for command in commands):
        assert desk.url, "commands find the server by the data folder"
    script = f"\nstatus=$?; printf %s '{MARK}'; test $status = 0 || exit $status\n".join([*commands, ""])
    return subprocess.run(
        ["sh", "-c", desk.live(script)],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "120", "ANSWERDESK_DATA": str(desk.data)},
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE_S,
    )


def _as_shown(wanted: str, printed: str) -> bool:
    if not wanted.strip():
        return True
    return doctest.OutputChecker().check_output(wanted.rstrip() + "\n", printed.rstrip() + "\n", LENIENT)


def parse_json(example: Example) -> None:
    json.loads(example.parsed)


def parse_toml(example: Example) -> None:
    tomllib.loads(example.parsed)
