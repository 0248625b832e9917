"""Owed callbacks are posted at least once, signed, logged, and never so that one receiver waits for another."""

from __future__ import annotations

import asyncio
import base64
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme
from standardwebhooks.webhooks import Webhook

from answerdesk.deliver import PLACES, Patience, Resolver
from answerdesk.desk.callbacks import Redeliver, Tried
from answerdesk.desk.chores import Forget
from answerdesk.desk.ports import Unavailable
from answerdesk.model.callback import SCHEDULE, Delivery
from tests.deliver.conftest import HOST, written
from tests.deliver.receiver import OK, SILENCE, Receiver, receiving, so, status, watching

SECRETS = tuple(f"whsec_{base64.b64encode(bytes([n] * 24)).decode()}" for n in (1, 2))


def to(receiver: Receiver, host: str = HOST, path: str = "/done?a=b", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{receiver.port}{path}"


async def test_a_settled_task_is_posted_in_its_dialect_with_its_id(owing):
    async with receiving(Receiver()) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(), to(receiver))
        callback, attempts = await owing.tried(n)

    (post,) = receiver.posts
    assert (post.line, post.body) == ("POST /done?a=b HTTP/1.1", b'{"status":"ready"}')
    assert post.headers == {
        "host": f"{HOST}:{receiver.port}",
        "connection": "close",
        "user-agent": "answerdesk",
        "content-type": "application/json",
        "content-length": "18",
        "x-task-id": str(1_000 + n),
        # Without a secret too: a post that comes twice is known by it.
        "webhook-id": f"task_{1_000 + n}",
        "webhook-timestamp": str(owing.clock.now() // 1000),
    }
    assert callback.state is Delivery.DONE
    assert [(attempt.status, attempt.detail) for attempt in attempts] == [(200, "HTTP 200")]


async def test_a_post_is_signed_with_every_secret_of_the_account(owing):
    async with receiving(Receiver()) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(callback_secrets=SECRETS), to(receiver))
        await owing.tried(n)

    (post,) = receiver.posts
    name, at = f"task_{1_000 + n}", datetime.fromtimestamp(owing.clock.now() // 1000, UTC)
    assert post.headers["webhook-id"] == name
    assert post.headers["webhook-timestamp"] == str(owing.clock.now() // 1000)
    assert post.headers["webhook-signature"].split() == [
        Webhook(secret).sign(name, at, post.body.decode()) for secret in SECRETS
    ]


async def test_a_failed_post_is_made_again_under_the_same_name_at_its_time(owing):
    async with receiving(Receiver(status(500), OK)) as receiver, owing.delivering():
        account = await owing.account(callback_secrets=SECRETS[:1])
        (n,) = await owing.owe(account, to(receiver))
        callback, _ = await owing.tried(n)
        assert (callback.state, callback.tries) == (Delivery.OWED, 1)
        await owing.pass_by(callback.due - owing.clock.now(), account)
        callback, attempts = await owing.tried(n, 2)

    assert callback.state is Delivery.DONE
    assert [attempt.status for attempt in attempts] == [500, 200]
    first, second = receiver.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@pytest.mark.slow
@pytest.mark.parametrize("answer", [status(302, "location: /elsewhere"), status(404), b"no HTTP\r\n\r\n"])
async def test_whatever_is_no_2xx_is_tried_again_until_the_schedule_ends(owing, answer):
    async with receiving(Receiver(answer)) as receiver, owing.delivering():
        account = await owing.account()
        (n,) = await owing.owe(account, to(receiver))
        for tries in range(1, len(SCHEDULE) + 1):
            await owing.tried(n, tries)
            await owing.pass_by(2 * SCHEDULE[-1] * 1000, account)
        callback, attempts = await owing.log(n)

    assert callback.state is Delivery.GIVEN_UP
    assert len(attempts) == len(receiver.posts) == len(SCHEDULE) == 11
    assert {post.line for post in receiver.posts} == {"POST /done?a=b HTTP/1.1"}


async def test_a_410_ends_it_at_once(owing):
    async with receiving(Receiver(status(410))) as receiver, owing.delivering():
        account = await owing.account()
        (n,) = await owing.owe(account, to(receiver))
        callback, _ = await owing.tried(n)
        await owing.pass_by(2 * SCHEDULE[-1] * 1000, account)
        (other,) = await owing.owe(account, to(receiver))
        await owing.tried(other)

    assert callback.state is Delivery.REFUSED
    assert len(receiver.posts) == 2


async def test_a_reply_is_not_read_beyond_its_head(owing):
    whole = 64 * 2**20
    flood = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % whole + bytes(whole)
    async with receiving(Receiver(flood)) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(), to(receiver))
        callback, _ = await owing.tried(n)
        # The end that does not read lets go of the connection, and the flood breaks off.
        await so(lambda: not receiver.open, "the connection is closed")

    assert callback.state is Delivery.DONE


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [SILENCE, b"HTTP/1.1 200", b"HTTP/1.1 100 Continue\r\n\r\n" * 9, b"HTTP/1.1 200 OK\r\nx: " + b"y" * 999_999],
)
async def test_a_receiver_that_does_not_come_to_the_point_is_left(owing, answer):
    async with receiving(Receiver(answer)) as receiver, owing.delivering(patience=Patience(whole=2)):
        (n,) = await owing.owe(await owing.account(), to(receiver))
        callback, (attempt,) = await owing.tried(n)

    assert (callback.state, attempt.status) == (Delivery.OWED, 0)
    assert len(receiver.posts) == 1


