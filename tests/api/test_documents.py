"""The OpenAPI documents of a running server, held to their word by generated calls."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from answerdesk.wire.native_openapi import openapi as native_openapi
from answerdesk.wire.openapi import openapi
from tests.serving import Serving

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
MANY = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck], database=None
)  # fmt: skip
FEW = settings(MANY, max_examples=5)


@pytest.fixture(scope="module")
def key(shared_server: Serving) -> dict[str, str]:
    shared_server.worker()
    return {"Authorization": f"Bearer {shared_server.customer('1000').key}"}


@pytest.fixture(scope="module")
def token(shared_server: Serving) -> dict[str, str]:
    return dict(shared_server.worker().headers)


def operations(document: dict[str, Any]) -> list[Any]:
    """Give a document's operations but the stream, which never ends by itself and has tests of its own."""
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    return [each for each in (result.ok() for result in found) if each.path != "/v1/events"]


def held_to(operation: Any, few: settings, server: Serving, headers: dict[str, str]) -> None:
    """Call an operation in many ways, right and wrong."""

    @few
    @given(operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def call(case: Any) -> None:
        if isinstance(case.body, dict):
            # A claim that finds nothing waits for half a minute.
            # The example itself belongs to the document.
            case.body = {name: value for name, value in case.body.items() if name != "wait"}
        case.call_and_validate(base_url=server.url, headers=headers, checks=CHECKS)

    call()


def name(operation: Any) -> str:
    return str(operation.label)


@pytest.mark.parametrize("operation", operations(native_openapi()), ids=name)
def test_the_native_api_answers_as_its_document_says(operation: Any, shared_server: Serving, key) -> None:
    held_to(operation, MANY, shared_server, key)


@pytest.mark.parametrize("operation", operations(native_openapi()), ids=name)
def test_the_native_api_refuses_a_stranger_as_its_document_says(operation: Any, shared_server: Serving) -> None:
    held_to(operation, FEW, shared_server, {"Authorization": "Bearer nobody"})


@pytest.mark.parametrize("operation", operations(openapi()), ids=name)
def test_the_work_api_answers_as_its_document_says(operation: Any, shared_server: Serving, token) -> None:
    held_to(operation, MANY, shared_server, token)
