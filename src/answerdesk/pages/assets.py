"""The files a browser needs besides pages, under an address that changes whenever one of them does.
Rule: only files of static/ of the known kinds, read once; whoever has one may keep it for ever."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "wav": "audio/wav",
    "webp": "image/webp",
    "woff2": "font/woff2",
}
#: A year, for the address says what the file is.
FOR_EVER: Final = "public, max-age=31536000, immutable"


class Static:
    """The files by name, and the hash of all of them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take the files; names have no folders."""
        self._files = dict(files)
        whole = hashlib.sha256()
        for name, data in sorted(self._files.items()):
            whole.update(f"{name}\0{len(data)}\0".encode() + data)
        self.hash = whole.hexdigest()[:16]

    def address(self, name: str) -> str:
        """Give a file's address; raises KeyError for one that is not there."""
        if name not in self._files:
            raise KeyError(name)
        return f"/s/{self.hash}/{name}"

    async def show(self, request: Request) -> Response:
        """Answer with a file, by the hash of now alone: a page of before must not mix with files of now."""
        name = request.path_params["name"]
        if request.path_params["hash"] != self.hash or name not in self._files:
            raise HTTPException(404)
        headers = {"Cache-Control": FOR_EVER, "Content-Type": TYPES[name.rpartition(".")[2]]}
        return Response(self._files[name], headers=headers)


@functools.cache
def read_static() -> Static:
    """Read the folder's files of the known kinds, once in a process."""
    folder = resources.files("answerdesk.pages") / "static"
    files = {entry.name: entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith(".")}
    return Static({name: lean(name, entry.read_bytes()) for name, entry in files.items() if _ending(name) in TYPES})


def lean(name: str, data: bytes) -> bytes:
    """Leave out of a script or stylesheet what only its readers need: lines of comment, and what lines begin with.

    No line of a text of several lines may be in them; a test sees to it.
    """
    if _ending(name) not in {"css", "js"} or ".min." in name:
        return data
    lines, inside = [], False
    for line in data.decode().split("\n"):
        kept = line.strip()
        if not inside and kept and not kept.startswith(("/*", "//")):
            lines.append(kept)
        inside = (inside or kept.startswith("/*")) and not kept.endswith("*/")
    return ("\n".join(lines) + "\n").encode()


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
