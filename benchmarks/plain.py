"""What createTask on PostgreSQL is held against: FastAPI and asyncpg, a pool, and one INSERT for each request.
Rule: as well as it is written by hand, and no checks: it decodes the picture, and the row is durable before the reply.

FastAPI and asyncpg come with `just setup`; into any other environment: `pip install --group bench`.
"""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

#: Connections: of 10, 20 and 40 none was quicker on two cores.
POOL: Final = 20
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " client text NOT NULL, type text NOT NULL, body bytea NOT NULL, created timestamptz NOT NULL DEFAULT now())"
)
_INSERT: Final = "INSERT INTO plain (client, type, body) VALUES ($1, $2, $3) RETURNING id"


class Task(BaseModel):
    """A picture to read."""

    type: str
    body: str


class Call(BaseModel):
    """A createTask."""

    clientKey: str  # noqa: N815 - as it is called on the wire
    task: Task


class Created(BaseModel):
    """What it is answered with."""

    errorId: int = 0  # noqa: N815 - as it is called on the wire
    taskId: int  # noqa: N815


def app(url: str) -> FastAPI:
    """Make the application."""

    @contextlib.asynccontextmanager
    async def pooled(made: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url, min_size=POOL, max_size=POOL) as pool:
            await pool.execute(_TABLE)
            made.state.pool = pool
            yield

    made = FastAPI(lifespan=pooled)

    @made.post("/createTask")
    async def create(call: Call, request: Request) -> Created:
        body = base64.b64decode(call.task.body)
        pool: asyncpg.Pool = request.app.state.pool
        return Created(taskId=await pool.fetchval(_INSERT, call.clientKey, call.task.type, body))

    return made


async def serve(url: str) -> None:
    """Serve it; its port is the first line."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    config = uvicorn.Config(
        app(url), loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning",
        server_header=False, date_header=False,
    )  # fmt: skip
    print(listening.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve(sockets=[listening])
