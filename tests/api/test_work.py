"""The work API over HTTP: claiming, answering, declining and media, by people and machines with the same calls."""

from __future__ import annotations

import io
import json
import struct
import zlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

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


def oriented_jpeg() -> bytes:
    """A red bar on its side, with a camera's name and the note that it must be turned."""
    image = Image.new("RGB", (80, 40), "white")
    image.paste((255, 0, 0), (0, 0, 80, 10))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SECRET CAMERA"
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, comment=b"SECRET COMMENT")
    return file.getvalue()


def broken_png() -> bytes:
    """A header that promises a picture, and no picture after it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60, 20, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x10\x00IDAT" + b"nothing of the sort " * 10


@pytest.mark.parametrize("is_machine", [True, False])
def test_a_lease_shows_the_question_and_not_the_customer(server, customer, is_machine):
    worker = server.worker(machine=is_machine)
    task = customer.ask(comment="the red letters", numeric=1, minLength=4, maxLength=6, recognizingThreshold=70)

    reply = worker.call("claim", kinds=["text"], max=1, wait=0)
    lease = reply.json["leases"][0]

    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert lease.keys() == {"lease", "task", "kind", "until", "question"}
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


def test_machines_get_the_original_bytes_and_people_a_clean_upright_copy(server, customer):
    machine, original = server.worker(machine=True), oriented_jpeg()
    customer.create({"type": "ImageToTextTask", "body": b64encode(original).decode()})
    lease = machine.take()
    to_machine = machine.media(lease["question"]["media"][0]["url"])
    person = server.worker()
    person.claim()
    machine.decline(lease)
    to_person = person.media(person.take()["question"]["media"][0]["url"])
    copy = Image.open(io.BytesIO(to_person.body))
    red, _, blue = copy.convert("RGB").crop((32, 10, 38, 70)).resize((1, 1)).tobytes()

    assert to_machine.body == original
    assert to_machine.headers["content-type"] == "image/jpeg"
    assert to_person.headers["content-type"] == "image/png"
    assert (copy.format, copy.size) == ("PNG", (40, 80))
    assert red > 200
    assert blue < 60
    assert not copy.getexif()
    assert not copy.info.keys() & {"exif", "comment"}
    assert b"SECRET" not in to_person.body
    for reply in (to_machine, to_person):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in reply.headers["content-security-policy"]
        assert "no-store" in reply.headers["cache-control"]


def test_what_a_png_says_beside_its_pixels_stays_behind(server, customer, person):
    note = PngInfo()
    note.add_text("harness", "unsolvable")
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "magenta").save(file, "PNG", pnginfo=note)
    customer.ask(body=b64encode(file.getvalue() + bytes(100)).decode())

    seen = person.media(person.take()["question"]["media"][0]["url"])

    assert Image.open(io.BytesIO(seen.body)).info == {}


@pytest.mark.parametrize("index", ["1", "-1", "x", "", "00000000000", "٣", "0/0", "9" * 400])
def test_media_that_are_not_there_are_404(customer, person, index):
    customer.ask()
    lease = person.take()

    assert person.media(f"/api/work/media/{lease['lease']}/{index}".encode("ascii", "replace").decode()).status == 404


def spoilt(server, customer):
    """Ask with a picture that nobody can decode."""
    return customer.create({"type": "ImageToTextTask", "body": b64encode(broken_png()).decode()})


def test_a_picture_that_is_broken_for_a_machine_and_for_us_ends_its_task_free(server, customer, machine):
    task = spoilt(server, customer).json["taskId"]
    server.worker().claim()
    verdict = machine.decline(machine.take(), "broken").json
    reply = customer.poll(task, 0).json

    assert verdict["paid"] == "0"
    assert reply["errorId"] == 12
    assert customer.balance() == 1
    assert server.books_are_right()


def test_a_picture_a_machine_calls_broken_but_is_not_goes_on_to_people(server, customer, machine):
    person = server.worker()
    person.claim()
    task = customer.ask()
    machine.decline(machine.take(), "broken")

    assert person.take()["task"] == task


def test_a_person_who_fetches_a_broken_picture_is_told_and_its_task_ends_free(server, customer, person):
    task = spoilt(server, customer).json["taskId"]
    lease = person.take()
    fetched = person.media(lease["question"]["media"][0]["url"])
    verdict = person.answer(lease, "abc").json

    assert fetched.status == 410
    assert fetched.json.keys() == {"error"}
    assert customer.poll(task, 0).json["errorId"] == 12
    assert (verdict["accepted"], verdict["why"]) == (False, "settled")
    assert customer.balance() == 1


def test_a_sure_machine_settles_alone_and_costs_no_wages(server, customer, machine):
    person = server.worker()
    person.claim()
    task = customer.ask()
    lease = machine.take()
    none_for_people = person.claim()
    reply = machine.answer(lease, "19", confidence=0.99).json

    assert none_for_people == []
    assert (reply["accepted"], reply["paid"]) == (True, "0")
    assert customer.poll(task).json["solution"] == {"text": "19"}


def test_a_doubtful_machine_is_followed_by_a_person(server, customer, machine):
    person = server.worker()
    person.claim()
    task = customer.ask()
    machine.answer(machine.take(), "l9", confidence=0.6)
    pending = customer.poll(task, 0).json["status"]
    lease = person.take()
    person.answer(lease, "19")
    ready = customer.poll(task).json

    assert pending == "processing"
    assert ready["solution"] == {"text": "19"}
    assert ready["solveCount"] == 2


def test_without_people_a_doubtful_machine_must_do_and_below_one_half_it_must_not(server, customer, machine):
    replies = []
    for confidence in (0.6, 0.3):
        task = customer.ask()
        machine.answer(machine.take(), "l9", confidence=confidence)
        replies.append(customer.poll(task, 0).json)

    assert replies[0]["solution"] == {"text": "l9"}
    assert replies[1]["errorId"] == 12
    assert customer.balance() == float("0.999")


def test_a_customers_threshold_beats_the_rule(server, customer, machine):
    tasks = []
    for threshold in (50, 99):
        tasks.append(customer.ask(recognizingThreshold=threshold))
        machine.answer(machine.take(), "abc", confidence=0.98)
    replies = [customer.poll(task, 0).json for task in tasks]

    assert replies[0]["solution"] == {"text": "abc"}
    assert replies[1]["errorId"] == 12


def test_a_task_is_given_up_when_two_people_on_shift_declined(server, customer):
    people = [server.worker() for _ in range(3)]
    for person in people:
        person.claim()
    task = customer.ask()
    statuses = []
    for person in people[:2]:
        person.decline(person.take(), "unreadable")
        statuses.append(customer.poll(task, 0).json.get("status"))

    assert statuses == ["processing", None]
    assert people[2].claim() == []
    assert customer.poll(task).json["errorId"] == 12


def test_a_decline_for_language_only_passes_a_task_on(server, customer):
    first, second = server.worker(), server.worker()
    first.claim()
    second.claim()
    task = customer.ask()
    first.decline(first.take(), "language")
    status = customer.poll(task, 0).json["status"]
    second.answer(second.take(), "abc")

    assert status == "processing"
    assert customer.poll(task).json["solution"] == {"text": "abc"}


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
    assert leases["leases"][0].keys() == lease["properties"].keys() == set(lease["required"])
