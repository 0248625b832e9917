"""The customer's use cases: submit, look up, report, cancel.
Rule: nothing is stored or charged when a check fails; a stranger's task and a missing one are the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from answerdesk.desk.board import Board
from answerdesk.desk.ports import NO_CHANGES, Changes, Heard, Needs, Replay, Rows, Store, together
from answerdesk.desk.settling import go_on, judged, owed_for, queued, settle
from answerdesk.model.account import DAY_MS, Account, AccountId, Millis, NoMatch, Purse, Sequence
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import NOTHING, Entry, Micros, Move, show
from answerdesk.model.question import Kind, Question
from answerdesk.model.sandbox import Answered
from answerdesk.model.script import read_script
from answerdesk.model.standing import marks
from answerdesk.model.talk import UNKNOWN_TASK, Draft, Processing, Ready, Refused, Reply
from answerdesk.model.task import DEADLINE_MS, Cause, Permutation, State, Task, TaskId, Trail
from answerdesk.model.trust import compared

replace = msgspec.structs.replace

_encode = msgspec.json.Encoder().encode


class Submit(msgspec.Struct, frozen=True, kw_only=True):
    """Store a new task and set its price aside; gives (sequence number, whether it is a replay)."""

    n: Sequence
    account: Account
    draft: Draft
    ip: str
    #: The dialect it was asked in.
    dialect: str = ""
    deadline_ms: int = DEADLINE_MS
    #: The client's idempotency key and the digest of its request.
    replay: tuple[str, bytes] | None = None

    @property
    def needs(self) -> Needs:
        """The purse, and what the idempotency key made before."""
        replay = (self.account.id, self.replay[0]) if self.replay else None
        return Needs(purses=(self.account.id,), replay=replay, settles=self.draft.sandbox is not None)

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, tuple[Sequence, bool]]:
        """Check money, then capacity (PROTOCOL §2.3)."""
        if (before := self._replayed(rows, now)) is not None:
            return NO_CHANGES, (before, True)
        if self.draft.sandbox is not None:
            return self._answered(self.draft.sandbox, rows, now), (self.n, False)
        price = self._price(rows)
        purse = _set_aside(rows.purses[self.account.id], price, self.account, now)
        task = self._task(rows, price, now)
        entry = Entry(move=Move.HOLD, amount=price, account=self.account.id, task=self.n)
        place = queued(task, rows, self.account.weight)
        return (
            Changes(
                purses=(purse,),
                created=((task, self.draft.blobs),),
                lines=place.lines,
                flows=place.flows,
                entries=(entry,) if price else (),
                replays=self._spent(now),
            ),
            (self.n, False),
        )

    def _price(self, rows: Rows) -> Micros:
        """Give what the task costs: nothing in a sandbox, which knows no agreement of several (PROTOCOL §4.9)."""
        if not self.account.sandbox:
            return rows.house.price(self.account.id, self.draft.type).price
        if (agree := rows.house.rules_for(self.draft.type).agree) > 1:
            msg = f"{self.draft.type} wants {agree} people to agree, which a sandbox account cannot be combined with"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        return NOTHING

    def _replayed(self, rows: Rows, now: Millis) -> Sequence | None:
        if self.replay is None:
            return None
        before = rows.replays.get((self.account.id, self.replay[0]))
        if before is None or now - before.at >= DAY_MS:
            return None
        if before.body != self.replay[1]:
            msg = "Idempotency-Key was used within 24 hours for another request; send a fresh key with a new body"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        return before.n

    def _spent(self, now: Millis) -> tuple[Replay, ...]:
        if self.replay is None:
            return ()
        key, body = self.replay
        return (Replay(account=self.account.id, key=key, body=body, n=self.n, at=now),)

    def _answered(self, answered: Answered, rows: Rows, now: Millis) -> Changes:
        """Store what nobody is asked for as settled, or until it settles: it costs nothing and is in no line."""
        task = replace(self._asked(NOTHING, now), trail=Trail.SANDBOX)
        if answered.delay_ms:
            purse = _set_aside(rows.purses[self.account.id], NOTHING, self.account, now)
            due = min(Millis(now + answered.delay_ms), task.deadline)
            created = (replace(task, review_at=due), self.draft.blobs)
            return Changes(purses=(purse,), created=(created,), replays=self._spent(now))
        ready = answered.solution is not None
        task = replace(
            task,
            state=State.READY if ready else State.FAILED,
            cause=Cause.SOLVED if ready else answered.cause,
            ended=now,
            place=rows.settled + 1,
            solution=_encode(answered.solution) if ready else b"",
        )
        created, owed = (task, self.draft.blobs), owed_for(task, now)
        return Changes(created=(created,), replays=self._spent(now), callbacks=owed, settled=task.place)

    def _task(self, rows: Rows, price: Micros, now: Millis) -> Task:
        question = self.draft.question
        staff = rows.staff((question.kind, question.lang, self.account.group), now)
        if not (staff.machines or staff.people):
            language = f" in language {question.lang}" if question.lang else ""
            group = f" and is of the group {self.account.group}" if self.account.group else ""
            msg = f"no enabled worker of this desk is granted the kind {question.kind}{language}{group}"
            raise Refusal(Fault.NO_SLOT_AVAILABLE, msg)
        task = self._asked(price, now)
        first = judged(task, (), rows, now)
        # Nothing was said yet and the deadline lies ahead, so the judge can only want.
        made = first if isinstance(first, Task) else task
        # By which its claims know that it is nobody's wages.
        return made if price or not self.account.sandbox else replace(made, trail=Trail.SANDBOX)

    def _asked(self, price: Micros, now: Millis) -> Task:
        question = _as_told(self.draft.question, self.account)
        return Task(
            n=self.n,
            account=self.account.id,
            type=self.draft.type,
            kind=question.kind,
            price=price,
            question=_encode(question),
            lang=question.lang,
            group=self.account.group,
            ip=self.ip,
            created=now,
            deadline=Millis(now + self.deadline_ms),
            # Whose time is up first comes first; with the same time limit for all that is who came first.
            rank=now + self.deadline_ms,
            callback=self.draft.callback,
            dialect=self.dialect,
            soft_id=self.draft.soft_id,
        )


def _as_told(question: Question, account: Account) -> Question:
    """Write down with the question how the account wants an empty grid told, so that its reply never changes."""
    if question.kind is not Kind.GRID or account.no_match is NoMatch.LIST:
        return question
    return replace(question, options=replace(question.options, worded=True))


def _set_aside(purse: Purse, price: Micros, account: Account, now: Millis) -> Purse:
    """Take a price out of the balance into what is held; raises a Refusal when a limit forbids it."""
    today = now // DAY_MS
    spent = purse.spent if purse.day == today else 0
    if purse.balance < price:
        msg = f"the balance is {show(purse.balance)} and the task costs {show(price)}"
        raise Refusal(Fault.ZERO_BALANCE, msg)
    if account.spend_per_day and spent + price > account.spend_per_day:
        msg = f"the account's limit of {show(account.spend_per_day)} a day (UTC) is spent"
        raise Refusal(Fault.ZERO_BALANCE, msg)
    if account.max_open and purse.open_tasks >= account.max_open:
        msg = f"the account has {purse.open_tasks} unfinished tasks; its limit is {account.max_open}"
        raise Refusal(Fault.NO_SLOT_AVAILABLE, msg)
    return Purse(
        account=purse.account,
        balance=Micros(purse.balance - price),
        held=Micros(purse.held + price),
        open_tasks=purse.open_tasks + 1,
        day=today,
        spent=Micros(spent + price),
    )


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Judge tasks anew whose time has come: past its deadline a task fails."""

    numbers: tuple[Sequence, ...]

    @property
    def needs(self) -> Needs:
        """The tasks."""
        return Needs(tasks=self.numbers)

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, None]:
        """Do nothing to a settled task, or to one whose time has not come."""
        steps = []
        for n in self.numbers:
            task = rows.tasks.get(n)
            if task is not None and not task.settled and now >= task.review_at:
                steps.append(go_on(task, rows, now))
                # The next task may be the same account's, whose purse this one has just changed.
                rows.absorb(steps[-1])
        return together(steps), None


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Fail an open task for a cause; gives whether it was open."""

    n: Sequence
    cause: Cause
    #: Whose task it must be, None for anybody's.
    account: AccountId | None = None

    @property
    def needs(self) -> Needs:
        """The task."""
        return Needs(tasks=(self.n,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, bool]:
        """Refuse an unknown task; leave a settled one as it is."""
        task = rows.tasks.get(self.n)
        if task is None or self.account not in {None, task.account}:
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
        if task.settled:
            return NO_CHANGES, False
        return settle(task, self.cause, rows, now), True


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Book the client's verdict on an answer; the opposite one replaces it, a refund is booked once.

    Gives whether the verdict is news.
    """

    n: Sequence
    account: AccountId
    correct: bool
    window_ms: int
    reason: str = ""

    @property
    def needs(self) -> Needs:
        """The task."""
        return Needs(tasks=(self.n,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, bool]:
        """Check PROTOCOL §4.2's conditions; the same verdict again changes nothing."""
        task = rows.tasks.get(self.n)
        if task is None or task.account != self.account or task.state is State.FAILED:
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
        if task.state is State.OPEN:
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, "task is not finished")
        if now - task.ended > self.window_ms:
            msg = f"reports are accepted for {self.window_ms // 1000} seconds after the answer"
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, msg)
        verdict = "correct" if self.correct else "incorrect"
        if task.report == verdict:
            return NO_CHANGES, False
        refund = not self.correct and not task.refunded and task.price > 0
        reported = replace(task, report=verdict, report_reason=self.reason, refunded=task.refunded or refund)
        said = rows.said(task.n)
        held = compared(task, reported, said, rows.house.rules_for(task.type))
        booked = Changes(tasks=(reported,), marks=marks(task, reported, said), comparisons=held)
        if not refund:
            return booked, True
        purse = rows.purses[task.account]
        purse = replace(purse, balance=Micros(purse.balance + task.price))
        entry = Entry(move=Move.REFUND, amount=task.price, account=task.account, task=task.n)
        return replace(booked, purses=(purse,), entries=(entry,)), True


