"""The parameters of an in.php or res.php call, in whichever of five encodings they came (PROTOCOL §8.1, B13).
Rule: query and body are merged, the body wins; whatever the bytes are, a Form comes back, at worst with its trouble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from answerdesk.wire.fields import SPRAWLING, is_sprawling

#: More parameters than any method has; what comes after them is refused.
MOST_PARAMETERS: Final = 200
#: Each escape costs time, but for those of base64, which a long text has many of.
MOST_ESCAPES: Final = 100_000
_FREQUENT: Final = ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"="), (b"%2b", b"+"), (b"%2f", b"/"), (b"%3d", b"="))
#: A debug dump shows this much of a value.
MOST_DUMPED: Final = 200
#: How much of a key a dump shows.
_KEPT: Final = 4
_BLANK: Final = b" \t\r\n\v\f\0"
_BLANKS: Final = _BLANK.decode()
_BOM: Final = b"\xef\xbb\xbf"

#: A value as it came: text or a number, or the bytes of a file.
Value = str | bytes | int | float


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters by name; names are looked up in camel or snake spelling, in any capitals (PROTOCOL G23)."""

    #: As received, in order, for a debug dump.
    received: tuple[tuple[str, Value], ...]
    #: By plain name; what is empty or null is not there.
    values: Mapping[str, Value]
    #: Why the body could not be read, None when it could.
    trouble: str | None = None

    def get(self, *names: str) -> Value | None:
        """Give the first of these parameters that is there."""
        for name in names:
            value = self.values.get(plain_name(name))
            if value is not None:
                return value
        return None

    def text(self, *names: str) -> str:
        """Give a parameter as text, empty when it is not there."""
        value = self.get(*names)
        if isinstance(value, str):
            return value
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace").strip(_BLANKS)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Tell whether a parameter is switched on."""
        return self.text(name).lower() in {"1", "true"}

    def dump(self) -> bytes:
        """Print the parameters as received, the key cut short."""
        lines = [f"    [{name}] => {_dumped(name, value)}" for name, value in self.received]
        return "\n".join(["Array", "(", *lines, ")", ""]).encode("utf-8", "replace")


@lru_cache(maxsize=1_024)
def plain_name(name: str) -> str:
    """Give the name that ``min_len``, ``minLen`` and ``MINLEN`` have in common."""
    return name.replace("_", "").lower()


def _dumped(name: str, value: Value) -> str:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    text = str(value)
    if plain_name(name) in {"key", "clientkey"}:
        return text[:_KEPT] + "…"
    return text if len(text) <= MOST_DUMPED else f"{text[:MOST_DUMPED]}… ({len(text):,} characters)"


def read_form(query: bytes, content_type: str, body: bytes) -> Form:
    """Read query and body; a body that cannot be read leaves the query's parameters and a sentence."""
    received: list[tuple[str, Value]] = []
    trouble = None
    try:
        received.extend(_urlencoded(query, "query"))
        received.extend(_body(content_type, body))
    except _Unreadable as unreadable:
        trouble = str(unreadable)
    values: dict[str, Value] = {}
    for name, value in received:
        if value not in ("", b""):
            values[plain_name(name)] = value
    return Form(received=tuple(received), values=values, trouble=trouble)


class _Unreadable(Exception):
    """The bytes are not in the encoding they claim; the message says so in one sentence."""


def _body(content_type: str, body: bytes) -> Iterator[tuple[str, Value]]:
    """Read a body by what it is: JSON begins with a brace, multipart has a boundary, all else is a form."""
    if not body:
        return iter(())
    start = body[:64].lstrip(_BLANK).removeprefix(_BOM).lstrip(_BLANK)
    if start.startswith(b"{"):
        return _json(body)
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        return _multipart(options.get(b"boundary", b""), body)
    return _urlencoded(body, "body")


