"""A database's URL is read whole and shown without its secrets, and one that is not accepted is not shown at all."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.database import DatabaseUrl


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("postgresql://host/desk", "postgresql://host/desk"),
        ("postgres://me@host:5433/desk", "postgres://me@host:5433/desk"),
        ("postgresql://me:secret@host/desk", "postgresql://me:***@host/desk"),
        ("postgresql://me:se@cret@host/desk", "postgresql://me:***@host/desk"),
        ("postgresql://:secret@host/desk", "postgresql://:***@host/desk"),
        ("postgresql://me:secret@a:1,[::1]:2,c/desk", "postgresql://me:***@a:1,[::1]:2,c/desk"),
        ("postgresql:///desk?host=/run/postgresql&user=me", "postgresql:///desk?host=/run/postgresql&user=me"),
        ("postgresql://host?password=secret&user=me", "postgresql://host?password=***&user=me"),
        ("postgresql://host/desk?sslpassword=secret", "postgresql://host/desk?sslpassword=***"),
        ("postgresql://host/desk?pasword=secret&sslmode=require", "postgresql://host/desk?pasword=***&sslmode=require"),
        ("postgresql://host/desk?user=me&oauth_client_secret=secret", "postgresql://host/desk?user=me&oauth_client_secret=***"),
        ("postgresql://postgres:@/desk?host=/tmp/x", "postgresql://postgres:***@/desk?host=/tmp/x"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_its_secrets(whole, shown) -> None:
    url = DatabaseUrl(whole)

    assert url.reveal() == whole
    assert str(url) == shown
    assert repr(url) == f"DatabaseUrl({shown!r})"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host/desk",
        "mysql://host/desk",
        "sqlite:///desk.db",
        "host=here password=secret",
        "postgresql://me:sec/ret@host/desk",
        "postgresql://me:12/secret@host/desk",
        "postgresql://me:12?secret@host/desk",
        "postgresql://me:12#secret@host/desk",
        "postgresql://me:secret\uff0f@host/desk",
        "postgresql://me:secret@host:port/desk",
        "postgresql://me:secret@host/desk\n",
        "postgresql://[::1/desk",
        "postgresql://me:secret@ho st/desk",
    ],
)
def test_what_is_no_such_url_is_refused_without_a_word_of_it(text) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its words are what is looked at
        DatabaseUrl(text)

    assert "secret" not in str(refused.value)
    assert "cret" not in str(refused.value)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.booleans())
def test_no_password_is_ever_shown(password, in_options) -> None:
    hidden = f"<{password}>"
    said = quote(hidden, safe="")
    url = DatabaseUrl(f"postgresql://h/d?password={said}" if in_options else f"postgresql://me:{said}@h/d")

    assert said not in str(url)
    assert said not in repr(url)


def test_two_urls_are_the_same_only_with_the_same_password() -> None:
    one, same, other = (DatabaseUrl(f"postgresql://me:{word}@h/d") for word in ("a", "a", "b"))

    assert {one, same, other} == {one, other}
    assert one != "postgresql://me:a@h/d"
