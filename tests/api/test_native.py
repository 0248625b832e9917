"""The native dialect over HTTP: tasks, batches, pages, money and problems."""

from __future__ import annotations

import json
import threading

import pytest

from answerdesk.model.task import LARGEST_ID
from answerdesk.wire.native import MOST_BATCH
from tests.api.streams import auth, call, create
from tests.serving import Serving, image_task

TASK = {"task": image_task()}
PROBLEM = "application/problem+json"


@pytest.fixture
def ask(server: Serving, customer):
    """Make a call as the customer."""

    def made(verb, path, body=None, **headers):
        return call(server, customer, verb, path, body, **headers)

    return made


class TestCreate:
    def test_a_task_is_created_open_and_located(self, server, person, ask) -> None:
        reply = ask("POST", "tasks", TASK)

        assert reply.status == 201
        assert reply.json == {"id": reply.json["id"], "status": "open"}
        assert reply.headers["location"] == f"/v1/tasks/{reply.json['id']}"
        assert reply.headers["content-type"] == "application/json; charset=utf-8"

    def test_a_create_may_wait_for_its_answer(self, server, person, ask) -> None:
        waiting = threading.Thread(target=lambda: person.answer(person.take(), "4821"))
        waiting.start()
        reply = ask("POST", "tasks", TASK, Prefer="wait=20")
        waiting.join()

        assert (reply.status, reply.json["status"], reply.json["answer"]) == (201, "ready", "4821")
        assert (reply.json["type"], reply.json["kind"], reply.json["cost"]) == ("ImageToTextTask", "text", "0.00100")
        assert reply.json["solveCount"] == 1
        assert reply.json["settledBy"] == "people"
        assert reply.json["created"] <= reply.json["ended"]

    def test_the_same_key_and_body_make_one_task_and_say_how_it_stands(self, person, ask) -> None:
        first = ask("POST", "tasks", TASK, Idempotency_Key="order-7")
        person.answer(person.take(), "4821")
        again = ask("POST", "tasks", TASK, Idempotency_Key="order-7")
        other = ask("POST", "tasks", {"task": image_task(numeric=1)}, Idempotency_Key="order-7")

        assert (again.json["id"], again.json["answer"]) == (first.json["id"], "4821")
        assert (first.headers.get("x-task-replayed"), again.headers["x-task-replayed"]) == (None, "1")
        assert (other.status, other.json["code"]) == (400, "ERROR_BAD_PARAMETERS")

    def test_a_published_test_key_is_answered_at_creation(self, ask) -> None:
        task = {
            "type": "RecaptchaV2TaskProxyless", "websiteURL": "https://example.org",
            "websiteKey": "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI",
        }  # fmt: skip
        alone = ask("POST", "tasks", {"task": task})
        batch = ask("POST", "tasks/batch", {"tasks": [{"task": task}]})

        assert (alone.status, alone.json["status"]) == (201, "ready")
        assert batch.json["outcomes"][0]["task"]["status"] == "ready"

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"", 400, "ERROR_BAD_PARAMETERS"),
            (b"{", 400, "ERROR_BAD_PARAMETERS"),
            (b"[]", 400, "ERROR_BAD_PARAMETERS"),
            (b"{}", 400, "ERROR_BAD_PARAMETERS"),
            (b'{"task":5}', 400, "ERROR_BAD_PARAMETERS"),
            (b'{"task":{}}', 400, "ERROR_TASK_NOT_SUPPORTED"),
            (b'{"task":{"type":"NoSuchTask"}}', 400, "ERROR_TASK_NOT_SUPPORTED"),
            (b'{"task":{"type":"ImageToTextTask"}}', 400, "ERROR_ZERO_CAPTCHA_FILESIZE"),
            (b"[" * 50_000, 400, "ERROR_BAD_PARAMETERS"),
            (b'{"task":{"type":"\xff"}}', 400, "ERROR_BAD_PARAMETERS"),
            (json.dumps({"task": image_task(b"x" * 200)}).encode(), 415, "ERROR_IMAGE_TYPE_NOT_SUPPORTED"),
            (json.dumps({"task": image_task(b"x" * 700_000)}).encode(), 413, "ERROR_TOO_BIG_CAPTCHA_FILESIZE"),
        ],
    )
    def test_what_cannot_be_a_task_is_a_problem(self, person, ask, body, status, code) -> None:
        reply = ask("POST", "tasks", body)

        assert (reply.status, reply.json["code"], reply.json["status"]) == (status, code, status)
        assert reply.headers["content-type"] == PROBLEM
        assert reply.json.keys() == {"type", "title", "status", "detail", "code"}
        assert ask("GET", "tasks").json["tasks"] == []

    def test_no_money_and_nobody_to_answer_are_their_own_statuses(self, server, customer, ask) -> None:
        nobody = ask("POST", "tasks", TASK)
        server.worker()
        poor = call(server, server.customer("0"), "POST", "tasks", TASK)

        assert (nobody.status, nobody.json["code"], nobody.headers["retry-after"]) == (
            503,
            "ERROR_NO_SLOT_AVAILABLE",
            "5",
        )
        assert (poor.status, poor.json["code"]) == (402, "ERROR_ZERO_BALANCE")

    @pytest.mark.parametrize("key", ["x" * 129, "schl\xfcssel"])
    def test_an_idempotency_key_that_cannot_be_kept_is_refused(self, person, ask, key) -> None:
        assert ask("POST", "tasks", TASK, Idempotency_Key=key).status == 400
        assert ask("POST", "tasks/batch", {"tasks": [TASK]}, Idempotency_Key=key).status == 400


