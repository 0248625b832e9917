"""Names, passwords, roles, and when sessions and links end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import Millis
from answerdesk.model.person import (
    IDLE_MS,
    LEAST_PASSWORD,
    MANAGES,
    MOST_PASSWORD,
    Link,
    PersonId,
    Purpose,
    Role,
    Session,
    clean_password,
    handle,
    may_manage,
    name_flaw,
    password_flaw,
)

NOW = 1_760_000_000_000


@pytest.mark.parametrize(
    ("first", "second"),
    [("Ann", "ANN"), ("Ann B", " ann\u00a0 b "), ("Ü", "U\u0308"), ("ﬁn", "FIN"), ("Straße", "STRASSE")],
)
def test_names_that_look_alike_are_one(first, second):
    assert handle(first) == handle(second)


@given(st.text())
def test_a_handle_is_its_own_handle(name):
    assert handle(handle(name)) == handle(name)


@pytest.mark.parametrize("name", ["ann", "Ann B", "Ü", "李", "x" * 100, "4th shift"])
def test_a_name_may_be_any_word(name):
    assert name_flaw(name) is None


@pytest.mark.parametrize("name", ["", "  ", "12", " 12 ", "x" * 101, "a\nb", "a\u202eb", "\x00"])
def test_a_name_that_cannot_be_told_or_hides_something_is_refused(name):
    assert "printable characters" in (name_flaw(name) or "")


@pytest.mark.parametrize(
    "password",
    ["correct horse", "x7#qpl2!zvw9", "длинный пароль", "a b c d e f g", "ann's own password", "z" * 6 + "abcdef"],
)
def test_any_long_password_will_do(password):
    assert password_flaw(password, "ann") is None


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "12 to 1000 characters (got 0)"),
        ("short", "(got 5)"),
        ("x" * (LEAST_PASSWORD - 1), "(got 11)"),
        ("x" * (MOST_PASSWORD + 1), "(got 1001)"),
        ("x" * LEAST_PASSWORD, "more than a name"),
        ("annannannann", "more than a name"),
        ("Password1234", "more than a name"),
        ("answerdesk12", "more than a name"),
    ],
)
def test_a_password_everybody_would_try_is_refused_and_says_why(password, says):
    assert says in (password_flaw(password, "Ann") or "")


def test_a_nameless_persons_password_is_judged_too():
    assert password_flaw("correct horse battery", "") is None


@given(st.text())
def test_a_password_has_one_form(password):
    assert clean_password(clean_password(password)) == clean_password(password)


def test_owners_manage_all_operators_those_below_and_others_nobody():
    assert MANAGES.keys() == set(Role)
    assert [may_manage(Role.OWNER, role) for role in Role] == [True] * 5
    assert {role for role in Role if may_manage(Role.OPERATOR, role)} == {Role.VIEWER, Role.WORKER, Role.CUSTOMER}
    assert not any(may_manage(role, whom) for role in (Role.VIEWER, Role.WORKER, Role.CUSTOMER) for whom in Role)


def test_an_operator_makes_nobody_more_than_they_may_manage():
    assert may_manage(Role.OPERATOR, Role.WORKER, Role.VIEWER)
    assert not may_manage(Role.OPERATOR, Role.WORKER, Role.OPERATOR)
    assert not may_manage(Role.OPERATOR, Role.WORKER, Role.OWNER)
    assert may_manage(Role.OWNER, Role.WORKER, Role.OWNER)


@pytest.mark.parametrize(
    ("seen", "until", "now", "live"),
    [
        (0, 10, 9, True),
        (0, 10, 10, False),
        (0, 10 * IDLE_MS, IDLE_MS - 1, True),
        (0, 10 * IDLE_MS, IDLE_MS, False),
    ],
)
def test_a_session_lives_to_its_end_or_until_it_is_left_alone(seen, until, now, live):
    session = Session(digest=b"\x01\xab" * 16, person=PersonId(1), seen=Millis(NOW + seen), until=Millis(NOW + until))

    assert session.live(Millis(NOW + now)) is live
    assert session.name == "01ab" * 4


@pytest.mark.parametrize(("used", "now", "live"), [(0, 9, True), (0, 10, False), (5, 9, False)])
def test_a_link_lives_to_its_end_or_until_it_is_used(used, now, live):
    link = Link(digest=b"", person=PersonId(1), purpose=Purpose.ENTER, until=Millis(10), used=Millis(used))

    assert link.live(Millis(now)) is live