async def test_a_port_where_nobody_listens_is_a_failure_that_says_so(owing):
    async with receiving(Receiver()) as gone:
        pass
    async with owing.delivering():
        (n,) = await owing.owe(await owing.account(), to(gone))
        callback, (attempt,) = await owing.tried(n)

    assert (callback.state, attempt.status) == (Delivery.OWED, 0)
    assert attempt.detail.startswith("ConnectError")


async def test_the_next_address_of_a_name_is_tried_where_the_first_takes_no_connection(owing):
    owing.names.say(HOST, ["::1", "127.0.0.1"])
    async with receiving(Receiver()) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(), to(receiver))
        callback, attempts = await owing.tried(n)

    assert callback.state is Delivery.DONE
    assert len(attempts) == 1
    assert owing.names.asked == [HOST]


async def test_owed_anew_it_is_posted_anew(owing):
    async with receiving(Receiver()) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(), to(receiver))
        await owing.tried(n)
        await owing.store.run(Redeliver(n=n))
        callback, attempts = await owing.tried(n, 2)

    assert (callback.state, callback.tries, len(attempts)) == (Delivery.DONE, 1, 2)
    assert len(receiver.posts) == 2


async def test_what_was_under_way_when_the_server_stopped_is_posted_by_the_next(owing):
    async with receiving(Receiver(SILENCE, OK)) as receiver:
        async with owing.delivering():
            (n,) = await owing.owe(await owing.account(), to(receiver))
            await so(lambda: receiver.posts, "the post is under way")
        callback, attempts = await owing.log(n)
        assert (callback.state, attempts) == (Delivery.OWED, [])
        async with owing.delivering():
            callback, _ = await owing.tried(n)

    assert callback.state is Delivery.DONE
    assert len(receiver.posts) == 2


class Away:
    """A store that cannot write for a while."""

    def __init__(self, store: Any, times: int) -> None:
        self._store = store
        self.left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def run(self, verb: Any) -> Any:
        if isinstance(verb, Tried) and self.left:
            self.left -= 1
            msg = "the disk is full"
            raise Unavailable(msg)
        return await self._store.run(verb)


@pytest.mark.slow
async def test_a_post_that_cannot_be_written_down_is_not_made_again(owing):
    away = Away(owing.store, 1)
    async with receiving(Receiver()) as receiver, owing.delivering(store=away):
        (n,) = await owing.owe(await owing.account(), to(receiver))
        callback, _ = await owing.tried(n)

    assert callback.state is Delivery.DONE
    assert away.left == 0
    assert len(receiver.posts) == 1


