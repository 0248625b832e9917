"""The description of the native dialect: every route is in it, and what it promises is what is there."""

from __future__ import annotations

import json

import pytest

from answerdesk.api.native import Native
from answerdesk.wire import native
from answerdesk.wire.native_openapi import OPERATIONS, openapi

ROUTES = Native(**dict.fromkeys(("front", "peers", "store", "records", "ids", "feed"))).routes  # type: ignore[arg-type]


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(each.verb.upper(), each.path.removeprefix("/v1/").replace("{id}", "*")) for each in OPERATIONS}

    assert described == {*ROUTES} - {("GET", "openapi.json")}


def test_the_document_is_json_whose_references_lead_somewhere() -> None:
    document = openapi()
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names <= document["components"]["schemas"].keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_every_refusal_is_one_that_a_fault_or_the_dialect_has(operation) -> None:
    assert {*operation.refusals} <= {*native.STATUSES.values(), 409}
