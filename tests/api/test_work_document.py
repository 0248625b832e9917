"""The work API's description is written once, for anybody may ask for it without a token."""

from __future__ import annotations

import json

from answerdesk.api.work import document
from answerdesk.wire.openapi import openapi


def test_the_description_is_what_the_types_say_and_is_made_once():
    assert json.loads(document()) == json.loads(json.dumps(openapi()))
    assert document() is document()


def test_a_server_gives_it_to_whoever_asks(server):
    assert server.http.get("/api/work/openapi.json").body == document()
