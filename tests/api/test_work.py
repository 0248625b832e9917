"""The work API over HTTP: claiming, answering, declining and media, by people and machines with the same calls."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from answerdesk.desk.books import SaveSolver
from answerdesk.desk.orders import End
from answerdesk.desk.work import Free
from answerdesk.model.account import digest
from answerdesk.model.money import parse
from answerdesk.model.question import Kind
from answerdesk.model.task import Cause, Permutation
from tests.serving import Serving, wait_until


@pytest.fixture
def machine(server: Serving):
    return server.worker(machine=True)


@pytest.mark.parametrize("is_machine", [True, False])
def test_a_lease_shows_the_question_and_not_the_customer(server, customer, is_machine):
    worker = server.worker(machine=is_machine)
    task = customer.ask(comment="the red letters", numeric=1, minLength=4, maxLength=6, recognizingThreshold=70)

    reply = worker.call("claim", kinds=["text"], max=1, wait=0)
    lease = reply.json["leases"][0]

    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert lease.keys() == {"lease", "task", "kind", "until", "reserved", "question"}
    assert (lease["task"], lease["kind"]) == (task, "text")
    assert lease["question"] == {
        "kind": "text",
        "instruction": {"text": "the red letters", "image": None},
        "constraints": {"numeric": 1, "minLength": 4, "maxLength": 6},
        "options": {"module": "universal", "threshold": 70},
        "lang": None,
        "media": [{"url": f"/api/work/media/{lease['lease']}/0", "type": "image/png", "width": 60, "height": 20}],
    }
    assert customer.key.encode() not in reply.body
    assert len(lease["lease"]) >= 32


def test_an_answer_is_accepted_paid_and_given_to_the_customer(server, customer, person):
    task = customer.ask()

    reply = person.answer(person.take(), "  SN-4827  ")

    assert reply.body == b'{"accepted":true,"paid":"0.000600","leases":[]}'
    assert customer.poll(task).json["solution"] == {"text": "SN-4827"}
    assert server.books_are_right()


def test_the_same_answer_again_gets_the_same_reply_and_no_second_pay(server, customer, person):
    customer.ask()
    lease = person.take()
    replies = {person.answer(lease, spelled).body for spelled in ("abc", "abc", " abc ")}
    other = person.answer(lease, "something else").json
    declined = person.decline(lease).json

    assert replies == {b'{"accepted":true,"paid":"0.000600","leases":[]}'}
    assert (other["accepted"], other["why"], other["paid"]) == (False, "settled", "0")
    assert (declined["accepted"], declined["why"]) == (False, "settled")


@pytest.mark.parametrize("value", ["", "  ", None, 5, ["a"], {"text": "a"}, "x" * 4_001])
def test_a_value_that_does_not_fit_the_question_is_a_sentence_and_leaves_the_lease(customer, person, value):
    customer.ask()
    lease = person.take()

    reply = person.answer(lease, value)

    assert reply.status == 400
    assert reply.json.keys() == {"error"}
    assert person.answer(lease, "abc").json["accepted"]


def test_a_refused_answer_takes_no_further_task_with_it(server, customer, person):
    """Its claim's leases could never be told: the reply is a refusal."""
    customer.ask()
    lease = person.take()
    customer.ask()
    next_claim = {"kinds": ["text"], "max": 1, "wait": 0}
    refused = [person.answer(lease, "", claim=next_claim), person.answer({"lease": "f" * 32}, "abc", claim=next_claim)]

    assert [reply.status for reply in refused] == [400, 404]
    assert len(person.claim()) == 1


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("claim", b"{"),
        ("claim", b"[]"),
        ("claim", b'{"kinds":["nonsense"]}'),
        ("claim", b'{"max":0}'),
        ("claim", b'{"max":17}'),
        ("claim", b'{"wait":31}'),
        ("claim", b'{"wait":-1}'),
        ("claim", b'{"wait":1e999}'),
        ("answer", b"{}"),
        ("answer", b'{"lease":5,"value":"a"}'),
        ("answer", b'{"lease":"x y","value":"a"}'),
        ("answer", b'{"lease":"x","value":"a","confidence":1.5}'),
        ("answer", b'{"lease":"x","value":"a","claim":[]}'),
        ("answer", b'{"lease":"x","value":"\\ud800"}'),
        ("decline", b'{"lease":"x"}'),
        ("decline", b'{"lease":"x","reason":"tired"}'),
        ("answer", b"\xff\xfe"),
        ("answer", b"[" * 50_000),
    ],
)
def test_a_malformed_body_is_400_and_a_sentence(server, person, verb, body):
    reply = server.http.post(f"/api/work/{verb}", body, person.headers)

    assert reply.status == 400
    assert reply.json.keys() == {"error"}
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ["claim", "answer", "decline", "media/x/0", "nothing"])
@pytest.mark.parametrize(
    "sent", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic eDp5"}], ids=["none", "unknown", "basic"]
)
def test_without_a_good_token_nothing_is_told(server, path, sent):
    verb = "GET" if path.startswith("media") else "POST"
    reply = server.http.request(verb, f"/api/work/{path}", b"{}", sent)

    assert reply.status == 401
    assert reply.json.keys() == {"error"}


