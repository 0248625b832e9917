"""A few faults on a desk of many hosts: nothing acknowledged is lost, charged twice or answered twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.chaos import network, replicated
from tests.chaos.faults import FAULTS
from tests.chaos.run import run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

#: Within them the service must answer again after its database's primary died.
FAILOVER_SECONDS = 15.0


@pytest.fixture
def folder():
    """A folder that every user may look into, and so all above it, as a database's own must."""
    missing = [name for path, name in (network.PACKAGES | replicated.PACKAGES).items() if not path.exists()]
    assert not missing, f"as root: apt-get install {' '.join(missing)}"
    if not network.allowed():
        pytest.skip("hosts are network namespaces, which this machine lets nobody but its root make, or nobody at all")
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp") as made:
        yield Path(made)


def test_a_desk_outlives_its_nodes_its_primary_and_its_lines(folder: Path) -> None:
    faults = ("a node dies", "the primary dies", "a line is cut")

    report = run(folder, seed=7, rounds=3, tell=print, only=faults)

    assert report.wrong == []
    assert [fault.name for fault in report.rounds] == list(faults)
    assert report.acknowledged["created"] > 20
    assert report.acknowledged["answer"] > 10
    assert FAULTS["the primary dies"].seconds > FAILOVER_SECONDS
    assert report.silence(report.rounds[1]) < FAILOVER_SECONDS
