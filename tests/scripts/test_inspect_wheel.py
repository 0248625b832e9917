"""What is missing from an installed package is named."""

from __future__ import annotations

import sys

import inspect_wheel
import pytest


@pytest.fixture
def installed(tmp_path):
    """Install a package beside its source, which holds one file more."""
    source, site = tmp_path / "src", tmp_path / "site"
    for folder in (source, site):
        (folder / "shipped_thing").mkdir(parents=True)
        (folder / "shipped_thing" / "__init__.py").write_text("")
    (source / "shipped_thing" / "first.sql").write_text("create table t (x)")
    (site / "shipped_thing" / "broken.py").write_text("import no_such_module_anywhere")
    sys.path.insert(0, str(site))
    yield source
    sys.path.remove(str(site))
    sys.modules.pop("shipped_thing", None)


def test_a_missing_file_and_a_broken_module_are_named(installed) -> None:
    said = inspect_wheel.complaints("shipped_thing", installed)

    assert said[0] == "shipped_thing/first.sql is not in the wheel"
    assert said[1].startswith("importing shipped_thing.broken failed: ModuleNotFoundError")


def test_the_checkout_is_not_taken_for_the_wheel(installed) -> None:
    site = installed.parent / "site"

    said = inspect_wheel.complaints("shipped_thing", site)

    assert len(said) == 1
    assert "was imported from the checkout" in said[0]