def _urlencoded(data: bytes, where: str) -> Iterator[tuple[str, Value]]:
    if data.count(b"&") >= MOST_PARAMETERS:
        text = f"the {where} has more than {MOST_PARAMETERS} parameters"
        raise _Unreadable(text)
    if b"%" in data and data.count(b"%") - sum(data.count(escape) for escape, _ in _FREQUENT) > MOST_ESCAPES:
        text = f"the {where} has more than {MOST_ESCAPES:,} escaped characters; a multipart form carries files better"
        raise _Unreadable(text)
    for pair in data.split(b"&"):
        if pair:
            written, _, value = pair.partition(b"=")
            name = _unescaped(written)
            yield name, _escaped(name, _unescaped(value))


def _unescaped(part: bytes) -> str:
    part = part.replace(b"+", b" ")
    if b"%" in part:
        for escape, plain in _FREQUENT:
            part = part.replace(escape, plain)
        part = unquote_to_bytes(part)
    return part.decode("utf-8", "replace").strip(_BLANKS)


#: Parameters that hold base64, in which a plus sign that was sent unescaped has become a blank.
_BASE64: Final = frozenset({"body", "file", "image", "imginstructions"} | {f"file{n}" for n in range(1, 10)})


def _escaped(name: str, value: str) -> str:
    return value.replace(" ", "+") if plain_name(name) in _BASE64 else value


_decode = msgspec.json.Decoder().decode


def _json(body: bytes) -> Iterator[tuple[str, Value]]:
    if is_sprawling(body):
        raise _Unreadable(SPRAWLING)
    try:
        parsed = _decode(body.strip(_BLANK).removeprefix(_BOM).strip(_BLANK))
    except (ValueError, RecursionError):
        text = "the body begins like JSON but is not; a JSON object in UTF-8 is accepted"
        raise _Unreadable(text) from None
    if len(parsed) > MOST_PARAMETERS:
        text = f"the body has more than {MOST_PARAMETERS} parameters"
        raise _Unreadable(text)
    for name, value in parsed.items():
        if isinstance(value, str | int | float):
            yield name, _plain(value)


def _plain(value: str | float) -> Value:
    """Give a JSON value as it would have come in a form; a parameter that is null, a list or an object is none."""
    match value:
        case str():
            return value.strip(_BLANKS)
        case bool():
            return int(value)
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
    return value


class _Part:
    """One part of a multipart body while it is read."""

    __slots__ = ("data", "headers")

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.data = bytearray()


class _Collector:
    """Gathers the parts that the parser reports piece by piece."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.whole = False
        self._name = bytearray()
        self._value = bytearray()

    @property
    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": lambda data, start, end: self.parts[-1].data.extend(data[start:end]),
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MOST_PARAMETERS:
            text = f"the body has more than {MOST_PARAMETERS} parts"
            raise _Unreadable(text)
        self.parts.append(_Part())

    def _end_header(self) -> None:
        self.parts[-1].headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _end(self) -> None:
        self.whole = True


def _multipart(boundary: bytes, body: bytes) -> Iterator[tuple[str, Value]]:
    if not boundary:
        text = "the body is declared as multipart/form-data without a boundary and is no JSON object"
        raise _Unreadable(text)
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, callbacks=collector.callbacks)  # type: ignore[arg-type]  # its type lists every callback
        parser.write(body)
        parser.finalize()
    except (FormParserError, UnicodeError):
        text = "the multipart body is malformed"
        raise _Unreadable(text) from None
    if not collector.whole:
        text = "the multipart body ends before its last boundary"
        raise _Unreadable(text)
    for part in collector.parts:
        _, options = parse_options_header(part.headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace").strip()
        if name:
            yield name, _part_value(bytes(part.data), is_file=b"filename" in options)


def _part_value(data: bytes, *, is_file: bool) -> Value:
    """Give a file's bytes as they are, and any other part as the text it is."""
    if is_file:
        return data
    try:
        return data.decode("utf-8").strip(_BLANKS)
    except UnicodeDecodeError:
        return data
