"""The locks pin everything pyproject.toml asks for, by hash, and name no place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>.*)$")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
ASKED = {
    "runtime": [*BASE, *EXTRAS["ocr"]],
    "dev": [*BASE, *chain(*EXTRAS.values()), *chain(*GROUPS.values())],
    "image": [*BASE, *chain(*EXTRAS.values())],
    "build": GROUPS["build"],
}


def entries(lock: Path) -> list[str]:
    """Give a lock's requirements, each with its continuation lines joined."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    found = [PIN.match(entry) for entry in entries(ROOT / "requirements" / f"{name}.txt")]
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found if pin}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_entry_is_one_version_with_hashes_and_nothing_else(lock) -> None:
    loose = [entry for entry in entries(lock) if not PIN.match(entry) or "--hash=sha256:" not in entry]
    placed = [entry for entry in entries(lock) if re.search(r"://|--(?!hash=)\w|@ |\+[a-z]", entry)]

    assert (loose, placed) == ([], [])


@pytest.mark.parametrize("name", ASKED)
def test_the_lock_holds_what_the_project_asks_for(name) -> None:
    pinned = pins(name)
    asked = [Requirement(text) for text in ASKED[name]]

    missing = [
        str(each)
        for each in asked
        if not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"), prereleases=True)
    ]

    assert missing == [], "run `just lock`"


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_the_locks_agree_on_every_version(name) -> None:
    everything = pins("dev")

    assert {package: everything.get(package) for package in pins(name)} == pins(name)
