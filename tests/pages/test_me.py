"""One's own page: what one did and earned, nobody else's, and nothing from which a single answer's rightness shows."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from answerdesk.model.answer import Decline
from answerdesk.model.person import Role
from answerdesk.model.question import Constraints, Kind, Medium
from answerdesk.model.solver import SolverId
from answerdesk.pages.me import HISTORY
from tests.pages.hall import Hall, Visitor
from tests.store.driver import PAY, draft


async def worker(hall: Hall, name: str = "Ann", **headers: str) -> Visitor:
    return await hall.again(await hall.enrol(name), **headers)


async def say(hall: Hall, visitor: Visitor, value: object = "word", seconds: int = 3, **asked: Any) -> None:
    account, solver = await hall.desk.open_account(), await hall.solver_of(visitor.person)
    await hall.desk.submit(account, draft(**asked))
    (lease,) = await hall.desk.claim(solver)
    hall.clock.pass_by(seconds * 1_000)
    await hall.desk.answer(solver, lease, value)


async def test_a_new_workers_page_says_what_will_be_there(hall):
    page = (await (await worker(hall)).get("/me")).text

    assert "Nothing yet." in page
    assert page.count("$0.00") == 3
    assert "Nothing earned yet." in (await (await worker(hall, "Bea")).get("/me/ledger")).text


async def test_earnings_pace_and_history_are_told(hall):
    visitor = await worker(hall)
    await say(hall, visitor, "first")
    hall.clock.pass_by(2 * 86_400_000)
    await say(hall, visitor, "second", seconds=5, text="What is <b>this</b>?", lang="de")

    page = (await (await hall.again(visitor.person)).get("/me")).text

    assert all(said in page for said in ("$0.0006", "$0.0012", "4.0\u00a0s"))
    assert page.index(">second<") < page.index(">first<")
    assert '<bdi dir="auto" lang="de">What is &lt;b&gt;this&lt;/b&gt;?</bdi>' in page
    assert re.search(r'<img class="kept" loading="lazy" src="/api/work/media/[0-9a-f]{32}\.[0-9a-f]+/0"', page)


async def test_what_was_given_back_is_told_with_its_reason_and_earned_nothing(hall):
    visitor = await worker(hall)
    account, solver = await hall.desk.open_account(), await hall.solver_of(visitor.person)
    await hall.desk.submit(account)
    (lease,) = await hall.desk.claim(solver)
    await hall.desk.give_back(solver, lease, Decline.BROKEN)

    page = (await visitor.get("/me")).text

    assert "Given back: Broken, or the wrong kind" in page
    assert '<td class="num">$0.00</td>' in page


async def test_history_ends_at_fifty(hall):
    visitor = await worker(hall)
    for i in range(HISTORY + 5):
        await say(hall, visitor, f"answer {i}", seconds=1)

    page = (await visitor.get("/me")).text

    assert page.count('class="said"') == HISTORY
    assert "answer 5<" in page
    assert "answer 4<" not in page


async def test_everybody_sees_their_own_alone(hall):
    ann, bea = await worker(hall, "Ann"), await worker(hall, "Bea")
    await say(hall, ann, "said by Ann")

    for path in ("/me", "/me/ledger"):
        page = (await bea.get(path)).text
        assert "said by Ann" not in page
        assert "$0.0006" not in page


async def test_nothing_on_the_page_changes_when_an_answer_is_found_wrong_or_right(hall):
    visitor = await worker(hall)
    account = await hall.desk.open_account()
    n = await hall.desk.solved(account, await hall.solver_of(visitor.person))
    before = (await visitor.get("/me")).text

    for correct in (True, False):
        await hall.desk.report(n, account, correct=correct)
        assert (await visitor.get("/me")).text == before


async def test_nothing_of_the_client_is_on_the_page(hall):
    visitor = await worker(hall)
    account = await hall.desk.open_account("Unmistakable Ltd")
    await hall.desk.submit(account, ip="198.51.100.77")
    (lease,) = await hall.desk.claim(await hall.solver_of(visitor.person))
    await hall.desk.answer(await hall.solver_of(visitor.person), lease)

    for path in ("/me", "/me/ledger"):
        page = (await visitor.get(path)).text
        assert "Unmistakable" not in page
        assert "198.51.100.77" not in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("pay \u202etxet", "pay ⟨RLO⟩txet"),
        ("bell\x07 and \u200b", "bell␇ and ⟨ZWSP⟩"),
        ("x" * 500, "x" * 300 + "…"),
    ],
)
async def test_a_hostile_answer_is_shown_as_the_text_it_is(hall, text, shown):
    visitor = await worker(hall)
    await say(hall, visitor, text)

    assert f'<bdi dir="auto">{shown}</bdi>' in (await visitor.get("/me")).text


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.AUDIO, "spoken words", "spoken words"),
        (Kind.GRID, [1, 3], "1, 3"),
        (Kind.GRID, [], "–"),
        (Kind.POINTS, [[1, 2], [3, 4]], "1 2; 3 4"),
        (Kind.BOXES, [[1, 2, 3, 4]], "1 2 3 4"),
        (Kind.OUTLINE, [[[1, 1], [5, 1], [3, 6]]], "(1 1) (5 1) (3 6)"),
        (Kind.ROTATE, [40, 90.5], "40, 90.5"),
        (Kind.DRAG, [None, [2, 3]], "–; 2 3"),
    ],
)
async def test_answers_of_every_kind_are_written_in_a_line(hall, kind, value, shown):
    visitor = await worker(hall)
    account, solver = await hall.desk.open_account(), await hall.solver_of(visitor.person)
    sort = Medium(type="audio/wav") if kind is Kind.AUDIO else Medium(type="image/png", width=10, height=10)
    pieces = {Kind.ROTATE: 2, Kind.DRAG: 3}.get(kind, 1)
    question = msgspec.structs.replace(
        draft().question,
        kind=kind,
        media=(sort,) * pieces,
        constraints=Constraints(rows=2, columns=2, can_no_answer=True),
    )
    await hall.desk.submit(account, msgspec.structs.replace(draft(*[b"medium"] * pieces), question=question))
    (lease,) = await hall.desk.claim(solver, kinds=(kind,))
    assert (await hall.desk.answer(solver, lease, value)).accepted

    page = (await visitor.get("/me")).text

    assert f'<span class="said"><bdi dir="auto">{shown}</bdi></span>' in page
    assert page.count(f"/api/work/media/{lease.token}/") == pieces
    assert ("<audio " in page) is (kind is Kind.AUDIO)


async def test_media_that_are_no_longer_kept_are_not_offered(hall):
    visitor = await worker(hall)
    await say(hall, visitor)
    hall.store._group._db.execute("DELETE FROM contents")  # noqa: SLF001 - as retention does

    page = (await visitor.get("/me")).text
    assert "no longer kept" in page
    assert "<img" not in page


async def test_who_does_not_answer_has_a_page_without_figures(hall):
    visitor = await hall.come("the viewer", Role.VIEWER, answers=False)

    page = (await visitor.get("/me")).text
    assert "You do not answer tasks here" in page
    assert "/me/ledger" not in page
    assert (await visitor.get("/me/ledger")).status_code == 403


class TestLedger:
    async def test_pages_follow_one_another_to_the_oldest_line(self, hall):
        visitor = await worker(hall)
        await hall.earned(visitor.person, 120)

        seen, path = 0, "/me/ledger"
        counts = []
        while path:
            page = (await visitor.get(path)).text
            counts.append(page.count("<td>Earned</td>"))
            seen += counts[-1]
            older = re.search(r'href="(/me/ledger\?before=\d+)"', page)
            path = older[1] if older else ""

        assert (seen, counts) == (120, [50, 50, 20])

    async def test_beyond_the_oldest_line_there_is_nothing(self, hall):
        visitor = await worker(hall)
        await hall.earned(visitor.person)

        page = (await visitor.get("/me/ledger?before=1")).text
        assert "There is nothing older." in page

    @pytest.mark.parametrize("before", ["x", "-1", "1.5", "9" * 30, "٣", "1 OR 1"])
    async def test_a_line_that_cannot_be_is_a_bad_request(self, hall, before):
        visitor = await worker(hall)

        assert (await visitor.get(f"/me/ledger?before={before}")).status_code == 400

    async def test_a_payout_and_its_note_are_seen_by_whom_it_is_for(self, hall):
        visitor, boss = await worker(hall), await hall.come("the owner", Role.OWNER)
        await hall.earned(visitor.person, 2)
        await boss.follow(
            f"/team/p{visitor.person.id}/payout", {"amount": "0.0012", "before": "0", "note": "<i>cash</i>"}
        )

        page = (await visitor.get("/me/ledger")).text
        assert all(said in page for said in ("Paid out", "-$0.0012", "&lt;i&gt;cash&lt;/i&gt;", "owed $0.00"))
        assert await hall.wages(visitor.person) == (2 * PAY, 2 * PAY)


async def test_the_accuracy_is_shown_once_enough_was_judged(hall):
    visitor = await worker(hall)
    account, solver = await hall.desk.open_account(), await hall.solver_of(visitor.person)
    for _ in range(20):
        await hall.desk.report(await hall.desk.solved(account, solver), account, correct=True)

    assert "<dd>100%</dd>" in (await visitor.get("/me")).text
    assert (await hall.store.standing(SolverId(solver.id))).judged == 20
