"""A callback moves along its schedule to one of three ends, and its address is read by one grammar."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.callback import (
    JITTER,
    SCHEDULE,
    Attempt,
    Callback,
    Delivery,
    Place,
    after,
    host_of,
    is_registered,
    place_of,
    registrable,
)

DAY_S = 86_400
START = Millis(1_760_000_000_000)


def owed(n: int = 1) -> Callback:
    url = "https://receiver.test/done"
    return Callback(n=Sequence(n), account=AccountId(1), url=url, host="receiver.test", due=START)


def tried(callback: Callback, status: int, late: int = 0) -> Callback:
    at = Millis(callback.due + late)
    attempt = Attempt(n=callback.n, account=callback.account, at=at, status=status, detail="", milliseconds=1)
    return after(callback, attempt)


FAILURES = st.integers(0, 599).filter(lambda status: not 200 <= status < 300 and status != 410)


@given(n=st.integers(1, 2**50), statuses=st.lists(FAILURES, min_size=len(SCHEDULE), max_size=len(SCHEDULE)))
def test_a_receiver_that_never_takes_it_is_tried_over_more_than_a_day_and_then_no_more(n, statuses):
    callback, times = owed(n), []
    for status in statuses:
        assert callback.state is Delivery.OWED
        times.append(callback.due)
        callback = tried(callback, status)

    pauses = [(late - early) / 1000 for early, late in itertools.pairwise(times)]
    assert callback.state is Delivery.GIVEN_UP
    assert len(times) >= 10
    assert times[-1] - times[0] >= DAY_S * 1000
    assert pauses == sorted(pauses)
    assert all(plan <= pause <= plan * (1 + JITTER) for plan, pause in zip(SCHEDULE[1:], pauses, strict=True))


@given(statuses=st.lists(st.integers(0, 599), max_size=30), late=st.integers(0, 10_000_000))
def test_however_it_goes_the_tries_are_bounded_and_an_end_is_reached_once(statuses, late):
    callback = owed()
    for status in statuses:
        if callback.state is not Delivery.OWED:
            break
        before = callback
        callback = tried(callback, status, late)
        assert callback.tries == before.tries + 1 <= len(SCHEDULE)
        if callback.state is Delivery.OWED:
            assert callback.due > before.due + late
        elif status == 410:
            assert callback.state is Delivery.REFUSED
        else:
            assert callback.state is (Delivery.DONE if 200 <= status < 300 else Delivery.GIVEN_UP)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "done"),
        (204, "done"),
        (299, "done"),
        (410, "refused"),
        *((bad, "owed") for bad in (0, 199, 300, 302, 404, 500)),
    ],
)
def test_only_a_2xx_is_taken_for_yes_and_only_a_410_for_never_again(status, state):
    assert str(tried(owed(), status).state) == state


def test_callbacks_that_failed_together_do_not_come_back_together():
    again = {tried(owed(n), 500).due for n in range(100)}

    assert len(again) > 50


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://receiver.test", Place(secure=False, host="receiver.test", port=80, target="/")),
        (
            "HTTPS://Receiver.TEST./a/b?c=d&e=%20",
            Place(secure=True, host="receiver.test", port=443, target="/a/b?c=d&e=%20"),
        ),
        ("https://receiver.test:8443?id=1", Place(secure=True, host="receiver.test", port=8443, target="/?id=1")),
        ("http://192.0.2.7:81/", Place(secure=False, host="192.0.2.7", port=81, target="/")),
        ("http://[2001:DB8:0::1]/x@y", Place(secure=False, host="2001:db8::1", port=80, target="/x@y")),
    ],
)
def test_an_address_is_read_into_what_is_called(url, place):
    assert place_of(url) == place
    assert host_of(url) == place.host


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://receiver.test:80/", "receiver.test"),
        ("http://receiver.test:443/", "receiver.test:443"),
        ("https://receiver.test:443/", "receiver.test"),
        ("http://[::1]/", "[::1]"),
        ("https://[::1]:80/", "[::1]:80"),
    ],
)
def test_the_host_header_names_a_port_that_is_not_the_schemes_own(url, header):
    place = place_of(url)

    assert place is not None
    assert place.header == header


@given(st.text(max_size=60))
def test_whatever_is_written_after_it_no_other_host_is_read(text):
    place = place_of(f"http://receiver.test/{text}")

    assert place is None or (place.host, place.port) == ("receiver.test", 80)
    named = place_of(f"http://receiver.test{text}/")
    assert named is None or named.host.startswith("receiver.test")


@given(
    st.builds(lambda *parts: "".join(parts), *[st.sampled_from(list("htps:/@.[]#?%\\0x7f1a ")) | st.characters()] * 12)
)
def test_what_is_read_is_made_of_plain_characters_and_never_a_number_in_disguise(text):
    place = place_of(f"http://{text}")

    if place is not None:
        assert place.target.startswith("/")
        assert (place.host + place.target).isascii()
        assert (place.host + place.target).isprintable()
        assert not set(place.host) & set("@\\#?/% []")
        assert place.host == host_of(f"http://{'[' + place.host + ']' if ':' in place.host else place.host}/")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Receiver.Test", "receiver.test"),
        ("receiver.test:8080", "receiver.test:8080"),
        (" receiver.test. ", "receiver.test"),
        ("10.0.0.7", "10.0.0.7"),
        ("10.0.0.7:443", "10.0.0.7:443"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[::1]:81", "[::1]:81"),
        *(
            (bad, None)
            for bad in ("", "*.test", "http://a.test", "a.test/", "a.test:0", "127.1", "0x7f.1", "a b", "ä.test")
        ),
    ],
)
def test_a_registered_host_has_one_form(text, kept):
    assert registrable(text) == kept


def test_a_host_is_registered_with_all_its_ports_or_with_one():
    assert is_registered("http://a.test:81/", ("a.test",))
    assert is_registered("http://a.test:81/", ("a.test:81",))
    assert is_registered("http://[::1]:81/", ("[::1]:81",))
    assert not is_registered("http://a.test:82/", ("a.test:81",))
    assert not is_registered("http://sub.a.test/", ("a.test",))
    assert not is_registered("http://[::1:81]/", ("[::1]:81",))
    assert not is_registered("no address", ("no address", ""))


def test_a_callback_is_a_frozen_value():
    with pytest.raises(AttributeError):
        owed().tries = 7  # type: ignore[misc]
    assert msgspec.structs.replace(owed(), tries=7).tries == 7
