"""Makes this checkout's virtual environment from a lock, with nothing but the standard library.

Packages are installed with their hashes; an unchanged lock installs nothing.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ((3, 11), (3, 14))
#: What decides the content of an environment, beside the lock itself.
INSTALLED_FROM = ("requirements/build.txt", "pyproject.toml")
#: Errors are shown, and nothing else.
PIP = ("-m", "pip", "--disable-pip-version-check", "-qq", "--no-input")


class SetupError(Exception):
    """Something the person in front of the terminal can put right."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def python_complaint(version: tuple[int, int], system: str) -> str | None:
    """Say why this interpreter cannot run the project, or None when it can."""
    low, high = PYTHONS
    accepted = f"Python {low[0]}.{low[1]} to {high[0]}.{high[1] - 1}"
    if system != "Linux":
        return f"answerdesk runs on Linux; this is {system}"
    if not low <= version < high:
        return f"this is Python {version[0]}.{version[1]}; answerdesk needs {accepted}, e.g. python3.11 {sys.argv[0]}"
    return None


def has_modules(*names: str) -> bool:
    """Debian ships `venv` and `ensurepip` in a package of their own."""
    command = [sys.executable, "-c", "import " + ", ".join(names)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def run(command: Sequence[str | Path]) -> None:
    """Run a command in the checkout; its own output says what went wrong."""
    done = subprocess.run([str(part) for part in command], check=False, cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode:
        words = " ".join(str(part) for part in command)
        raise SetupError(f"this command failed with status {done.returncode}: {words}")


def fingerprint(lock: Path, root: Path = ROOT, version: str = platform.python_version()) -> str:
    """Tell two environments apart by everything that is installed into them."""
    digest = hashlib.sha256(f"{version} {root}".encode())
    for path in (lock, *(root / name for name in INSTALLED_FROM)):
        digest.update(b"\0" + path.read_bytes())
    return digest.hexdigest()


def environment(lock_name: str, venv: Path, run: Callable[[Sequence[str | Path]], None] = run) -> Path:
    """Bring `venv` to the state the lock describes and give the path of its Python."""
    lock = ROOT / "requirements" / f"{lock_name}.txt"
    stamp = venv / f".answerdesk-{lock_name}"
    python = venv / "bin" / "python"
    wanted = fingerprint(lock)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    _create(venv, python, run)
    stamp.unlink(missing_ok=True)
    say(f"installing the packages of requirements/{lock_name}.txt (the first time takes a minute or two)")
    install = (python, *PIP, "install", "--require-hashes", "--only-binary", ":all:")
    run([*install, "-r", lock, "-r", ROOT / "requirements" / "build.txt"])
    say("installing answerdesk from this checkout")
    run([python, *PIP, "install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT])
    stamp.write_text(wanted)
    return python


def _create(venv: Path, python: Path, run: Callable[[Sequence[str | Path]], None]) -> None:
    """Make the environment unless it is there already with this very Python."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python.exists() and (venv / "lib" / f"python{ours}").is_dir():
        return
    if not has_modules("venv", "ensurepip"):
        raise SetupError(f"this Python has no venv module; on Debian and Ubuntu: apt-get install python{ours}-venv")
    if venv.exists():
        if not (venv / "pyvenv.cfg").exists():
            raise SetupError(f"{venv} is no virtual environment; move it away or set ANSWERDESK_VENV")
        say(f"replacing {venv}, which belongs to another Python")
        shutil.rmtree(venv)
    say(f"creating {venv} with Python {ours}")
    run([sys.executable, "-m", "venv", venv])


def chosen_venv() -> Path:
    """ANSWERDESK_VENV moves the environment out of the checkout, e.g. to test a second Python."""
    return Path(os.environ.get("ANSWERDESK_VENV") or ROOT / ".venv").absolute()


def start(main: Callable[[], int]) -> None:
    """Run a script's main and turn what a person can put right into one plain line."""
    complaint = python_complaint(sys.version_info[:2], platform.system())
    if complaint:
        sys.exit(f"error: {complaint}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
