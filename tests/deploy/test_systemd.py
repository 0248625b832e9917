"""deploy/systemd: systemd takes the units, finds them closed enough, and the programs work under their rules."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from answerdesk.api.server import STOP_SECONDS
from tests.serving import Serving, wait_until

pytestmark = [
    pytest.mark.wide,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"),
]

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "systemd"
UNITS = ("answerdesk.service", "answerdesk-worker@.service")
#: systemd's own measure, 0 closed to 10 open: what is left open is the network.
MOST_EXPOSED = 1.5

each_unit = pytest.mark.parametrize("unit", UNITS)


def analyzed(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


def values(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", (SHIPPED / unit).read_text("utf-8"), re.MULTILINE)


@each_unit
def test_systemd_takes_the_unit_without_a_word(unit, tmp_path):
    installed = tmp_path / unit
    program = Path(sys.executable).with_name("answerdesk")
    installed.write_text((SHIPPED / unit).read_text("utf-8").replace("/opt/answerdesk/bin/answerdesk", str(program)))
    named = installed.with_name(unit.replace("@.", "@one."))
    if named != installed:
        installed.rename(named)

    done = analyzed("verify", "--man=no", named)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@each_unit
def test_the_unit_leaves_little_open(unit):
    done = analyzed("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED * 10:.0f}", SHIPPED / unit)

    assert "Overall exposure level" in done.stdout
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_server_is_given_the_time_it_takes_to_stop_and_may_take_its_own_down():
    (seconds,) = values("answerdesk.service", "TimeoutStopSec")

    assert int(seconds) >= 10 * STOP_SECONDS
    assert values("answerdesk.service", "KillMode") == ["mixed"]


@cache
def group(name: str) -> frozenset[str]:
    """Name the system calls of one of systemd's groups."""
    lines = [line.strip() for line in analyzed("syscall-filter", "--no-pager", name).stdout.splitlines()[1:]]
    said = [line for line in lines if line and not line.startswith("#")]
    assert said, name
    return frozenset().union(*(group(one) if one.startswith("@") else {one} for one in said))


def allowed(unit: str) -> set[str]:
    """Read the unit's filter as systemd does: what a line allows, and what one with a tilde takes away."""
    calls: set[str] = set()
    for line in values(unit, "SystemCallFilter"):
        named = [group(word) if word.startswith("@") else {word} for word in line.removeprefix("~").split()]
        calls = calls.difference(*named) if line.startswith("~") else calls.union(*named)
    return calls


class Confined(Serving):
    """A server under the rules of its unit, as far as a process can lay them on itself."""

    def command(self) -> list[str]:
        families = values("answerdesk.service", "RestrictAddressFamilies")[0].replace(" ", ",")
        rules = [",".join(sorted(allowed("answerdesk.service"))), families, "--"]
        return [sys.executable, str(Path(__file__).with_name("confined.py")), *rules, *super().command()]


@each_unit
def test_a_unit_allows_no_call_that_changes_the_machine(unit):
    assert {"mount", "bpf", "chown", "reboot", "init_module", "settimeofday", "swapon"} & allowed(unit) == set()
    assert {"prlimit64", "execve", "futex", "sched_setaffinity"} <= allowed(unit)


def test_the_rules_are_kept_by_the_kernel():
    confined = str(Path(__file__).with_name("confined.py"))
    rules = ",".join(sorted(allowed("answerdesk.service")))
    tried = "import os, socket\nfor act in (lambda: os.chroot('/'), lambda: socket.socket(socket.AF_NETLINK)):\n"
    tried += "    try:\n        act()\n    except PermissionError:\n        print('refused')\n"

    done = subprocess.run(
        [sys.executable, confined, rules, "AF_UNIX", "--", sys.executable, "-c", tried],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.stdout == "refused\nrefused\n", done.stderr


def test_the_server_its_worker_and_their_children_work_under_the_rules(tmp_path):
    sample = (ROOT / "samples" / "label.png").read_bytes()
    with Confined(tmp_path, solver="ocr", deadline=60) as server:
        customer = server.customer()
        task = customer.ask(data=sample)
        reply = wait_until(lambda: (got := customer.poll(task)).json["status"] == "ready" and got, "the machine reads")
        page = server.http.get("/sign-in", {"Accept": "text/html"})
        assert server.stop() == 0
        log = server.logged()

    assert reply.json["solution"]["text"] == "SN-4827-K19"
    assert page.status == 200
    assert "Traceback" not in log
    assert "worker_ended" not in log


def test_people_are_shown_pictures_made_anew_under_the_rules(tmp_path):
    with Confined(tmp_path) as server:
        worker = server.worker()
        server.customer().ask()
        shown = worker.media(worker.take()["question"]["media"][0]["url"])

    assert (shown.status, shown.headers["content-type"]) == (200, "image/png")


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
def test_the_services_user_can_be_made():
    done = subprocess.run(
        ["systemd-sysusers", "--dry-run", str(SHIPPED / "sysusers.conf")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stderr.count("Failed")) == (0, 0)
    assert values("answerdesk.service", "User") == ["answerdesk"]