async def test_what_cannot_be_written_for_the_wire_is_a_failure_and_ends_with_the_schedule(owing):
    def broken(task, _):
        raise KeyError(task.n)

    async with receiving(Receiver()) as receiver, owing.delivering(render=broken):
        (n,) = await owing.owe(await owing.account(), to(receiver))
        callback, (attempt,) = await owing.tried(n)

    assert (callback.state, callback.tries) == (Delivery.OWED, 1)
    assert attempt.detail == f"this desk failed: KeyError: {n}"
    assert receiver.connections == 0


async def test_the_callback_of_a_forgotten_task_is_dropped(owing):
    async with receiving(Receiver()) as receiver:
        account = await owing.account()
        forgotten, kept = await owing.owe(account, to(receiver), to(receiver))
        await owing.store.run(Forget(whole=(forgotten,)))
        async with owing.delivering():
            await owing.tried(kept)

    assert await owing.store.attempts(forgotten) == (None, [])
    assert len(receiver.posts) == 1


@pytest.mark.slow
async def test_a_task_forgotten_while_its_post_is_under_way_leaves_nothing(owing):
    async with receiving(Receiver(SILENCE)) as receiver, owing.delivering(patience=Patience(whole=2)) as deliverer:
        (n,) = await owing.owe(await owing.account(), to(receiver))
        await so(lambda: receiver.posts, "the post is under way")
        await owing.store.run(Forget(whole=(n,)))
        await so(lambda: deliverer.outcomes, "the post has ended")

    assert deliverer.outcomes == {"forgotten": 1}
    assert await owing.store.attempts(n) == (None, [])


@pytest.mark.slow
async def test_dead_receivers_delay_nobody(owing):
    dead = [f"dead{number}.test" for number in range(100)]
    async with receiving(Receiver(SILENCE)) as silent, receiving(Receiver()) as healthy:
        account = await owing.account(HOST, *dead)
        async with owing.delivering(patience=Patience(whole=60)):
            lost = await owing.owe(account, *(to(silent, host) for host in dead for _ in range(3)))
            await so(lambda: silent.open == 2 * len(dead), "the dead have what they may have")
            numbers = await owing.owe(account, *(to(healthy) for _ in range(50)))
            for n in numbers:
                callback, _ = await owing.tried(n)
                assert callback.state is Delivery.DONE
            assert [(await owing.log(n))[1] for n in lost] == [[]] * len(lost)
    assert len(healthy.posts) == 50


@pytest.mark.slow
async def test_a_receiver_that_failed_has_one_place(owing):
    account = await owing.account()
    async with receiving(Receiver(SILENCE)) as silent, owing.delivering(patience=Patience(whole=0.2)) as deliverer:
        numbers = await owing.owe(account, *(to(silent) for _ in range(8)))
        await so(lambda: deliverer.outcomes.total() >= PLACES[None].each, "those whose host was not known have ended")
        while deliverer.outcomes.total() < len(numbers):
            # Counted as ended before its place is free, so this is at least what is under way.
            assert len(silent.posts) - deliverer.outcomes.total() <= PLACES[False].each == 1
            await asyncio.sleep(0.01)


async def test_a_receiver_that_answers_soon_has_many_places(owing):
    account = await owing.account()
    async with receiving(Receiver(OK, SILENCE)) as slow, owing.delivering(patience=Patience(whole=60)):
        (first, *_) = await owing.owe(account, *(to(slow) for _ in range(20)))
        await owing.tried(first)
        await so(lambda: len(slow.posts) == 1 + PLACES[True].each, "it has the places of one that answers")
        await owing.pass_by(1, account)
        await asyncio.sleep(0.2)
        assert slow.open == PLACES[True].each


