"""What the worker and its child process say to each other, and how it is framed: four bytes of length, then msgpack."""

from __future__ import annotations

from typing import BinaryIO, TypeAlias

import msgspec

from answerdesk.solve.plugin import Hints

HEAD = 4
#: a frame holds at most a question's media, which the service bounds far below this
LONGEST = 64_000_000


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The child has imported its solver."""

    solver: str
    version: str
    kinds: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The child has loaded its solver."""


class Unfit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The solver cannot run on this machine, and trying again will not help."""

    reason: str


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """One medium of a question, as posted."""

    type: str
    data: bytes


class Job(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One question to be solved within some seconds."""

    kind: str
    media: tuple[Medium, ...]
    hints: Hints
    seconds: float


class Solved(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The solver's answer."""

    value: str
    confidence: float


class Abstained(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The solver has nothing to say."""

    reason: str


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The media cannot be decoded, or the child did not live to say anything."""

    reason: str


Outcome: TypeAlias = Solved | Abstained | Broken
FromChild: TypeAlias = Hello | Ready | Unfit | Solved | Abstained | Broken

_FROM_CHILD: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)
_JOB = msgspec.msgpack.Decoder(Job)


class BadFrame(ValueError):
    """The other end said something that is no frame of this pipe."""


def framed(message: FromChild | Job) -> bytes:
    """Turn a message into bytes."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(HEAD, "big") + body


def length(head: bytes) -> int:
    """Read the length that the head of a frame gives."""
    size = int.from_bytes(head, "big")
    if size > LONGEST:
        raise BadFrame(f"a frame of {size:,} bytes was announced; at most {LONGEST:,} are accepted")
    return size


def from_child(body: bytes) -> FromChild:
    """Read what the child said."""
    try:
        return _FROM_CHILD.decode(body)
    except msgspec.MsgspecError as error:
        raise BadFrame(f"the child process said something unknown: {error}") from error


def read_job(pipe: BinaryIO) -> Job | None:
    """Wait for a job; None when the other end is gone."""
    head = pipe.read(HEAD)
    if len(head) < HEAD:
        return None
    size = length(head)
    body = pipe.read(size)
    return _JOB.decode(body) if len(body) == size else None