class TestBatch:
    def test_each_task_is_taken_or_refused_by_itself(self, person, ask) -> None:
        tasks = [TASK, {"task": {"type": "NoSuchTask"}}, TASK, {"task": image_task(b"")}]
        reply = ask("POST", "tasks/batch", {"tasks": tasks})
        outcomes = reply.json["outcomes"]

        assert reply.status == 200
        assert [next(iter(outcome)) for outcome in outcomes] == ["task", "error", "task", "error"]
        assert [outcomes[index]["error"]["code"] for index in (1, 3)] == [
            "ERROR_TASK_NOT_SUPPORTED", "ERROR_ZERO_CAPTCHA_FILESIZE",
        ]  # fmt: skip
        listed = {task["id"] for task in ask("GET", "tasks").json["tasks"]}
        assert listed == {outcomes[index]["task"]["id"] for index in (0, 2)}

    def test_the_last_of_the_money_is_spent_and_not_more(self, server, person) -> None:
        thrifty = server.customer("0.0035")
        reply = call(server, thrifty, "POST", "tasks/batch", {"tasks": [TASK] * 6})
        codes = [outcome.get("error", {}).get("code") for outcome in reply.json["outcomes"]]

        assert sorted(map(str, codes)) == ["ERROR_ZERO_BALANCE"] * 3 + ["None"] * 3
        assert call(server, thrifty, "GET", "balance").json == {"balance": "0.00050", "held": "0.00300"}

    def test_the_same_key_and_body_make_the_same_tasks(self, person, ask) -> None:
        body = {"tasks": [TASK, {"task": {"type": "NoSuchTask"}}, TASK]}
        first, again = (ask("POST", "tasks/batch", body, Idempotency_Key="lot-1") for _ in range(2))
        other = ask("POST", "tasks/batch", {"tasks": [TASK]}, Idempotency_Key="lot-1")

        assert again.json == first.json
        assert other.json["outcomes"][0]["error"]["code"] == "ERROR_BAD_PARAMETERS"
        assert len(ask("GET", "tasks").json["tasks"]) == 2

    def test_a_thousand_at_once_are_a_thousand_tasks(self, server, person) -> None:
        rich = server.customer("10")
        ids = create(server, rich, MOST_BATCH)

        assert len(set(ids)) == MOST_BATCH
        assert server.books_are_right()

    @pytest.mark.parametrize("body", [{}, {"tasks": []}, {"tasks": [TASK] * (MOST_BATCH + 1)}, {"tasks": [{}]}, []])
    def test_a_batch_of_another_shape_is_refused_whole(self, person, ask, body) -> None:
        reply = ask("POST", "tasks/batch", body)

        assert (reply.status, reply.json["code"]) == (400, "ERROR_BAD_PARAMETERS")


