"""The environment is made once per lock, only with a fitting Python, and never over somebody's folder."""

from __future__ import annotations

import sys

import bootstrap
import pytest

OURS = f"python{sys.version_info.major}.{sys.version_info.minor}"


class Commands:
    """Notes what would be run and leaves what `python -m venv` leaves."""

    def __init__(self, venv) -> None:
        self.venv = venv
        self.run: list[list[str]] = []

    def __call__(self, command) -> None:
        words = [str(part) for part in command]
        self.run.append(words)
        if words[1:3] == ["-m", "venv"]:
            (self.venv / "bin").mkdir(parents=True)
            (self.venv / "bin" / "python").touch()
            (self.venv / "lib" / OURS).mkdir(parents=True)
            (self.venv / "pyvenv.cfg").touch()

    def mentioning(self, word) -> list[list[str]]:
        return [command for command in self.run if word in command]


@pytest.fixture
def commands(tmp_path):
    return Commands(tmp_path / "venv")


@pytest.mark.parametrize(
    ("version", "system", "complaint"),
    [
        ((3, 11), "Linux", None),
        ((3, 13), "Linux", None),
        ((3, 10), "Linux", "this is Python 3.10; answerdesk needs Python 3.11 to 3.13"),
        ((3, 14), "Linux", "this is Python 3.14; answerdesk needs Python 3.11 to 3.13"),
        ((3, 11), "Windows", "answerdesk runs on Linux; this is Windows"),
    ],
)
def test_a_python_that_cannot_run_it_is_named(version, system, complaint) -> None:
    said = bootstrap.python_complaint(version, system)

    assert (said or "no complaint").startswith(complaint or "no complaint")


def test_everything_is_installed_by_hash_or_from_the_checkout(commands) -> None:
    bootstrap.environment("runtime", commands.venv, commands)

    installs = commands.mentioning("install")
    assert len(installs) == 2
    assert [("--require-hashes" in each, "--no-index" in each) for each in installs] == [(True, False), (False, True)]


def test_an_unchanged_lock_installs_nothing(commands) -> None:
    first = bootstrap.environment("runtime", commands.venv, commands)
    commands.run.clear()

    again = bootstrap.environment("runtime", commands.venv, commands)

    assert (again, commands.run) == (first, [])


def test_another_lock_goes_into_the_same_environment(commands) -> None:
    bootstrap.environment("runtime", commands.venv, commands)
    commands.run.clear()

    bootstrap.environment("dev", commands.venv, commands)

    assert commands.mentioning("venv") == []
    assert len(commands.mentioning("install")) == 2


def test_a_failed_installation_is_tried_again(commands) -> None:
    def fail(command) -> None:
        commands(command)
        if "install" in map(str, command):
            raise bootstrap.SetupError("no network")

    with pytest.raises(bootstrap.SetupError, match="no network"):
        bootstrap.environment("runtime", commands.venv, fail)
    commands.run.clear()

    bootstrap.environment("runtime", commands.venv, commands)

    assert len(commands.mentioning("install")) == 2


def test_an_environment_of_another_python_is_replaced(commands) -> None:
    old = commands.venv / "lib" / "python2.7"
    old.mkdir(parents=True)
    (commands.venv / "pyvenv.cfg").touch()

    bootstrap.environment("runtime", commands.venv, commands)

    assert not old.exists()


def test_a_folder_that_is_no_environment_is_left_alone(commands) -> None:
    commands.venv.mkdir()
    (commands.venv / "thesis.txt").write_text("years of work")

    with pytest.raises(bootstrap.SetupError, match="is no virtual environment"):
        bootstrap.environment("runtime", commands.venv, commands)

    assert (commands.venv / "thesis.txt").read_text() == "years of work"


def test_the_fingerprint_follows_the_lock_the_project_and_the_python(tmp_path) -> None:
    lock = tmp_path / "requirements" / "dev.txt"
    lock.parent.mkdir()
    for path in (lock, tmp_path / "requirements" / "build.txt", tmp_path / "pyproject.toml"):
        path.write_text("one")
    seen = {bootstrap.fingerprint(lock, tmp_path, "3.11.7")}
    seen.add(bootstrap.fingerprint(lock, tmp_path, "3.11.8"))
    for path in (lock, tmp_path / "requirements" / "build.txt", tmp_path / "pyproject.toml"):
        path.write_text("two")
        seen.add(bootstrap.fingerprint(lock, tmp_path, "3.11.7"))

    assert len(seen) == 5


def test_a_failed_command_is_shown() -> None:
    with pytest.raises(bootstrap.SetupError, match=r"failed with status 3: .*raise SystemExit"):
        bootstrap.run([sys.executable, "-c", "raise SystemExit(3)"])
