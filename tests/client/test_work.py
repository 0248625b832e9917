"""What solvers send and what they make of the replies: the work API."""

from decimal import Decimal

import pytest

from answerdesk_client import (
    Claim,
    Constraints,
    Held,
    Instruction,
    Lease,
    Me,
    Media,
    Options,
    Question,
    Refused,
    Unavailable,
    Undone,
    Verdict,
)
from tests.client.loopback import HANGS_UP, Says, says

QUESTION = {
    "kind": "text",
    "instruction": {"text": "the black digits", "image": None},
    "constraints": {"case": True, "numeric": 1, "minLength": 2, "maxLength": 9, "someday": "more"},
    "options": {"module": "meters", "threshold": 70},
    "lang": None,
    "media": [{"url": "/api/work/media/L1/0", "type": "image/png", "width": 120, "height": 40}],
}
WIRE = {"lease": "L1", "task": 123, "kind": "text", "until": 1692863536.5, "question": QUESTION, "someday": [1]}
LEASE = Lease(
    lease="L1",
    task=123,
    kind="text",
    until=1692863536.5,
    question=Question(
        kind="text",
        instruction=Instruction(text="the black digits"),
        constraints=Constraints(case=True, numeric=1, min_length=2, max_length=9),
        options=Options(module="meters", threshold=70),
        media=(Media(url="/api/work/media/L1/0", type="image/png", width=120, height=40),),
    ),
)


def test_a_claim_names_what_is_wanted_and_brings_typed_leases(work, server):
    server.will_say(says(leases=[WIRE]))
    assert work.claim(["text", "audio"], max=4, wait=10) == [LEASE]
    (heard,) = server.heard
    assert (heard.method, heard.path) == ("POST", "/api/work/claim")
    assert heard.json == {"kinds": ["text", "audio"], "max": 4, "wait": 10.0, "reserve": False}
    assert heard.headers["authorization"] == "Bearer token-1"


def test_a_claim_that_brings_nothing_is_an_empty_list(work, server):
    server.will_say(says(leases=[]))
    assert work.claim({"text"}) == []
    assert server.heard[0].json == {"kinds": ["text"], "max": 1, "wait": 25.0, "reserve": False}


def test_a_question_may_leave_out_what_does_not_apply(work, server):
    server.will_say(says(leases=[WIRE | {"question": {"kind": "question", "media": []}}]))
    (lease,) = work.claim(["question"])
    assert lease.question == Question(kind="question")
    assert (lease.question.options.module, lease.question.options.threshold) == ("universal", None)


def test_an_answer_is_judged(work, server):
    server.will_say(says(accepted=True, paid="0.000600", leases=[]))
    assert work.answer(LEASE, "abc", confidence=0.97) == Verdict(accepted=True, paid=Decimal("0.000600"))
    assert server.heard[0].path == "/api/work/answer"
    assert server.heard[0].json == {"lease": "L1", "value": "abc", "confidence": 0.97}


def test_an_answer_may_claim_what_is_next(work, server):
    server.will_say(says(accepted=True, paid="0", leases=[WIRE]))
    verdict = work.answer(LEASE, "abc", claim=Claim(kinds=("text",), max=2, wait=5))
    assert verdict.leases == [LEASE]
    assert server.heard[0].json == {
        "lease": "L1",
        "value": "abc",
        "claim": {"kinds": ["text"], "max": 2, "wait": 5.0, "reserve": False},
    }


def test_an_answer_that_came_too_late_says_why(work, server):
    server.will_say(says(accepted=False, why="settled", paid="0.0001", leases=[]))
    assert work.answer(LEASE, [3, 8]) == Verdict(accepted=False, why="settled", paid=Decimal("0.0001"))


@pytest.mark.parametrize("paid", ["NaN", "Infinity", "much", None])
def test_earnings_that_are_no_number_are_not_believed(work, server, paid):
    server.will_say(says(accepted=True, paid=paid, leases=[]))
    with pytest.raises(Unavailable, match="paid"):
        work.answer(LEASE, "abc")


def test_a_lease_can_be_handed_back(work, server):
    server.will_say(says(accepted=True, paid="0", leases=[WIRE]))
    assert work.decline(LEASE, "unreadable", claim=Claim(kinds=("text",))).leases == [LEASE]
    assert server.heard[0].path == "/api/work/decline"
    assert server.heard[0].json == {
        "lease": "L1",
        "reason": "unreadable",
        "claim": {"kinds": ["text"], "max": 1, "wait": 25.0, "reserve": False},
    }


