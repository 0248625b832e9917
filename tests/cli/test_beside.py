"""Verbs beside a running server: what they change counts for it at once, and what they show is what it did."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from answerdesk.cli.home import Home
from answerdesk.cli.opened import with_desk
from answerdesk.desk.books import AddKey
from answerdesk.model.account import Account, AccountId, digest
from answerdesk.model.solver import Solver, SolverId
from tests.serving import Customer, Worker, image_task, picture, wait_until

HEX_32 = re.compile(r"[0-9a-f]{32}")
#: Seconds in which a running server takes in what a verb wrote.
AT_ONCE = 5.0


class Caller:
    """Whoever has a key or token that the command line gave."""

    def __init__(self, server, secret) -> None:
        self.customer = Customer(server, Account(id=AccountId(0), name=""), secret)
        self.worker = Worker(server, Solver(id=SolverId(0), name="", machine=False), secret)

    def error(self) -> str | None:
        """The code a call is refused with."""
        return self.customer.call("getBalance").json.get("errorCode")

    def becomes(self, error: str | None) -> bool:
        return bool(wait_until(lambda: self.error() == error, f"{error} is what calls get", AT_ONCE))


@pytest.fixture
def account(beside, server):
    made = beside("accounts", "add", f"acme-{time.monotonic_ns()}", "--balance", "100", "--json").json
    return made, Caller(server, made["key"])


class TestAccounts:
    def test_a_script_opens_an_account_and_calls_with_its_key(self, program, server) -> None:
        made = program(
            "accounts", "add", "scripted", "--balance", "100", "--dialect", "2captcha", "--data", server.data, "--json"
        ).json
        caller = Caller(server, made["key"])

        assert HEX_32.fullmatch(made["key"])
        assert (made["name"], made["balance"], made["dialect"]) == ("scripted", 100, "2captcha")
        assert caller.customer.call("getBalance").json["balance"] == 100

    def test_a_name_is_given_once(self, beside, account) -> None:
        done = beside("accounts", "add", account[0]["name"])

        assert (done.code, done.out) == (1, "")
        assert "there is an account" in done.err

    def test_accounts_are_listed_and_shown_by_name_and_id(self, beside, account) -> None:
        made, _ = account
        by_name = beside("accounts", "show", made["name"], "--json").json

        assert made["id"] in [each["id"] for each in beside("accounts", "list", "--json").json]
        assert made["name"] in beside("accounts", "list").out
        assert by_name == beside("accounts", "show", made["id"], "--json").json
        assert [(line["move"], line["amount"], line["note"]) for line in by_name["ledger"]] == [
            ("topup", 100, "first credit")
        ]
        assert "key" not in by_name

    def test_an_unknown_account_is_told_with_those_there_are(self, beside) -> None:
        done = beside("accounts", "show", "nobody")

        assert (done.code, done.out) == (1, "")
        assert "there is no account 'nobody'; accounts are first" in done.err

    def test_a_credit_and_a_debit_are_booked(self, beside, account) -> None:
        made, caller = account
        beside("accounts", "topup", made["name"], "1.5", "--note", "invoice 7")

        assert beside("accounts", "topup", made["name"], "-0.25", "--json").json["balance"] == 101.25
        assert caller.customer.balance() == 101.25
        assert "invoice 7" in beside("accounts", "show", made["name"]).out

    def test_a_debit_of_more_than_there_is_is_refused(self, beside, account) -> None:
        done = beside("accounts", "topup", account[0]["name"], "-101")

        assert (done.code, done.out) == (1, "")
        assert "the balance is 100" in done.err

    def test_a_locked_account_is_refused_until_it_is_unlocked(self, beside, account) -> None:
        made, caller = account
        assert caller.error() is None

        assert beside("accounts", "lock", made["name"], "--json").json["standing"] == "suspended"
        assert caller.becomes("ERROR_ACCOUNT_SUSPENDED")
        assert beside("accounts", "unlock", made["name"], "--json").json["standing"] == "active"
        assert caller.becomes(None)

    def test_settings_change_and_the_others_stay(self, beside, account) -> None:
        made, caller = account
        changed = beside(
            "accounts", "set", made["id"], "--allow-ip", "192.0.2.0/24", "--allow-ip", "198.51.100.7",
            "--max-open", "3", "--requests-per-second", "9", "--spend-per-day", "2.5",
            "--dialect", "capmonster", "--no-match", "words", "--json",
        ).json  # fmt: skip

        assert changed["allow_ips"] == ["192.0.2.0/24", "198.51.100.7/32"]
        assert (changed["max_open"], changed["requests_per_second"], changed["spend_per_day"]) == (3, 9, 2.5)
        assert (changed["name"], changed["dialect"], changed["no_match"]) == (made["name"], "capmonster", "words")
        assert caller.becomes("ERROR_IP_NOT_ALLOWED")
        freed = beside(
            "accounts", "set", made["id"], "--any-ip", "--any-dialect", "--name", f"{made['name']}2", "--json"
        )
        assert (freed.json["allow_ips"], freed.json["dialect"], freed.json["max_open"]) == ([], None, 3)
        assert freed.json["name"] == f"{made['name']}2"
        assert caller.becomes(None)


class TestKeys:
    def test_a_key_is_added_listed_by_its_end_and_revoked(self, beside, server, account) -> None:
        made, first = account
        fresh = beside("keys", "add", made["name"], "--json").json
        second = Caller(server, fresh["key"])
        assert second.becomes(None)

        beside("keys", "revoke", fresh["key"])

        assert second.becomes("ERROR_KEY_DOES_NOT_EXIST")
        assert first.error() is None
        listed = beside("keys", "list", made["name"], "--json").json
        assert [(each["ends_in"], bool(each["revoked"])) for each in listed] == [
            (made["key"][-4:], False),
            (fresh["key"][-4:], True),
        ]
        assert not HEX_32.search(beside("keys", "list").out)

    def test_a_key_is_revoked_by_its_last_four_characters(self, beside, account) -> None:
        made, caller = account

        done = beside("keys", "revoke", made["key"][-4:], "--account", made["name"], "--json")

        assert done.json["ends_in"] == made["key"][-4:]
        assert caller.becomes("ERROR_KEY_DOES_NOT_EXIST")
        assert beside("keys", "revoke", made["key"], "--json").json["revoked"] == done.json["revoked"]

    def test_an_end_that_several_keys_have_is_not_enough(self, desk, tmp_path) -> None:
        made = [desk("accounts", "add", name, "--json").json for name in ("acme", "bolt")]
        given = [f"{number:028x}abcd" for number in range(2)]

        async def add(store):
            for account, key in zip(made, given, strict=True):
                await store.run(AddKey(account=account["id"], digest=digest(key), tail=key[-4:]))

        with_desk(Home(tmp_path / "data"), add)

        unclear = desk("keys", "revoke", "abcd")

        assert (unclear.code, unclear.out) == (1, "")
        assert "2 keys end in 'abcd', of acme, bolt" in unclear.err
        assert desk("keys", "revoke", "abcd", "--account", "acme", "--json").json["account"] == "acme"
        assert desk("keys", "revoke", given[1], "--json").json["account"] == "bolt"
        assert "no key is or ends in '9999'" in desk("keys", "revoke", "9999").err


class TestWorkers:
    def test_a_script_enrols_a_worker_who_claims_with_the_token(self, program, server, account) -> None:
        made = program("workers", "add", "ann", "--kinds", "text,grid", "--data", server.data, "--json").json
        caller, worker = account[1], Caller(server, made["token"]).worker

        assert HEX_32.fullmatch(made["token"])
        assert (made["kinds"], made["machine"], made["enabled"]) == (["grid", "text"], False, True)
        task = caller.customer.ask()
        assert worker.take()["task"] == task
        assert program("workers", "revoke", "ann", "--data", server.data, "--json").json["freed"] == 1
        assert wait_until(lambda: worker.call("claim", kinds=["text"], max=1).status == 401, "it is refused", AT_ONCE)

    def test_every_kind_is_granted_by_all(self, beside) -> None:
        kinds = beside("workers", "add", "any", "--kinds", "all", "--machine", "--lang", "en,rn", "--json").json

        assert len(kinds["kinds"]) == 9
        assert (kinds["machine"], kinds["languages"]) == (True, ["en", "ru"])
        assert beside("workers", "revoke", "any", "--json").json["enabled"] is False

    def test_a_name_is_enrolled_once_and_again_when_it_was_revoked(self, beside) -> None:
        first = beside("workers", "add", "bea", "--json").json
        again = beside("workers", "add", "bea")
        assert (again.code, again.out) == (1, "")
        assert "revoke it first" in again.err

        beside("workers", "revoke", "bea")
        second = beside("workers", "add", "bea", "--kinds", "text", "--json").json

        assert second["id"] == first["id"]
        assert second["token"] != first["token"]
        assert "bea" in beside("workers", "list").out
        assert beside("workers", "revoke", "nobody").code == 1


class TestTerms:
    def test_an_accounts_price_comes_before_the_desks(self, beside, account) -> None:
        made, _ = account
        assert price(beside("prices", "--json").json)["from"] == "catalogue"

        beside("prices", "set", "ImageToTextTask", "--price", "0.002", "--pay", "0.001")
        beside("prices", "set", "ImageToTextTask", "--price", "0.003", "--account", made["name"])

        assert price(beside("prices", "--json").json) == {
            "type": "ImageToTextTask", "price": 0.002, "pay": 0.001, "from": "desk",
        }  # fmt: skip
        own = beside("prices", "list", "--account", made["name"], "--json").json
        assert price(own) == {"type": "ImageToTextTask", "price": 0.003, "pay": 0.001, "from": "account"}
        assert "ImageToTextTask" in beside("prices").out

    def test_rules_change_one_by_one(self, beside) -> None:
        beside("rules", "set", "ImageToTextTask", "--threshold", "0.9", "--machines-first", "2.5")
        changed = beside("rules", "set", "ImageToTextTask", "--unattended", "wait", "--declines", "3", "--json").json

        assert changed == {
            "type": "ImageToTextTask", "threshold": 0.9, "profiles": [], "target": 0.97, "watched": 0.03, "agree": 1,
            "most_answers": 0, "declines": 3, "unattended": "wait", "machines_first": 2.5, "from": "desk",
        }  # fmt: skip
        assert changed in beside("rules", "list", "--json").json
        assert "wait" in beside("rules").out

    def test_a_profile_is_put_in_shadow_switched_off_or_given_a_threshold(self, beside) -> None:
        told = [
            beside("rules", "set", "ImageToTextTask", "--profile", said, "--json").json["profiles"]
            for said in ("seals", "meter=0.9", "seals=off", "meter=shadow")
        ]
        listed = beside("rules", "compared", "--json").json

        assert told == [["seals=shadow"], ["meter=0.9", "seals=shadow"], ["meter=0.9", "seals=off"],
                        ["seals=off", "meter=shadow"]]  # fmt: skip
        assert [(row["profile"], row["threshold"], row["state"]) for row in listed] == [
            ("meter", "shadow", "shadow: 0 of 200 comparisons"), ("seals", "off", "off"),
        ]  # fmt: skip
        assert "shadow: 0 of 200 comparisons" in beside("rules", "compared").out

    @pytest.mark.parametrize("said", ["=0.9", "seals=", "seals=2.5", "seals=nan", "seals=on"])
    def test_what_is_no_threshold_is_refused_with_what_is(self, beside, said) -> None:
        refused = beside("rules", "set", "ImageToTextTask", "--profile", said)

        assert refused.code == 2
        assert "meter=0.9, meter=off or meter=shadow" in " ".join(refused.err.split())

    def test_a_type_may_want_more_than_one_person(self, beside) -> None:
        changed = beside("rules", "set", "GridTask", "--agree", "2", "--most-answers", "4", "--json").json

        assert (changed["agree"], changed["most_answers"]) == (2, 4)


def price(listed):
    return next(each for each in listed if each["type"] == "ImageToTextTask")


class TestTasks:
    @pytest.fixture
    def worker(self, server):
        enrolled = server.worker()
        yield enrolled
        server.tidy()

    def test_a_tasks_story_is_shown_without_its_media(self, beside, account, worker) -> None:
        made, caller = account
        body = image_task(comment="the red\x1b[31m letters")
        task = caller.customer.create(body).json["taskId"]
        lease = next(lease for lease in worker.claim(most=16) if lease["task"] == task)
        worker.answer(lease, "swordfish\x07")

        shown = beside("tasks", "show", task, "--json")
        story = shown.json

        assert (story["id"], story["account"], story["state"], story["money"]) == (
            task,
            made["name"],
            "ready",
            "charged",
        )
        assert story["answer"] == "swordfish\x07"
        assert story["question"]["text"] == "the red\x1b[31m letters"
        assert [(said["outcome"], said["value"], said["accepted"]) for said in story["said"]] == [
            ("answered", "swordfish\x07", True)
        ]
        assert body["body"] not in shown.out
        plain = beside("tasks", "show", task).out
        assert "swordfish" in plain
        assert not {"\x07", "\x1b"} & set(plain)

    def test_tasks_are_listed_newest_first_by_account_state_and_place(self, beside, account, worker) -> None:
        made, caller = account
        first, second, third = (caller.customer.ask() for _ in range(3))

        listed = beside("tasks", "list", "--account", made["name"], "--json").json
        on = beside("tasks", "list", "--account", made["id"], "--before", third, "--most", "1", "--json").json

        assert [each["id"] for each in listed] == [third, second, first]
        assert [each["id"] for each in on] == [second]
        assert beside("tasks", "list", "--account", made["name"], "--state", "ready", "--json").json == []
        assert beside("tasks", "list", "--account", made["name"], "--state", "failed").out.startswith(
            "There are no such"
        )

    def test_an_open_task_is_cancelled_and_its_price_given_back(self, beside, account, worker) -> None:
        _, caller = account
        task = caller.customer.ask()
        held = caller.customer.balance()

        done = beside("tasks", "cancel", task, "--json")
        again = beside("tasks", "cancel", task, 7)

        assert done.json == [{"id": task, "cancelled": True, "why": None}]
        assert caller.customer.balance() > held
        assert again.code == 1
        assert "settled already" in again.out
        assert "unknown" in again.out
        reply = caller.customer.poll(task).json
        assert reply["errorCode"] == "ERROR_CAPTCHA_UNSOLVABLE"

    def test_an_unknown_task_is_told(self, beside) -> None:
        done = beside("tasks", "show", 12345)

        assert (done.code, done.out) == (1, "")
        assert "there is no task 12345" in done.err


class TestAsk:
    @pytest.fixture
    def reader(self, server):
        """Somebody who reads whatever comes."""
        worker, stop = server.worker(), threading.Event()

        def read() -> None:
            while not stop.is_set():
                for lease in worker.claim(wait=0.2):
                    worker.answer(lease, "two\twords\x1b[1m")

        thread = threading.Thread(target=read)
        thread.start()
        yield worker
        stop.set()
        thread.join()
        server.tidy()

    def test_files_folders_and_standard_input_are_read_in_order(self, program, server, reader, tmp_path) -> None:
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / "b.PNG").write_bytes(picture(2))
        (tmp_path / "more" / "notes.txt").write_text("no picture")
        (tmp_path / "a.png").write_bytes(picture(1))

        done = program(
            "ask", "-", tmp_path / "more", tmp_path / "a.png", "--numeric", "0", "--comment", "read", "--timeout", "30",
            "--data", server.data, stdin=picture(3),
        )  # fmt: skip

        assert done.code == 0, done.err
        lines = [re.split(r" {2,}", line) for line in done.out.splitlines()]
        assert [line[0] for line in lines] == ["-", str(tmp_path / "more" / "b.PNG"), str(tmp_path / "a.png")]
        assert {line[1] for line in lines} == {"two words[1m"}
        assert all(re.fullmatch(r"\$0\.\d{6}", line[2]) and re.fullmatch(r"\d+\.\d\d s", line[3]) for line in lines)

    def test_what_could_not_be_read_is_told_and_is_the_exit_code(self, program, server, reader, tmp_path) -> None:
        (tmp_path / "a.png").write_bytes(picture(1))
        (tmp_path / "small.png").write_bytes(b"x")
        files = (tmp_path / "small.png", tmp_path / "none.png", tmp_path / "a.png")

        done = program("ask", *files, "--json", "--data", server.data)

        small, none, good = json.loads(done.out)
        assert done.code == 1
        assert small["error"]["code"] == "ERROR_ZERO_CAPTCHA_FILESIZE"
        assert none["error"] == {"code": None, "text": "No such file or directory"}
        assert good["text"] == "two\twords\x1b[1m"
        assert good["seconds"] > 0

    def test_an_account_and_a_server_may_be_named(self, program, server, account, reader, tmp_path) -> None:
        (tmp_path / "a.png").write_bytes(picture(1))
        words = ("ask", tmp_path / "a.png", "--url", server.url, "--data", tmp_path / "elsewhere")

        keyed = program(*words, ANSWERDESK_KEY=account[0]["key"])
        keyless = program(*words)

        assert keyed.code == 0, keyed.err
        assert (keyless.code, keyless.out) == (1, "")
        assert "give an account's key with --key or ANSWERDESK_KEY" in keyless.err

    def test_a_folder_without_pictures_is_told(self, beside, tmp_path) -> None:
        (tmp_path / "scan.tiff").write_bytes(b"II*")  # a sort that is not served
        done = beside("ask", tmp_path)

        assert (done.code, done.out) == (1, "")
        assert "holds no pictures; looked for .bmp, .gif, .jpeg, .jpg, .png, .webp" in done.err


def test_a_well_desk_is_found_well(beside, server) -> None:
    found = {each["check"]: each for each in beside("doctor", "--json").json}

    assert [name for name, each in found.items() if not each["ok"] and name != "solver"] == []
    assert found["server"]["found"] == f"ready at {server.url}"


def test_nothing_secret_was_logged(server, account) -> None:
    assert not re.search(r"\b[0-9a-f]{32}\b", re.sub(r"(?m)^Key .*$", "", server.logged()))
