"""The five encodings of an in.php or res.php call give the same parameters, and no bytes at all make them fail."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from answerdesk.wire.legacy_form import MOST_ESCAPES, MOST_PARAMETERS, Form, read_form
from tests.wire.samples import BODY, KEY, PICTURE

FORM = "application/x-www-form-urlencoded"
FIELDS = {"key": KEY, "method": "base64", "body": BODY, "numeric": "1", "textinstructions": "größer | & ="}
BOUNDARY = "----7d3f"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(fields: dict[str, str], files: dict[str, bytes] | None = None, boundary: str = BOUNDARY) -> bytes:
    """Write a multipart body as clients do."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, data in (files or {}).items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
        parts.append(head.encode() + b"Content-Type: image/png\r\n\r\n" + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


@pytest.mark.parametrize(
    ("query", "kind", "body"),
    [
        pytest.param(b"", FORM, urlencode(FIELDS).encode(), id="urlencoded"),
        pytest.param(b"", MULTIPART, multipart(FIELDS), id="multipart"),
        pytest.param(b"", "application/json", json.dumps(FIELDS).encode(), id="json"),
        pytest.param(urlencode(FIELDS).encode(), "", b"", id="query"),
        pytest.param(b"", "multipart/form-data", json.dumps(FIELDS).encode(), id="json called multipart"),
        pytest.param(b"", "", urlencode(FIELDS).encode(), id="urlencoded without a name"),
        pytest.param(b"", "text/plain", b"\xef\xbb\xbf \n" + json.dumps(FIELDS).encode(), id="json with a mark"),
        pytest.param(urlencode({"key": "old", "numeric": 4}).encode(), FORM, urlencode(FIELDS).encode(), id="both"),
    ],
)
def test_every_encoding_gives_the_same_parameters(query, kind, body) -> None:
    form = read_form(query, kind, body)

    assert form.trouble is None
    assert {name: form.text(name) for name in FIELDS} == FIELDS


def test_query_and_body_are_merged_and_the_body_wins() -> None:
    form = read_form(b"key=a&action=get&json=1", "application/json", b'{"key":"b","id":7}')

    assert [form.text(name) for name in ("key", "action", "json", "id")] == ["b", "get", "1", "7"]


def test_a_file_part_keeps_its_bytes() -> None:
    data = bytes(range(256)) + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n"

    assert read_form(b"", MULTIPART, multipart({"key": KEY}, {"file": data})).get("file") == data


def test_a_part_that_is_no_text_is_bytes_without_a_file_name_too() -> None:
    body = multipart({"key": KEY, "file": "@"}).replace(b"@", PICTURE)

    assert read_form(b"", MULTIPART, body).get("file") == PICTURE


@pytest.mark.parametrize("name", ["min_len", "minLen", "MIN_LEN", "minlen"])
def test_names_are_found_in_every_spelling(name) -> None:
    assert read_form(f"{name}=3".encode(), "", b"").text("min_len") == "3"


@pytest.mark.parametrize(
    ("sent", "text"), [("1", "1"), ("true", "1"), ("false", "0"), ('" 1 "', "1"), ("7.0", "7"), ("0.3", "0.3")]
)
def test_json_values_are_read_as_a_form_would_have_them(sent, text) -> None:
    assert read_form(b"", "", b'{"json":%b}' % sent.encode()).text("json") == text


@pytest.mark.parametrize("sent", ["null", "[1]", "{}", '""'])
def test_what_is_no_value_is_not_there(sent) -> None:
    assert read_form(b"", "", b'{"pingback":%b}' % sent.encode()).get("pingback") is None


@pytest.mark.parametrize(("value", "on"), [("1", True), ("true", True), ("0", False), ("", False), ("yes", False)])
def test_a_flag_is_on_for_1_and_true(value, on) -> None:
    assert read_form(f"json={value}".encode(), "", b"").flag("json") is on


def test_base64_may_be_escaped_however_long_it_is() -> None:
    form = read_form(b"", FORM, b"body=" + b"%2B%2f%3d" * MOST_ESCAPES + b"&method=%2562ase64")

    assert form.text("body") == "+/=" * MOST_ESCAPES
    assert form.text("method") == "%62ase64"


def test_a_plus_sign_that_was_sent_bare_is_put_back_into_base64_alone() -> None:
    form = read_form(b"", FORM, b"body=a+b/c+d=&textinstructions=one+two")

    assert form.text("body") == "a+b/c+d="
    assert form.text("textinstructions") == "one two"


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("application/json", b'{"key":', "begins like JSON but is not"),
        ("application/json", b'{"a":' * 50_000, "begins like JSON but is not"),
        ("multipart/form-data", b"--x\r\n", "without a boundary"),
        (MULTIPART, b"nothing of the sort", "malformed"),
        (MULTIPART, multipart({"key": KEY})[:-4], "ends before its last boundary"),
        (MULTIPART, multipart({f"p{n}": "" for n in range(MOST_PARAMETERS + 1)}), "more than 200 parts"),
        (FORM, b"a=1&" * (MOST_PARAMETERS + 1), "more than 200 parameters"),
        (FORM, b"a=" + b"%41" * (MOST_ESCAPES + 1), "more than 100,000 escaped characters"),
        ("", json.dumps({f"p{n}": 1 for n in range(MOST_PARAMETERS + 1)}).encode(), "more than 200 parameters"),
    ],
)
def test_a_body_that_cannot_be_read_leaves_the_query_and_a_sentence(kind, body, says) -> None:
    form = read_form(b"json=1", kind, body)

    assert form.flag("json")
    assert form.trouble is not None
    assert says in form.trouble


