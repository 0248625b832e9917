"""However an address is written and whatever a name server says, no connection leaves but to what was registered.
The interpreter itself tells of every connection made."""

from __future__ import annotations

import pytest

from answerdesk.model.callback import Delivery
from tests.deliver.conftest import HOST
from tests.deliver.receiver import OK, Receiver, receiving, status, watching

#: Written so that one reader sees the registered host and another some other. P is the trap's port.
DISGUISES = [
    # user names and what looks like one
    "http://receiver.test@127.0.0.1:P/",
    "http://receiver.test:80@127.0.0.1:P/",
    "http://user:pw@receiver.test:P/",
    "http://@receiver.test:P/",
    "http://receiver.test%40127.0.0.1:P/",
    "http://127.0.0.1:P@receiver.test/",
    "http://receiver.test#@127.0.0.1:P/",
    "http://receiver.test?@127.0.0.1:P/\\",
    "http://receiver.test\\@127.0.0.1:P/",
    "http://127.0.0.1:P\\@receiver.test/",
    "http://receiver.test:@127.0.0.1:P/",
    "http://a:b@c:d@receiver.test:P/",
    # slashes, backslashes and schemes
    "http:\\\\127.0.0.1:P/",
    "http:/\\127.0.0.1:P/",
    "http:////127.0.0.1:P/",
    "http:/receiver.test:P/",
    "//receiver.test:P/",
    "http:receiver.test:P",
    "http:///receiver.test:P/",
    "https:127.0.0.1:P",
    "ftp://receiver.test:P/",
    "file:///etc/passwd",
    "gopher://receiver.test:P/_x",
    "dict://receiver.test:P/x",
    "javascript://receiver.test:P/",
    "jar:http://receiver.test:P/",
    "unix:///run/x.sock",
    "data:text/plain,x",
    "http+unix://receiver.test/",
    "ws://receiver.test:P/",
    "\x00http://receiver.test:P/",
    # white space and control characters
    " http://127.0.0.1:P/",
    "http://receiver.test:P/ x",
    "http://receiver.test\t:P/",
    "http://receiver.test\n:P/",
    "http://receiver.test:P/\r\nHost: 127.0.0.1",
    "http://rece\tiver.test:P/",
    "http://receiver.test%00.evil:P/",
    "http://receiver.test\x00.evil:P/",
    "http://receiver.test%0d%0a:P/",
    "http://receiver.test\u00a0:P/",
    "http://\u200breceiver.test:P/",
    # fragments
    "http://receiver.test:P/#",
    "http://127.0.0.1:P#.receiver.test/",
    "http://127.0.0.1:P/#http://receiver.test/",
    # numbers as addresses
    "http://2130706433:P/",
    "http://0x7f000001:P/",
    "http://0x7f.0x0.0x0.0x1:P/",
    "http://0177.0.0.1:P/",
    "http://017700000001:P/",
    "http://127.1:P/",
    "http://127.0.1:P/",
    "http://127.0.0.1.:P/",
    "http://127.000.000.001:P/",
    "http://0:P/",
    "http://0.0.0.0:P/",
    "http://127.0.0.1.0x0:P/",
    "http://4294967295:P/",
    "http://0x7F.1:P/",
    "http://1.1.1.1.1:P/",
    "http://256.0.0.1:P/",
    # IPv6
    "http://[::1]:P/",
    "http://[::]:P/",
    "http://[::ffff:127.0.0.1]:P/",
    "http://[::ffff:7f00:1]:P/",
    "http://[0:0:0:0:0:0:0:1]:P/",
    "http://[::127.0.0.1]:P/",
    "http://[64:ff9b::7f00:1]:P/",
    "http://[2002:7f00:1::]:P/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:P/",
    "http://[fe80::1%25lo]:P/",
    "http://[::1%lo]:P/",
    "http://::1:P/",
    "http://[::1:P/",
    "http://[v1.x]:P/",
    "http://[receiver.test]:P/",
    "http://[]:P/",
    "http://[::1]receiver.test:P/",
    # dots, capitals, percent signs, other scripts
    "http://receiver.test..:P/",
    "http://.receiver.test:P/",
    "http://receiver.test.evil:P/",
    "http://evil.receiver.test:P/",
    "http://xreceiver.test:P/",
    "http://receiver-test:P/",
    "http://%72eceiver.test:P/",
    "http://%6c%6fcalhost:P/",
    "http://LOCALHOST:P/",
    "http://localhost.:P/",
    "http://receiver%2etest:P/",
    "http://receiver\u3002test:P/",
    "http://receiver\uff0etest:P/",
    "http://\u24e1\u24d4ceiver.test:P/",
    "http://\uff11\uff12\uff17.0.0.1:P/",
    "http://\u2460\u2461\u2466.0.0.1:P/",
    "http://\u0661\u0662\u0667.0.0.1:P/",
    "http://rece\u0131ver.test:P/",
    "http://receiver.te\u017ft:P/",
    "http://receiver.te\u00dft:P/",
    "http://xn--receiver-.test:P/",
    "http://rece\u0456ver.test:P/",
    "http://receiver.test\u2044x:P/",
    "http://*:P/",
    "http://receiver.test,127.0.0.1:P/",
    "http://receiver.test;127.0.0.1:P/",
    # ports
    "http://receiver.test:0/",
    "http://receiver.test:-1/",
    "http://receiver.test:65536/",
    "http://receiver.test:99999/",
    "http://receiver.test:P:P/",
    "http://receiver.test:+80/",
    "http://receiver.test:0x50/",
    "http://receiver.test:\u0668\u0660/",
    "http://receiver.test: 80/",
    "http://receiver.test:/",
    "http://:P/",
    "http://",
    "receiver.test",
    "receiver.test:P/",
    "?",
    "http://" + "a." * 130 + "test:P/",
    "http://" + "a" * 64 + ".test:P/",
    "http://receiver.test:P/" + "x" * 2_048,
]