def test_a_body_over_the_cap_is_413(server, person):
    assert server.http.post("/api/work/answer", bytes(2**23 + 1), person.headers).status == 413


def test_an_unknown_call_of_the_work_api_is_404_and_its_description_is_free(server, person):
    described = server.http.get("/api/work/openapi.json")

    assert server.http.post("/api/work/dance", b"{}", person.headers).status == 404
    assert server.http.get("/api/work/claim", person.headers).status == 404
    assert described.status == 200
    assert described.json["openapi"].startswith("3.")


def test_another_workers_lease_is_as_unknown_as_none(server, customer, person):
    customer.ask()
    lease, stranger = person.take(), server.worker()
    nothing = {"lease": "0" * 32}

    assert stranger.answer(lease, "abc").body == stranger.answer(nothing, "abc").body
    assert stranger.answer(lease, "abc").status == stranger.decline(lease).status == 404
    assert stranger.media(lease["question"]["media"][0]["url"]).status == 404
    assert stranger.media(f"/api/work/media/{'0' * 32}/0").status == 404
    assert person.answer(lease, "abc").json["accepted"]


def test_two_who_claim_at_once_never_get_the_same_task(server, customer):
    workers = [server.worker() for _ in range(6)]
    tasks = {customer.ask() for _ in range(30)}

    with ThreadPoolExecutor(6) as pool:
        given = list(pool.map(lambda n: workers[n % 6].claim(most=2), range(30)))
    claimed = [lease["task"] for leases in given for lease in leases]

    assert sorted(claimed) == sorted(tasks)


def test_a_worker_never_sees_a_task_twice(server, customer):
    person, other = server.worker(), server.worker()
    other.claim()
    task = customer.ask()
    assert person.decline(person.take()).json["accepted"]

    assert person.claim() == []
    assert [lease["task"] for lease in other.claim()] == [task]


def test_a_claim_may_name_kinds_and_is_held_to_its_grants(server, customer):
    granted = server.worker(kinds=frozenset({Kind.TEXT, Kind.AUDIO}))
    other = server.worker(kinds=frozenset({Kind.AUDIO}))
    customer.ask()

    assert granted.claim(kinds=("audio",)) == []
    assert other.claim(kinds=("text",)) == []
    assert other.claim(kinds=()) == []
    assert len(granted.claim(kinds=())) == 1


def test_languages_are_held_to_the_grants(server, customer):
    german, any_language = server.worker(languages=frozenset({"de"})), server.worker()
    french = customer.ask(languagePool="fr")
    plain = customer.ask()

    assert [lease["task"] for lease in german.claim(most=5)] == [plain]
    assert [lease["task"] for lease in any_language.claim(most=5)] == [french]


def test_a_waiting_claim_is_woken_by_a_new_task(server, customer, person):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(person.claim, 1, 25)
        wait_until(lambda: on_shift(server, person), "the claim waits")
        task = customer.ask()
        leases = waiting.result()

    assert [lease["task"] for lease in leases] == [task]


