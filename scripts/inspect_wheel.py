"""Compares the installed packages with the checkout's `src` folder and imports every module they hold.

Run it with the Python that has the wheel installed, and with -I, so that nothing comes from the checkout.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

PACKAGES = ("answerdesk", "answerdesk_client")


def files(folder: Path) -> set[str]:
    """Give the files of a package, less what Python makes of them."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in found}


def complaints(name: str, source: Path) -> list[str]:
    package = importlib.import_module(name)
    installed = Path(package.__path__[0])
    if installed.is_relative_to(source):
        return [f"{name} was imported from the checkout, {installed}, and not from the wheel"]
    missing = files(source / name) - files(installed)
    found = [f"{name}/{path} is not in the wheel" for path in sorted(missing)]
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if module.name.endswith(".__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except Exception as error:  # noqa: BLE001 - whatever it is, users would meet it
            found.append(f"importing {module.name} failed: {error!r}")
    return found


def main() -> None:
    found = [complaint for name in PACKAGES for complaint in complaints(name, Path(sys.argv[1]).resolve())]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