@pytest.mark.slow
async def test_a_crowd_of_sick_hosts_leaves_room_for_a_new_one(owing):
    sick = [f"sick{number}.test" for number in range(PLACES[False].all + 36)]
    garbage = [b"no HTTP\r\n\r\n"] * len(sick)
    async with receiving(Receiver(*garbage, SILENCE)) as silent, receiving(Receiver()) as healthy:
        account = await owing.account(HOST, *sick)
        async with owing.delivering(patience=Patience(whole=60)) as deliverer:
            numbers = await owing.owe(account, *(to(silent, host) for host in sick))
            await so(lambda: deliverer.outcomes.total() == len(numbers), "all are known to be sick")
            await owing.pass_by(60_000, account)
            await so(lambda: silent.open == PLACES[False].all, "the sick fill their own places")
            (n,) = await owing.owe(account, to(healthy))
            callback, _ = await owing.tried(n)
    assert callback.state is Delivery.DONE


def served_as(*names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A receiver's TLS for names, and what trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(server)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return server, trust


async def test_over_tls_the_certificate_is_checked_for_the_name_that_was_asked_for(owing):
    server, trust = served_as(HOST)
    async with receiving(Receiver(), server) as receiver, owing.delivering(trust=trust):
        (n,) = await owing.owe(await owing.account(), to(receiver, scheme="https"))
        callback, _ = await owing.tried(n)

    assert callback.state is Delivery.DONE
    assert receiver.names == [HOST]


async def test_an_ip_address_is_checked_as_one(owing):
    server, trust = served_as("127.0.0.1")
    async with receiving(Receiver(), server) as receiver, owing.delivering(trust=trust):
        (n,) = await owing.owe(await owing.account("127.0.0.1"), to(receiver, "127.0.0.1", scheme="https"))
        callback, _ = await owing.tried(n)

    assert callback.state is Delivery.DONE
    assert owing.names.asked == []


@pytest.mark.parametrize("names", [("other.test",), ("127.0.0.1",)])
async def test_a_certificate_for_another_name_gets_nothing(owing, names):
    server, trust = served_as(*names)
    async with receiving(Receiver(), server) as receiver, owing.delivering(trust=trust):
        (n,) = await owing.owe(await owing.account(), to(receiver, scheme="https"))
        callback, (attempt,) = await owing.tried(n)

    assert (callback.state, attempt.status) == (Delivery.OWED, 0)
    assert "CERTIFICATE_VERIFY_FAILED" in attempt.detail
    assert receiver.posts == []


async def test_an_authority_nobody_trusts_gets_nothing(owing):
    server, _ = served_as(HOST)
    async with receiving(Receiver(), server) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(), to(receiver, scheme="https"))
        _, (attempt,) = await owing.tried(n)

    assert "CERTIFICATE_VERIFY_FAILED" in attempt.detail
    assert receiver.posts == []


async def test_a_name_is_looked_up_by_one_thread_however_many_ask():
    resolver = Resolver()
    with watching() as watch:
        found = await asyncio.gather(*(resolver("localhost") for _ in range(20)))

    assert watch.looked_up == ["localhost"]
    assert all("127.0.0.1" in addresses or "::1" in addresses for addresses in found)


async def test_a_name_that_is_none_is_an_error_each_time():
    resolver = Resolver()
    for _ in range(2):
        with pytest.raises(UnicodeError):
            await resolver("a" * 64 + ".test")


async def test_one_deliverer_starts_no_callback_twice(owing):
    async with receiving(Receiver(SILENCE)) as receiver, owing.delivering(patience=Patience(whole=60)):
        account = await owing.account()
        await owing.owe(account, to(receiver))
        await so(lambda: receiver.posts, "the post is under way")
        for _ in range(5):
            await owing.pass_by(10, account)
            await asyncio.sleep(0.06)

    assert receiver.connections == 1


def test_what_is_posted_is_said_with_its_type():
    class Settled:
        n = 5

    assert written(Settled(), None).task == 1_005  # type: ignore[arg-type]