def test_an_answer_whose_reply_was_lost_is_sent_again_unchanged(work, server):
    server.will_say(HANGS_UP, says(accepted=True, paid="0", leases=[]))
    assert work.answer(LEASE, "abc").accepted
    assert server.heard[0].body == server.heard[1].body


def test_media_are_the_bytes_themselves_fetched_with_the_token(work, server):
    server.will_say(Says(b"\x89PNG\xff\x00"))
    assert work.media("/api/work/media/L1/0") == b"\x89PNG\xff\x00"
    (heard,) = server.heard
    assert (heard.method, heard.path, heard.body) == ("GET", "/api/work/media/L1/0", b"")
    assert heard.headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize("url", ["http://elsewhere.example/a", "//elsewhere.example/a", "a/b", "", "/a\nb", "/å"])
def test_the_token_is_never_carried_elsewhere(work, server, url):
    with pytest.raises(Unavailable, match="no path on this server"):
        work.media(url)
    assert not server.heard


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_a_refusal_has_the_status_for_number_and_the_sentence_of_the_server(work, server, status):
    server.will_say(says(status, error="this lease is not known here"))
    with pytest.raises(Refused) as refusal:
        work.answer(LEASE, "abc")
    assert (refusal.value.code, refusal.value.number) == (f"HTTP_{status}", status)
    assert str(refusal.value) == f"HTTP_{status}: this lease is not known here"
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "reply",
    [says(), says(leases=[{"lease": 1}]), Says(b"null"), Says(b"\xff"), Says(b'{"leases":[{"lease":"\xff"}]}')],
)
def test_a_reply_that_makes_no_sense_is_unavailable(work, server, reply):
    server.will_say(reply)
    with pytest.raises(Unavailable, match="not of this protocol"):
        work.claim(["text"])


def test_a_task_can_be_set_aside_and_shown_by_the_next_answer(work, server):
    server.will_say(
        says(leases=[WIRE | {"reserved": True}]),
        says(accepted=True, paid="0.0006", leases=[], shown={"lease": "L1", "until": 1692863596.5}),
    )
    (reserved,) = work.claim(["text"], reserve=True)
    verdict = work.answer(LEASE, "abc", shown=reserved)

    assert reserved.reserved
    assert verdict.shown == Held(lease="L1", until=1692863596.5)
    assert server.heard[0].json["reserve"] is True
    assert server.heard[1].json == {"lease": "L1", "value": "abc", "shown": "L1"}


@pytest.mark.parametrize("verb", ["show", "keep", "extend"])
def test_a_lease_is_shown_kept_and_extended(work, server, verb):
    server.will_say(says(lease="L1", until=1692863596.5), says(lease="L1", why="expired"))
    deed = getattr(work, verb)

    assert [deed(LEASE), deed(LEASE)] == [Held(lease="L1", until=1692863596.5), Held(lease="L1", why="expired")]
    assert [(heard.path, heard.json) for heard in server.heard] == [(f"/api/work/{verb}", {"lease": "L1"})] * 2


def test_leases_are_given_up_together(work, server):
    server.will_say(says(released=1))

    assert work.release(LEASE, LEASE) == 1
    assert (server.heard[0].path, server.heard[0].json) == ("/api/work/release", {"leases": ["L1", "L1"]})


def test_an_answer_is_withdrawn_or_stands(work, server):
    server.will_say(says(reopened=True, until=1692863596.5, question=QUESTION), says(reopened=False, why="settled"))

    assert work.undo(LEASE) == Undone(reopened=True, until=1692863596.5, question=LEASE.question)
    assert work.undo(LEASE) == Undone(reopened=False, why="settled")
    assert server.heard[0].json == {"lease": "L1"}


def test_a_decline_shows_the_next_too(work, server):
    server.will_say(says(accepted=True, paid="0", leases=[], shown={"lease": "L1", "why": "settled"}))

    assert work.decline(LEASE, "unreadable", shown=LEASE).shown == Held(lease="L1", why="settled")


def test_a_solver_hears_of_its_day(work, server):
    server.will_say(
        says(name="bob", kinds=["text"], languages=[], done=3, accuracy=0.98, earned="0.0018", waiting={"text": 14})
    )

    assert work.me() == Me(
        name="bob", kinds=("text",), done=3, accuracy=0.98, earned=Decimal("0.0018"), waiting={"text": 14}
    )
    assert (server.heard[0].method, server.heard[0].path) == ("GET", "/api/work/me")


def test_a_days_earnings_that_are_no_number_are_not_believed(work, server):
    server.will_say(says(name="bob", earned="NaN"))
    with pytest.raises(Unavailable, match="earned"):
        work.me()
