"""Property tests judge what the code does, never how long a busy machine took over it.
The quick core tries fewer examples of each property; whatever runs the slow tests too tries all of them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("house"), max_examples=30)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Choose by what the run leaves out."""
    if "not slow" in config.getoption("markexpr"):
        settings.load_profile("quick")
