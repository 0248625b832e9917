"""What the figures were measured on, and the clocks of other processes.
Rule: a server's time is the CPU's, read from the kernel, so that a neighbour's load does not count against it."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import subprocess
import time
from pathlib import Path
from typing import Final

import uvloop

_CORES: Final = sorted(os.sched_getaffinity(0))
#: The server has one core and the load another; on a machine with one core they share it.
SERVER_CORE: Final = _CORES[0]
LOAD_CORE: Final = _CORES[-1]


def node_core(number: int) -> int:
    """Give the core of one of several servers: its own where there are enough, but never the load's."""
    return _CORES[number % max(1, len(_CORES) - 1)]


def stay_on(core: int) -> None:
    """Pin this process to a core."""
    os.sched_setaffinity(0, {core})


def leave_to_all(pid: int) -> None:
    """Let a process run on every core."""
    os.sched_setaffinity(pid, _CORES)


def raise_files() -> None:
    """Let this process and its children open as many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def loop() -> asyncio.AbstractEventLoop:
    """Make the loop the load runs on."""
    return uvloop.new_event_loop()


def cpu_seconds(pid: int) -> float:
    """Give the CPU time a process has used in all its threads."""
    # The clock of another process, as clock_getcpuclockid(3) names it.
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int) -> int:
    """Give a process's resident memory in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    msg = f"process {pid} has no resident memory"
    raise ProcessLookupError(msg)


def described(folder: Path) -> dict[str, str]:
    """Describe the machine, its load, the checkout, and the file system the databases lay on."""
    load = os.getloadavg()
    return {
        "CPU": f"{_cpu_model()}, {len(_CORES)} cores",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "file system": _file_system(folder),
        "load average": f"{load[0]:.2f} {load[1]:.2f} {load[2]:.2f}",
        "commit": _commit(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    shown = subprocess.run(["df", "--output=fstype", folder], capture_output=True, text=True, check=True)
    return shown.stdout.split()[-1]


def _commit() -> str:
    here = Path(__file__).parent

    def git(*words: str) -> str:
        ran = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=False)
        return ran.stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--", "../src") else ""
    return (git("rev-parse", "--short", "HEAD") or "none") + changed
