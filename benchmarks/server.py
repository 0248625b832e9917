"""The processes under measurement: the service as `main` composes it, and the bare handlers it is held against.
Rule: started by the benchmarks, says its port as its first line, ends with SIGTERM.

python benchmarks/server.py desk FOLDER CORE | bare result|create|show CORE | plain URL CORE
"""

from __future__ import annotations

import base64
import itertools
import os
import socket
import sys
from typing import Any, Final

import machine
import msgspec
import uvicorn

from answerdesk import main
from answerdesk.announcing import Announcement
from answerdesk.cli.logs import log_structured
from answerdesk.config import read_settings

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

#: What 2captcha's dialect says of a seeded task.
READY: Final = {
    "errorId": 0,
    "status": "ready",
    "solution": {"text": "W9H5K"},
    "cost": "0.00100",
    "ip": "127.0.0.1",
    "createTime": 1_760_000_000,
    "endTime": 1_760_000_002,
    "solveCount": 1,
}


def result(call: dict[str, Any]) -> dict[str, Any]:
    """Answer any task with the same solution."""
    if not call["taskId"]:
        raise KeyError
    return READY


_numbers = itertools.count(1)


def create(call: dict[str, Any]) -> dict[str, Any]:
    """Decode the picture and forget it."""
    base64.b64decode(call["task"]["body"])
    return {"errorId": 0, "taskId": next(_numbers)}


#: What the native dialect says of a seeded task.
SHOWN: Final = {
    "id": 1_234_567_890,
    "status": "ready",
    "type": "ImageToTextTask",
    "kind": "text",
    "answer": "W9H5K",
    "cost": "0.00100",
    "created": 1_760_000_000.123,
    "ended": 1_760_000_002.123,
    "solveCount": 1,
}


def show(_: object) -> dict[str, Any]:
    """Show any task as the same."""
    return SHOWN


BARE: Final = {"result": result, "create": create, "show": show}


def bare(name: str) -> Any:
    """Make an ASGI application that only decodes and encodes."""
    handle = BARE[name]

    async def app(_: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        reply = _encode(handle(_decode(body) if body else {}))
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"%d" % len(reply))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    return app


async def _serve_bare(name: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    config = uvicorn.Config(
        bare(name), http="httptools", ws="none", lifespan="off", access_log=False, log_config=None,
        server_header=False, date_header=False,
    )  # fmt: skip
    print(listening.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve(sockets=[listening])


def _announce(announcement: Announcement) -> None:
    print(announcement.url.rpartition(":")[2], flush=True)
    # Nobody reads on: what is logged goes where errors go.
    os.dup2(2, 1)


def _main() -> None:
    role, what, core, *flags = sys.argv[1:]
    machine.stay_on(int(core))
    if role == "bare":
        with main.uvloop_runner() as runner:
            runner.run(_serve_bare(what))
        return
    if role == "plain":
        import plain  # noqa: PLC0415 - needs packages that nothing else here needs

        with main.uvloop_runner() as runner:
            runner.run(plain.serve(what))
        return
    # Not to the standard output, which nobody reads on once the port was said.
    log_structured("warning")
    settings = {"port": 0, "data": what, "solver": "none", "poll_limit": 0}
    main.serve(read_settings(settings | dict(flag.split("=", 1) for flag in flags), {}), _announce)


if __name__ == "__main__":
    _main()