def on_shift(server, worker) -> bool:
    with server.store() as store:
        return any(solver.id == worker.solver.id and solver.seen for solver in store.house().solvers)


def test_a_claim_that_finds_nothing_is_an_empty_list(person):
    assert person.call("claim", kinds=["text"], max=1, wait=0.2).body == b'{"leases":[]}'


def test_who_leaves_while_waiting_takes_nothing_with_him(server, customer, person):
    body = b'{"kinds":["text"],"wait":30}'
    head = f"POST /api/work/claim HTTP/1.1\r\nHost: x\r\nAuthorization: {person.headers['Authorization']}\r\n"
    for _ in range(5):
        with server.http.raw() as line:
            line.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            wait_until(lambda: on_shift(server, person), "the claim waits")
    server.http.get("/ping")
    task = customer.ask()

    assert [lease["task"] for lease in person.claim(wait=5)] == [task]


def test_an_answer_may_bring_the_next_claim(server, customer, person):
    tasks = [customer.ask() for _ in range(3)]
    lease, seen = person.take(), []
    claim = {"kinds": ["text"], "max": 1, "wait": 0}
    for verb in (person.answer, person.decline):
        reply = verb(lease, "refused" if verb == person.decline else "abc", claim=claim).json
        seen.append(lease["task"])
        lease = reply["leases"][0]
        assert reply["accepted"]
    last = person.answer(lease, "abc", claim=claim).json

    assert [*seen, lease["task"]] == tasks
    assert last["leases"] == []


def test_a_revoked_token_is_unknown_at_once_and_its_lease_is_free(server, customer):
    person, other = server.worker(), server.worker()
    task = customer.ask()
    lease = person.take()
    server.do(SaveSolver(solver=person.solver, token=digest("another token")), Free(solvers=(person.solver.id,)))
    server.notice()

    assert person.answer(lease, "abc").status == 401
    assert [lease["task"] for lease in other.claim()] == [task]


def test_a_worker_switched_off_may_do_nothing(server, customer, person):
    customer.ask()
    lease = person.take()
    server.retire(person)

    assert [person.call("claim").status, person.answer(lease, "abc").status] == [401, 401]


def test_an_answer_under_a_revoked_lease_is_refused(server, customer, person):
    customer.ask()
    lease = person.take()
    server.do(Free(solvers=(person.solver.id,)))

    assert person.answer(lease, "abc").body == b'{"accepted":false,"paid":"0","leases":[],"why":"revoked"}'


def test_an_answer_to_a_cancelled_task_says_so(server, customer, person):
    task = customer.ask()
    lease = person.take()
    with server.store() as store:
        n = Permutation(store.permutation_key).find(task)
    server.do(End(n=n, cause=Cause.CANCELLED))
    reply = person.answer(lease, "abc").json
    polled = customer.poll(task).json

    assert (reply["accepted"], reply["why"]) == (False, "cancelled")
    assert polled["errorDescription"] == "cancelled by operator"
    assert server.balance_of(customer.account.id)[1] == 0
    assert server.books_are_right()


def test_the_ledger_pays_people_and_sums_to_zero(server, customer, person):
    for _ in range(5):
        customer.ask()
        person.answer(person.take(), "abc")
    customer.ask()
    person.decline(person.take())

    assert server.balance_of(customer.account.id) == (parse("0.995"), 0)
    assert server.earned(person.solver.id) == parse("0.003")
    assert server.books_are_right()


def test_an_empty_claim_takes_every_default(server, customer, person):
    customer.ask()

    assert len(server.http.post("/api/work/claim", b"", person.headers).json["leases"]) == 1


def test_replies_of_the_work_api_are_valid_by_its_own_description(server, customer, person):
    schemas = server.http.get("/api/work/openapi.json").json["components"]["schemas"]
    customer.ask()
    leases = json.loads(person.call("claim", kinds=["text"]).body)
    lease = schemas["LeaseJson"]

    assert leases.keys() == schemas["LeasesJson"]["properties"].keys()
    # What only a traced server tells of.
    told = lease["properties"].keys() - {"trace"}
    assert leases["leases"][0].keys() == told == set(lease["required"])
