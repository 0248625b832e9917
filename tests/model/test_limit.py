"""Buckets refuse and refill; addresses are matched however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.limit import Bucket, forget_oldest, is_allowed, is_loopback


def test_a_full_bucket_gives_its_size_at_once_and_then_refuses():
    bucket = Bucket.full(3, 1, now=10.0)

    assert [bucket.take(10.0) for _ in range(5)] == [True, True, True, False, False]


def test_an_empty_bucket_earns_by_its_rate():
    bucket = Bucket.full(1, 2, now=0.0)
    bucket.take(0.0)

    assert [bucket.take(now) for now in (0.25, 0.5, 0.75, 1.0)] == [False, True, False, True]


def test_a_bucket_never_holds_more_than_its_size():
    bucket = Bucket.full(2, 10, now=0.0)

    assert [bucket.take(3600.0) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 1e6), max_size=40), st.integers(1, 5), st.floats(0.01, 10))
def test_however_it_is_asked_a_bucket_gives_at_most_its_size_and_what_it_earned(moments, size, rate):
    moments.sort()
    bucket = Bucket.full(size, rate, now=0.0)
    given_out = sum(bucket.take(moment) for moment in moments)

    assert given_out <= size + (moments[-1] if moments else 0) * rate + 1e-6


def test_time_that_stands_still_earns_nothing():
    bucket = Bucket.full(1, 1, now=5.0)
    bucket.take(5.0)

    assert not bucket.take(4.0)


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_this_machines_own_addresses_are_loopback(ip):
    assert is_loopback(ip)


@pytest.mark.parametrize("ip", ["10.0.0.1", "::", "::2", "::ffff:10.0.0.1", "", "localhost", "127.0.0.1:80", "0.0.0.0"])
def test_others_are_not_loopback(ip):
    assert not is_loopback(ip)


@pytest.mark.parametrize(
    ("ip", "allowed"),
    [
        ("10.1.2.3", ()),
        ("10.1.2.3", ("10.1.2.3",)),
        ("10.1.2.3", ("192.168.0.0/16", "10.0.0.0/8")),
        ("10.1.2.3", ("10.1.2.99/24",)),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",)),
        ("::ffff:10.1.2.3", ("::ffff:10.1.2.3",)),
        ("2001:db8::7", ("2001:db8::/32",)),
        ("fe80::1%eth0", ("fe80::/10",)),
        ("not an address", ()),
        ("10.1.2.3", ("10.0.0.0/33", "10.0.0.0/8")),
    ],
)
def test_an_address_on_the_list_may_call(ip, allowed):
    assert is_allowed(ip, allowed)


@pytest.mark.parametrize(
    ("ip", "allowed"),
    [
        ("10.1.2.4", ("10.1.2.3",)),
        ("::ffff:11.0.0.1", ("10.0.0.0/8",)),
        ("2001:db9::7", ("2001:db8::/32",)),
        ("10.1.2.3", ("::/0",)),
        ("not an address", ("0.0.0.0/0",)),
        ("", ("0.0.0.0/0",)),
        ("10.1.2.3", ("ten dot one", "", "10.1.2.3/33")),
    ],
)
def test_an_address_off_the_list_may_not(ip, allowed):
    assert not is_allowed(ip, allowed)


class Watched(dict[int, None]):
    """A dict that counts how often its oldest names are looked for."""

    looks = 0

    def __iter__(self):
        self.looks += 1
        return super().__iter__()


def test_a_memory_keeps_its_bound_and_its_newest():
    remembered = dict.fromkeys(range(3))

    forget_oldest(remembered, 2)
    assert list(remembered) == [1, 2]

    forget_oldest(remembered, 2)
    assert list(remembered) == [1, 2]


def test_a_full_memory_is_not_searched_for_its_oldest_at_every_new_name():
    remembered = Watched()
    for name in range(20_000):
        remembered[name] = None
        forget_oldest(remembered, 10_000)
        assert len(remembered) <= 10_000

    assert max(remembered) == 19_999
    assert min(remembered) >= 10_000
    assert 0 < remembered.looks <= 10_000 // 39 + 2
