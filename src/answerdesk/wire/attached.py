"""The media of a createTask: decoded from base64, told by their first bytes, and held to the limits.
Rule: what the question is about comes first, in the row's order; the instruction picture is last and fails alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from answerdesk.model import media
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.fields import Field, Sort
from answerdesk.model.question import Kind, Medium
from answerdesk.model.sizes import SizeLimits


class Attached(msgspec.Struct, frozen=True):
    """Media as read, and the bytes of each: the instruction picture's are the last."""

    media: tuple[Medium, ...]
    picture: Medium | None
    blobs: tuple[bytes, ...]


def read_media(
    fields: Iterable[Field], instruction: Field | None, given: Mapping[str, Any], kind: Kind, limits: SizeLimits
) -> Attached:
    """Read every medium of a task."""
    found = [_read(field, where, value, kind, limits) for field in fields for where, value in _listed(field, given)]
    about = tuple(medium for medium, _ in found)
    picture = None
    shown = given.get(instruction.name) if instruction is not None else None
    if instruction is not None and shown not in (None, "", False):
        picture, data = _read_instruction(instruction, shown, limits)
        found.append((picture, data))
    return Attached(about, picture, tuple(data for _, data in found))


def _listed(field: Field, given: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Give a field's media with where each stands; one that may be a list may be a lone text as well."""
    value, where = given.get(field.name), f"task.{field.name}"
    most = max(field.most, 1)
    if not isinstance(value, list) or (not field.most and field.sort is Sort.PICTURE):
        return ((where, value),)
    if len(value) > most:
        text = f"{where} has {len(value):,} entries; at most {most} {'is' if most == 1 else 'are'} accepted"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    if not value:
        return ((where, None),)
    return [(f"{where}[{i}]", each) for i, each in enumerate(value)]


def _read(field: Field, where: str, value: Any, kind: Kind, limits: SizeLimits) -> tuple[Medium, bytes]:
    if field.sort is Sort.SOUND:
        return _read_sound(where, value, limits.sound)
    return _read_picture(where, value, limits.picture_of(kind), limits.side)


def _read_instruction(field: Field, value: object, limits: SizeLimits) -> tuple[Medium, bytes]:
    try:
        return _read_picture(f"task.{field.name}", value, limits.instruction, limits.side)
    except Refusal as refusal:
        raise Refusal(Fault.BAD_IMGINSTRUCTIONS, refusal.detail) from None


def _read_picture(where: str, value: object, most: int, side: int) -> tuple[Medium, bytes]:
    medium, data = _read_medium(where, value, most, media.PICTURES)
    if max(medium.width, medium.height) > side or medium.width * medium.height > media.MOST_PIXELS:
        text = f"{where} is {medium.width:,} x {medium.height:,} pixels; "
        accepted = f"at most {side:,} on a side and {media.MOST_PIXELS:,} in all are accepted"
        raise Refusal(Fault.TOO_BIG_CAPTCHA_FILESIZE, text + accepted)
    return medium, data


def _read_sound(where: str, value: object, most: int) -> tuple[Medium, bytes]:
    return _read_medium(where, value, most, media.SOUNDS)


#: Base64 takes 4 characters for 3 bytes; line breaks and a ``data:`` prefix fit in twice the size and a little.
#: What is longer is too big without decoding it.
_CHARACTERS_PER_BYTE: Final = 2
_PREFIX: Final = 1_000


def _read_medium(where: str, value: object, most: int, accepted: frozenset[str]) -> tuple[Medium, bytes]:
    if isinstance(value, str) and len(value) > _CHARACTERS_PER_BYTE * most + _PREFIX:
        text = f"{where} is {len(value):,} characters of base64; the limit for this account is {most:,} bytes"
        raise Refusal(Fault.TOO_BIG_CAPTCHA_FILESIZE, text)
    data = media.decode_base64(value, where)
    if len(data) < media.LEAST_BYTES:
        text = f"{where} is {len(data)} bytes; at least {media.LEAST_BYTES} are accepted"
        raise Refusal(Fault.ZERO_CAPTCHA_FILESIZE, text)
    if len(data) > most:
        text = f"{where} is {len(data):,} bytes; the limit for this account is {most:,}"
        raise Refusal(Fault.TOO_BIG_CAPTCHA_FILESIZE, text)
    medium = media.sniff(data)
    if medium is None or medium.type not in accepted:
        got = "of a type this server does not know" if medium is None else medium.type
        text = f"{where} is {got}; accepted: {', '.join(sorted(accepted))}"
        raise Refusal(Fault.IMAGE_TYPE_NOT_SUPPORTED, text)
    return medium, data
