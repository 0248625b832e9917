"""What solvers are told of themselves: their grants, their day, and what waits for them."""

from __future__ import annotations

from answerdesk.model.question import Kind


def me(worker):
    return worker._serving.http.get("/api/work/me", worker.headers)  # noqa: SLF001 - the worker's own server


def test_a_day_begins_with_nothing(server):
    worker = server.worker(kinds=frozenset({Kind.TEXT, Kind.GRID}), languages=frozenset({"fr", "de"}))

    assert me(worker).json == {
        "name": worker.solver.name,
        "kinds": ["text", "grid"],
        "languages": ["de", "fr"],
        "done": 0,
        "accuracy": None,
        "earned": "0.0000",
        "waiting": {"text": 0, "grid": 0},
    }


def test_answers_count_and_earn(server, customer, person):
    for _ in range(2):
        customer.ask()
        person.answer(person.take(), "abc")
    customer.ask()
    person.decline(person.take())

    told = me(person).json

    assert (told["done"], told["earned"]) == (2, "0.0012")


def test_what_waits_is_what_a_claim_could_bring(server, customer, person):
    german = server.worker(languages=frozenset({"de"}))
    for lang in (None, "de", "fr"):
        customer.ask(**({"languagePool": lang} if lang else {}))
    leased = german.claim()

    assert len(leased) == 1
    assert me(german).json["waiting"]["text"] == 1
    assert me(person).json["waiting"]["text"] == 2
    assert me(server.worker(machine=True)).json["waiting"]["text"] == 0


def test_a_stranger_is_told_nothing(server):
    assert server.http.get("/api/work/me").status == 401
    assert server.http.post("/api/work/me", b"{}", server.worker().headers).status == 404
