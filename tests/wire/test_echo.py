"""The `test` method shows what arrived, without the key, in bounded size."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.wire.grammar import write_test
from tests.wire.samples import KEY, create

MASKED = KEY[:4] + "…"


@pytest.mark.parametrize("word", ["Dict", "Array"])
def test_a_body_is_shown_parsed_and_raw(word: str) -> None:
    body = f'{{"clientKey": "{KEY}", "task": {{"type": "X", "list": [1, true, null, 2.5, []]}}, "softId": "ы"}}'

    assert (
        write_test(body.encode(), word).decode()
        == f"""\
Parsed input JSON:
{word}
(
    [clientKey] => {MASKED}
    [task] => {word}
        (
            [type] => X
            [list] => {word}
                (
                    [0] => 1
                    [1] => true
                    [2] => null
                    [3] => 2.5
                    [4] => {word}
                        (
                        )
                )
        )
    [softId] => ы
)
Raw POST input:
{{"clientKey": "{MASKED}", "task": {{"type": "X", "list": [1, true, null, 2.5, []]}}, "softId": "ы"}}"""
    )


@pytest.mark.parametrize(
    "body",
    [
        f'{{"clientKey":"{KEY}"}}',
        f'\ufeff{{"clientKey":"{KEY}"}}',
        f'{{ "CLIENTKEY" :\n "{KEY}__module" }}',
        f'{{"task":{{"clientKey":"{KEY}"}}}}',
        f'{{"clientKey":"{KEY}","clientKey":"{KEY}x"}}',
        f'{{"client\\u004bey":"{KEY}","clientKey":"{KEY}"}}',
        f'{{"clientKey":"{KEY}","comment":"my key is {KEY}"}}',
        f'{{"clientKey":"{KEY}',
        f"clientKey={KEY}&taskId=1",
        f"{{'clientKey': '{KEY}'}}",
        f"clientKey: {KEY}",
    ],
)
def test_the_key_is_never_shown(body: str) -> None:
    said = write_test(body.encode(), "Dict").decode()

    assert KEY not in said
    assert KEY[5:20] not in said
    assert MASKED in said


def test_a_key_with_escapes_is_cut_too() -> None:
    said = write_test(b'{"clientKey":"ab\\u0063def\\"ghij"}', "Dict").decode()

    assert "def" not in said
    assert "ghij" not in said


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000])
def test_what_is_no_json_is_shown_as_it_came(body: bytes) -> None:
    said = write_test(body, "Array").decode()

    assert said.startswith("Parsed input JSON:\nnull\nRaw POST input:\n")


def test_a_deep_body_is_shown_down_to_a_depth() -> None:
    said = write_test(b'{"a":' * 100 + b"1" + b"}" * 100, "Dict").decode()

    assert said.count("[a]") == 21
    assert "[a] => …" in said


@pytest.mark.parametrize(
    "body",
    [
        create(),
        create(comment="ы" * 20_000),
        json.dumps({"clientKey": KEY, "l": list(range(50_000))}).encode(),
        json.dumps({"x" * 40_000: 1}).encode(),
        b"\xff" * 40_000,
    ],
)
def test_a_dump_is_at_most_16_kib_of_utf_8(body: bytes) -> None:
    said = write_test(body, "Dict")

    assert len(said) <= 16_384
    assert said.decode().startswith("Parsed input JSON:\n")
    assert KEY not in said.decode()


@given(body=st.binary(max_size=400), word=st.sampled_from(["Dict", "Array"]))
def test_any_body_can_be_shown(body: bytes, word: str) -> None:
    assert len(write_test(body, word)) <= 16_384
