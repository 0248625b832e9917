"""Property tests judge what the code does, never how long a busy machine took over it.
The quick core tries fewer examples of each property; whatever runs the slow tests too tries all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("house"), max_examples=15)
settings.load_profile("house")

ROOT = Path(__file__).parents[1]
#: Where every test starts a program, reads the whole project, or lives many lives.
WIDE_FOLDERS = (
    "docs", "README.md", "tests/benchmarks", "tests/cli", "tests/crash", "tests/deploy", "tests/house", "tests/scripts",
    "tests/simulation",
)  # fmt: skip
#: By what a test has a server of its own process.
SERVERS = {"shared_server", "shared_strict", "shared_fronted"}


def pytest_configure(config: pytest.Config) -> None:
    """Choose by what the run leaves out."""
    if "not slow" in config.getoption("markexpr"):
        settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what the quick core leaves out for its width, and begin with the longest, so that none is left alone."""
    for item in items:
        if is_wide(item):
            item.add_marker(pytest.mark.wide)
    slow, wide = ({item.path for item in items if item.get_closest_marker(name)} for name in ("slow", "wide"))
    items.sort(key=lambda item: (item.path not in slow, item.path not in wide))


def is_wide(item: pytest.Item) -> bool:
    """Tell whether a test starts a server, a database or a program, or reads the whole project."""
    path = item.path.relative_to(ROOT).as_posix()
    module = getattr(item, "module", None)
    serves = any(hasattr(module, name) for name in ("Serving", "serving"))
    asks = SERVERS & set(getattr(item, "fixturenames", ()))
    return path.startswith(WIDE_FOLDERS) or serves or bool(asks) or _has_database(item)


def _has_database(item: pytest.Item) -> bool:
    """Tell whether a PostgreSQL is started for a test: for its module, or for the store it runs over."""
    named = vars(item.module).values() if hasattr(item, "module") else ()
    over = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(getattr(each, "__module__", "") == "tests.postgres" for each in named) or any(
        getattr(each, "__name__", "") == "Postgres" for each in (*named, *over)
    )