#: What a name server may say of a registered host that is not on the public internet.
CLOSED = [
    ["127.0.0.1"],
    ["127.0.0.53"],
    ["0.0.0.0"],
    ["10.1.2.3"],
    ["172.16.0.1"],
    ["192.168.0.1"],
    ["100.64.0.1"],
    ["169.254.169.254"],
    ["168.63.129.16"],
    ["100.100.100.200"],
    ["192.0.0.192"],
    ["224.0.0.1"],
    ["255.255.255.255"],
    ["::1"],
    ["::"],
    ["fe80::1%lo"],
    ["fd00:ec2::254"],
    ["fc00::1"],
    ["::ffff:127.0.0.1"],
    ["::ffff:a9fe:a9fe"],
    ["::7f00:1"],
    ["64:ff9b::7f00:1"],
    ["64:ff9b:1::1"],
    ["2002:7f00:1::"],
    ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    ["1.1.1.1", "127.0.0.1"],
    ["127.0.0.1", "1.1.1.1"],
    ["2606:4700::1", "::1"],
    ["127.1"],
    ["0x7f000001"],
    ["localhost"],
    [""],
    [],
]


@pytest.mark.slow
@pytest.mark.parametrize("private", [True, False])
async def test_no_disguise_leads_anywhere(owing, private):
    async with receiving(Receiver()) as trap:
        urls = [url.replace("P", str(trap.port)) for url in DISGUISES]
        assert len(urls) == len(set(urls)) >= 60
        account = await owing.account()
        with watching() as watch:
            async with owing.delivering(private=private):
                numbers = await owing.owe(account, *urls)
                said = {url: await owing.tried(n) for url, n in zip(urls, numbers, strict=True)}

        assert watch.connected == []
        assert watch.looked_up == []
        assert owing.names.asked == []
        assert trap.connections == 0
        assert {attempt.detail for _, attempts in said.values() for attempt in attempts} == {
            "the host is not registered for callbacks"
        }
        assert {callback.state for callback, _ in said.values()} == {Delivery.OWED}


async def test_not_even_when_its_very_text_is_registered(owing):
    odd = (
        "2130706433",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
        "[::1]",
        "user@receiver.test",
        "%6c%6fcalhost",
        "\uff11.1",
    )
    async with receiving(Receiver()) as trap, owing.delivering(hosts=odd):
        numbers = await owing.owe(await owing.account(*odd), *(f"http://{host}:{trap.port}/" for host in odd))
        for n in numbers:
            await owing.tried(n)

    assert trap.connections == 0


@pytest.mark.parametrize("addresses", CLOSED, ids=repr)
async def test_a_registered_name_that_leads_to_a_closed_address_leads_nowhere(owing, addresses):
    owing.names.say(HOST, addresses)
    async with receiving(Receiver()) as trap:
        with watching() as watch:
            async with owing.delivering(private=False):
                (n,) = await owing.owe(await owing.account(), f"http://{HOST}:{trap.port}/")
                callback, (attempt,) = await owing.tried(n)

    assert watch.connected == []
    assert owing.names.asked == [HOST]
    assert trap.connections == 0
    assert (callback.state, attempt.detail) == (Delivery.OWED, "the host's address is not a public one")


