"""What a callback posts, in the dialect its task was asked in and the form its account wants.
Rule: one table of dialects for each form; each writes its own body (PROTOCOL §4.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from answerdesk.model.account import CallbackForm
from answerdesk.model.talk import Ready, Refused
from answerdesk.model.task import TaskId
from answerdesk.wire import DIALECTS, legacy, native
from answerdesk.wire.dialect import JSON

#: Gives the content type and the body of a settled task's callback.
Writer = Callable[[Ready | Refused, TaskId], tuple[str, bytes]]


def _native(reply: Ready | Refused, task: TaskId) -> tuple[str, bytes]:
    return JSON, native.write_task(task, reply)


_WRITERS: Final[Mapping[str, Writer]] = {
    **{name: dialect.write_callback for name, dialect in DIALECTS.items()},
    legacy.NAME: legacy.write_callback,
    native.NAME: _native,
}


#: For those whose own body is a form: their vendor's JSON is one for both of its APIs.
_FORMLESS: Final[Writer] = DIALECTS["2captcha"].write_json_callback
_BY_FORM: Final[Mapping[CallbackForm, Mapping[str, Writer]]] = {
    CallbackForm.VENDOR: _WRITERS,
    CallbackForm.JSON: {**_WRITERS, "2captcha": _FORMLESS, legacy.NAME: _FORMLESS},
}


def write_callback(
    dialect: str, reply: Ready | Refused, task: TaskId, form: CallbackForm = CallbackForm.VENDOR
) -> tuple[str, bytes]:
    """Write a settled task's callback: its content type and its body."""
    return _BY_FORM[form].get(dialect, _native)(reply, task)