def test_a_dump_shows_what_came_but_the_key() -> None:
    form = read_form(f"key={KEY}&json=1".encode(), MULTIPART, multipart({"body": BODY}, {"file": PICTURE}))

    dump = form.dump().decode()

    assert dump.startswith(f"Array\n(\n    [key] => {KEY[:4]}…\n    [json] => 1\n    [body] => {BODY[:200]}… (")
    assert dump.endswith(f"    [file] => ({len(PICTURE):,} bytes)\n)\n")
    assert KEY not in dump


kinds = st.sampled_from(
    ["", FORM, "application/json", MULTIPART, "multipart/form-data", "multipart/form-data; boundary="]
)


def look(form: Form) -> None:
    for name in ("key", "json", "id", "file", "body"):
        form.text(name)
        form.flag(name)
    assert KEY not in form.dump().decode()
    assert form.trouble is None or 0 < len(form.trouble) < 200


@given(
    query=st.binary(max_size=80),
    kind=kinds | st.text(st.characters(max_codepoint=255), max_size=40),
    body=st.binary(max_size=300),
)
@example(b"", MULTIPART, b"--" + BOUNDARY.encode())
@example(b"", MULTIPART + "\xff", b"--x\r\n\xff:\r\n\r\n")
@example(b"", "", b'{"\\ud800":"\\ud800"}')
@example(b"", "", b'{"key":1e999}')
@example(b"", "", b'{"key":' + b"9" * 5000 + b"}")
@example(b"%", FORM, b"%ff=%&=&&;")
def test_any_bytes_give_a_form(query, kind, body) -> None:
    look(read_form(query, kind, body))


@given(body=st.just(multipart(FIELDS, {"file": PICTURE})), at=st.integers(0, 10**6), instead=st.binary(max_size=4))
def test_any_damaged_multipart_gives_a_form(body, at, instead) -> None:
    at %= len(body)

    read_form(b"", MULTIPART, body[:at] + instead + body[at + 1 :]).text("key")


@given(
    fields=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[!-~]([ -~]*[!-~])?", fullmatch=True), max_size=5
    )
)
def test_what_was_written_is_read_back_from_every_encoding(fields) -> None:
    fields = {name: value for name, value in fields.items() if name not in {"body", "file", "image"}}
    for kind, body in (
        (FORM, urlencode(fields).encode()),
        (MULTIPART, multipart(fields)),
        ("", json.dumps(fields).encode()),
    ):
        form = read_form(b"", kind, body)

        assert {name: form.text(name) for name in fields} == fields