class Orders:
    """What a customer may do, over a store and a board."""

    def __init__(
        self, store: Store, board: Board, ids: Permutation, made: Callable[[Sequence], None] = lambda _: None
    ) -> None:
        """Take what it works over, and who is told of each task as it is made."""
        self._store = store
        self._board = board
        self._ids = ids
        self._made = made
        store.listen(self._hear)

    async def submit(
        self, account: Account, draft: Draft, ip: str, *, dialect: str = "", deadline_ms: int,
        replay: tuple[str, bytes] | None = None,
    ) -> tuple[TaskId, bool]:  # fmt: skip
        """Create a task; gives its id, and whether an idempotency key found it made before."""
        verb = self._creation(await self._store.draw(), account, draft, ip, dialect, deadline_ms, replay)
        return self.made(await self._store.run(verb))

    def drawn(self) -> Sequence | None:
        """Draw a task's number, None where that takes waiting."""
        return self._store.drawn()

    def begin(
        self, n: Sequence, account: Account, draft: Draft, ip: str, *, dialect: str, deadline_ms: int,
        replay: tuple[str, bytes] | None,
    ) -> Awaitable[tuple[Sequence, bool]]:  # fmt: skip
        """Create a task as `submit` does, with a number that was drawn, for whoever is called back."""
        return self._store.queue(self._creation(n, account, draft, ip, dialect, deadline_ms, replay))

    def _creation(
        self, n: Sequence, account: Account, draft: Draft, ip: str, dialect: str, deadline_ms: int,
        replay: tuple[str, bytes] | None,
    ) -> Submit:  # fmt: skip
        if account.sandbox and (scripted := read_script(draft.question)) is not None:
            draft = replace(draft, sandbox=scripted)
        # Before it is there for anybody: a machine may have it by the time its maker hears of it.
        self._made(n)
        return Submit(n=n, account=account, draft=draft, ip=ip, dialect=dialect, deadline_ms=deadline_ms, replay=replay)

    def made(self, outcome: tuple[Sequence, bool]) -> tuple[TaskId, bool]:
        """Give what a creation came to as its client is told."""
        n, replayed = outcome
        return self._ids.show(n), replayed

    def on_board(self, account: AccountId, task: TaskId) -> Ready | Refused | None:
        """Give a task's final reply if it hangs on the board."""
        return self._board.get(account, task)

    async def look_up(self, account: AccountId, task: TaskId, now: Millis) -> Reply:
        """Give a task's reply as it stands; final ones come from the board without touching the store."""
        reply = self._board.get(account, task)
        if reply is not None:
            return reply
        n = self._ids.find(task)
        tell = self._board.reading()
        found = await self._store.task(n)
        if found is None or found.account != account:
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
        # A sandbox's script is followed when it says, whether or not a chore came by.
        if not found.settled and now >= (found.review_at if found.trail else found.deadline):
            await self._store.run(Review(numbers=(n,)))
            found = await self._store.task(n) or found
        if not found.settled:
            return Processing()
        return tell(found, task)

    def _hear(self, heard: Heard) -> None:
        if heard.missed:
            self._board.clear()
        for n in heard.erased:
            self._board.drop(self._ids.show(n))
        for span in heard.dropped:
            self._board.drop_range(span.first, span.past)

    async def report(
        self, account: AccountId, task: TaskId, *, correct: bool, window_ms: int, reason: str = ""
    ) -> bool:
        """Book a verdict on an answer; False if it was booked before."""
        n = self._ids.find(task)
        verb = Report(n=n, account=account, correct=correct, window_ms=window_ms, reason=reason)
        return await self._store.run(verb)

    async def cancel(self, task: TaskId, account: AccountId | None = None) -> bool:
        """Give up an open task, price released, for its client or the operator; False if it was settled already."""
        cause = Cause.CANCELLED if account is None else Cause.WITHDRAWN
        return await self._store.run(End(n=self._ids.find(task), cause=cause, account=account))

    async def balance(self, account: AccountId) -> Micros:
        """Read what the account can spend."""
        purse = await self._store.purse(account)
        return purse.balance if purse else Micros(0)