@pytest.mark.parametrize("second", [["169.254.169.254"], ["127.0.0.2"], ["::1"]])
async def test_a_name_that_changes_its_mind_is_asked_once_and_called_where_it_was_checked(owing, second):
    owing.names.say(HOST, ["127.0.0.1"], second)
    async with receiving(Receiver()) as receiver:
        with watching() as watch:
            async with owing.delivering():
                (n,) = await owing.owe(await owing.account(), f"http://{HOST}:{receiver.port}/")
                callback, _ = await owing.tried(n)

        assert watch.connected == [("127.0.0.1", receiver.port)]
    assert watch.looked_up == []
    assert owing.names.asked == [HOST]
    assert callback.state is Delivery.DONE


async def test_what_the_operator_never_allows_is_closed_with_private_ranges_open_too(owing):
    owing.names.say(HOST, ["169.254.169.254"])
    with watching() as watch:
        async with owing.delivering(private=True):
            (n,) = await owing.owe(await owing.account(), f"http://{HOST}/latest/meta-data")
            await owing.tried(n)

    assert watch.connected == []


async def test_a_private_address_is_called_for_hosts_that_the_operator_registered_alone(owing):
    owing.names.say(HOST, ["127.0.0.1"])
    async with receiving(Receiver()) as receiver:
        url = f"http://{HOST}:{receiver.port}/"
        with watching() as watch:
            async with owing.delivering(private=True):
                account = await owing.desk.open_account(pingbacks=(url,))
                (n,) = await owing.owe(account, url)
                callback, (attempt,) = await owing.tried(n)
                assert watch.connected == []
                assert callback.state is Delivery.OWED
                assert attempt.detail == "the host's address is not a public one, and the operator did not register it"
                await owing.desk.change(account, callback_hosts=(HOST,))
                await owing.pass_by(10_000, account)
                callback, _ = await owing.tried(n, 2)

        assert watch.connected == [("127.0.0.1", receiver.port)]
        assert callback.state is Delivery.DONE


async def test_a_redirect_to_another_place_is_not_followed(owing):
    async with receiving(Receiver()) as trap:
        away = [status(code, f"location: http://127.0.0.1:{trap.port}/") for code in (301, 302, 303, 307, 308)]
        async with receiving(Receiver(*away, OK)) as receiver:
            with watching() as watch:
                async with owing.delivering():
                    numbers = await owing.owe(await owing.account(), *(f"http://{HOST}:{receiver.port}/" for _ in away))
                    for n in numbers:
                        callback, _ = await owing.tried(n)
                        assert callback.state is Delivery.OWED
            assert set(watch.connected) == {("127.0.0.1", receiver.port)}
        assert trap.connections == 0


async def test_a_host_that_the_customer_registered_by_an_address_is_looked_up_until_it_is_struck_off(owing):
    async with receiving(Receiver(status(500), OK)) as receiver, owing.delivering():
        account = await owing.desk.open_account(pingbacks=(f"http://{HOST}/elsewhere",))
        (n,) = await owing.owe(account, f"http://{HOST}:{receiver.port}/")
        _, (first,) = await owing.tried(n)
        await owing.desk.change(account, pingbacks=())
        await owing.pass_by(60_000, account)
        _, (_, second) = await owing.tried(n, 2)

    # No receiver of a test has a public address.
    assert first.detail.startswith("the host's address is not a public one")
    assert second.detail == "the host is not registered for callbacks"
    assert owing.names.asked == [HOST]
    assert receiver.connections == 0


async def test_a_host_that_is_struck_off_the_list_is_called_no_more(owing):
    async with receiving(Receiver(status(500), OK)) as receiver, owing.delivering():
        account = await owing.account()
        (n,) = await owing.owe(account, f"http://{HOST}:{receiver.port}/")
        await owing.tried(n)
        await owing.desk.change(account, callback_hosts=())
        await owing.pass_by(60_000, account)
        _, (_, attempt) = await owing.tried(n, 2)

    assert attempt.detail == "the host is not registered for callbacks"
    assert receiver.connections == 1


async def test_no_account_may_call_what_another_registered(owing):
    async with receiving(Receiver()) as receiver, owing.delivering():
        await owing.account(HOST)
        (n,) = await owing.owe(await owing.account("elsewhere.test"), f"http://{HOST}:{receiver.port}/")
        await owing.tried(n)

    assert receiver.connections == 0


async def test_a_receivers_cookie_never_comes_back(owing):
    async with receiving(Receiver(status(200, "set-cookie: a=b; path=/"))) as receiver, owing.delivering():
        account = await owing.account()
        for _ in range(2):
            (n,) = await owing.owe(account, f"http://{HOST}:{receiver.port}/")
            await owing.tried(n)

    assert [("cookie" in post.headers) for post in receiver.posts] == [False, False]