class TestShow:
    def test_a_task_is_shown_open_then_ready(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        opened = ask("GET", f"tasks/{task}")
        person.answer(person.take(), "4821")
        shown = [ask("GET", f"tasks/{task}?wait=5") for _ in range(2)]

        assert opened.json == {"id": task, "status": "open"}
        assert shown[0].json["answer"] == "4821"
        assert shown[0].body == shown[1].body

    def test_a_task_nobody_can_solve_carries_the_problem(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        ask("DELETE", f"tasks/{task}")
        reply = ask("GET", f"tasks/{task}")

        assert (reply.status, reply.json["status"]) == (200, "failed")
        assert reply.json["error"]["code"] == "ERROR_CAPTCHA_UNSOLVABLE"

    def test_a_wait_ends_with_the_answer(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        lease = person.take()
        answering = threading.Timer(0.2, person.answer, (lease, "4821"))
        answering.start()
        reply = ask("GET", f"tasks/{task}?wait=30")
        answering.join()

        assert reply.json["answer"] == "4821"

    @pytest.mark.parametrize("wait", ["-1", "61", "x", "1.5", "", "1" * 5_000, "0" * 19 + "1" + "9" * 5_000])
    def test_a_wait_that_is_no_number_up_to_60_is_refused(self, server, customer, person, ask, wait) -> None:
        (task,) = create(server, customer)
        reply = ask("GET", f"tasks/{task}?wait={wait}")

        assert (reply.status, reply.json["detail"]) == (400, "wait must be a whole number 0..60")

    @pytest.mark.parametrize(
        "name", ["0", "-1", "x", "1e3", "%31", "9007199254740992", "0" * 19 + "1" + "9" * 5_000, "9" * 5_000, "\u0663"]
    )
    def test_what_names_no_task_is_as_an_unknown_one(self, server, customer, ask, name) -> None:
        name = name.encode().decode("latin-1") if name.isascii() else "%D9%A3"
        replies = [ask(verb, f"tasks/{given}").body for verb in ("GET", "DELETE") for given in (name, 2**53 - 1)]

        assert len(set(replies)) == 1
        assert json.loads(replies[0])["status"] == 404

    def test_polling_too_often_locks_the_account(self, strict) -> None:
        customer, _ = strict.customer(), strict.worker()
        (task,) = create(strict, customer)
        replies = [call(strict, customer, "GET", f"tasks/{task}") for _ in range(121)]

        assert {reply.status for reply in replies[:120]} == {200}
        assert (replies[120].status, replies[120].json["code"]) == (429, "ERROR_TOO_MUCH_REQUESTS")
        assert f"locked for {replies[120].headers['retry-after']} more seconds" in replies[120].json["detail"]


class TestCancelAndReport:
    def test_a_cancelled_task_gives_its_price_back_once(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        held = ask("GET", "balance").json
        done, again = (ask("DELETE", f"tasks/{task}") for _ in range(2))

        assert held == {"balance": "0.99900", "held": "0.00100"}
        assert (done.status, done.json["status"]) == (200, "failed")
        assert (again.status, again.json["code"]) == (409, "ERROR_BAD_PARAMETERS")
        assert ask("GET", "balance").json == {"balance": "1.00000", "held": "0.00000"}
        assert server.books_are_right()

    def test_a_task_its_client_cancels_says_so_natively_and_to_whoever_answers(
        self, server, customer, person, ask
    ) -> None:
        (task,) = create(server, customer)
        lease = person.take()

        done = ask("DELETE", f"tasks/{task}").json

        assert done["error"]["detail"] == "cancelled by the client"
        assert ask("GET", f"tasks/{task}").json == done
        assert customer.poll(task).json["errorDescription"] == "Workers could not solve the Captcha"
        assert person.answer(lease, "4821").json["why"] == "cancelled"

    def test_an_answered_task_is_not_cancelled(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        person.answer(person.take(), "4821")

        assert ask("DELETE", f"tasks/{task}").status == 409
        assert ask("GET", f"tasks/{task}").json["answer"] == "4821"

    def test_a_wrong_answer_is_refunded_once(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        person.answer(person.take(), "4821")
        replies = [ask("POST", f"tasks/{task}/report", {"correct": False, "reason": "a digit"}) for _ in range(2)]

        assert [(reply.status, reply.json["answer"]) for reply in replies] == [(200, "4821")] * 2
        moves = [line["move"] for line in ask("GET", "ledger").json["lines"]]
        assert moves.count("refund") == 1

    @pytest.mark.parametrize(
        "body", [b"", b"{}", {"correct": 1}, {"correct": True, "reason": "x" * 1_001}, {"wrong": 1}]
    )
    def test_a_report_of_another_shape_is_refused(self, server, customer, person, ask, body) -> None:
        (task,) = create(server, customer)
        reply = ask("POST", f"tasks/{task}/report", body)

        assert (reply.status, reply.json["code"]) == (400, "ERROR_BAD_PARAMETERS")

    def test_an_open_task_has_nothing_to_report(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        reply = ask("POST", f"tasks/{task}/report", {"correct": True})

        assert (reply.status, reply.json["detail"]) == (404, "task is not finished")


class TestPages:
    @pytest.mark.parametrize("limit", [1, 3, 7, 500])
    def test_pages_hold_every_task_once_newest_first(self, server, customer, person, ask, limit) -> None:
        made = create(server, customer, 7)
        seen, path = [], f"tasks?limit={limit}"
        while path:
            page = ask("GET", path).json
            seen += [task["id"] for task in page["tasks"]]
            path = page["next"] and f"tasks?limit={limit}&before={page['next']}"

        assert seen == made[::-1]

    def test_what_is_new_does_not_move_a_page(self, server, customer, person, ask) -> None:
        made = create(server, customer, 4)
        first = ask("GET", "tasks?limit=2").json
        create(server, customer, 2)
        second = ask("GET", f"tasks?limit=2&before={first['next']}").json

        assert [task["id"] for task in second["tasks"]] == made[1::-1]

    def test_a_page_before_a_task_that_never_was_is_refused_and_not_the_newest(self, server, customer, ask) -> None:
        server.worker()
        create(server, customer, 2)
        other = create(server, server.customer(), 1)[0]
        for unknown in (other, LARGEST_ID):
            reply = ask("GET", f"tasks?before={unknown}")

            assert (reply.status, reply.json["code"]) == (404, "ERROR_NO_SUCH_CAPCHA_ID")
            assert reply.json["detail"].startswith("before: no task of this account has this id")

    def test_an_account_without_tasks_has_an_empty_page_before_any(self, ask) -> None:
        assert ask("GET", "tasks?before=7").json == {"tasks": [], "next": None}

    def test_tasks_are_listed_by_state(self, server, customer, person, ask) -> None:
        first, second, third = create(server, customer, 3)
        person.answer(person.take(), "4821")
        ask("DELETE", f"tasks/{third}")
        by_state = {
            state: [task["id"] for task in ask("GET", f"tasks?status={state}").json["tasks"]]
            for state in ("ready", "open", "failed")
        }

        assert by_state == {"ready": [first], "open": [second], "failed": [third]}

    def test_the_ledger_is_paged_and_says_what_became_of_the_balance(self, server, customer, person, ask) -> None:
        (task,) = create(server, customer)
        person.answer(person.take(), "4821")
        newest = ask("GET", "ledger?limit=2").json
        oldest = ask("GET", f"ledger?before={newest['next']}").json
        lines = [(line["move"], line["balance"], line["task"]) for line in newest["lines"] + oldest["lines"]]

        assert [line for line in lines if line[0] != "pay"] == [
            ("charge", "0.00000", task), ("hold", "-0.00100", task), ("topup", "1.00000", None),
        ]  # fmt: skip
        assert oldest["next"] is None

    @pytest.mark.parametrize("path", [
        "tasks?limit=0", "tasks?limit=501", "tasks?limit=x", "tasks?limit=", "tasks?before=0", "tasks?before=x",
        "tasks?status=lost", "ledger?limit=-1", f"ledger?before={'9' * 30}", f"tasks?before={2**53}",
        f"tasks?limit={'0' * 19}1{'9' * 30}",
    ])  # fmt: skip
    def test_a_page_that_cannot_be_is_refused(self, ask, path) -> None:
        reply = ask("GET", path)

        assert (reply.status, reply.json["code"]) == (400, "ERROR_BAD_PARAMETERS")


class TestTransport:
    @pytest.mark.parametrize(
        ("verb", "path", "allowed"),
        [
            ("PUT", "tasks", "POST, GET"), ("PATCH", "tasks/5", "GET, DELETE"), ("POST", "events", "GET"),
            ("GET", "tasks/batch", "POST"), ("DELETE", "balance", "GET"), ("POST", "openapi.json", "GET"),
            ("GET", "tasks/5/report", "POST"), ("HEAD", "tasks", "POST, GET"),
        ],
    )  # fmt: skip
    def test_another_verb_is_405_and_says_which_are_served(self, ask, verb, path, allowed) -> None:
        reply = ask(verb, path)

        assert (reply.status, reply.headers["allow"]) == (405, allowed)
        assert reply.headers["content-type"] == PROBLEM
        assert verb == "HEAD" or reply.json["code"] == "ERROR_NO_SUCH_METHOD"

    @pytest.mark.parametrize("path", ["", "nothing", "tasks/5/6", "tasks/5/report/x", "tasks/5/batch", "events/1"])
    def test_an_address_that_is_not_served_is_404_and_says_which_are(self, ask, path) -> None:
        reply = ask("GET", path)

        assert (reply.status, reply.json["code"]) == (404, "ERROR_NO_SUCH_METHOD")
        assert "POST /v1/tasks/batch" in reply.json["detail"]

    def test_a_slash_at_the_end_changes_nothing(self, server, customer, person, ask) -> None:
        assert ask("POST", "tasks/", TASK).status == 201
        assert ask("GET", "balance/").status == 200

    def test_a_body_over_eight_mebibytes_is_a_problem(self, ask) -> None:
        reply = ask("POST", "tasks", b" " * (8 * 2**20 + 1))

        assert (reply.status, reply.headers["content-type"]) == (413, PROBLEM)
        assert reply.json["code"] == "ERROR_TOO_BIG_CAPTCHA_FILESIZE"

    def test_a_missing_key_is_asked_for(self, server) -> None:
        reply = call(server, None, "GET", "balance")

        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
        assert (reply.headers["content-type"], reply.json["code"]) == (PROBLEM, "ERROR_KEY_DOES_NOT_EXIST")
        assert reply.json["detail"] == "the bearer key is missing, unknown or revoked; send a key of this desk"

    def test_other_origins_are_let_in_by_setting_alone(self, server, strict) -> None:
        names = ("access-control-allow-origin", "access-control-allow-headers", "access-control-allow-methods")
        shut, opened = (
            where.http.request("OPTIONS", "/v1/tasks", None, {"Origin": "http://a"}) for where in (server, strict)
        )
        customer = strict.customer()

        assert not any(name in shut.headers for name in names)
        assert (opened.status, opened.headers[names[0]]) == (200, "*")
        assert {"authorization", "last-event-id"} <= set(opened.headers[names[1]].split(", "))
        assert "DELETE" in opened.headers[names[2]]
        assert strict.http.get("/v1/balance", auth(customer)).headers[names[0]] == "*"
        assert "location" in strict.http.get("/v1/balance", auth(customer)).headers["access-control-expose-headers"]

    def test_the_description_is_public_and_names_every_route(self, server) -> None:
        document = server.http.get("/v1/openapi.json").json
        described = {
            (verb.upper(), path.replace("{id}", "*")) for path, verbs in document["paths"].items() for verb in verbs
        }

        assert ("POST", "/v1/tasks/*/report") in described
        assert document["openapi"] == "3.1.0"
