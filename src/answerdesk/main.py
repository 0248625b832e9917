"""The composition root: the only place that names concrete classes, and the loop of the server and its chores.
Rule: everything is made here once, handed down, and taken down in the opposite order."""

from __future__ import annotations

import asyncio
import functools
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvloop

from answerdesk.announcing import ANYWHERE, Announcement, family, over_tls, told, url_of
from answerdesk.api.admission import Admission
from answerdesk.api.app import App
from answerdesk.api.budget import Budget
from answerdesk.api.events import Feed
from answerdesk.api.front import Front, Terms
from answerdesk.api.gallery import Gallery
from answerdesk.api.hold import REREAD_SECONDS, Hold
from answerdesk.api.http import Peers
from answerdesk.api.legacy import Legacy
from answerdesk.api.limits import Polls
from answerdesk.api.methods import Methods
from answerdesk.api.native import Native
from answerdesk.api.patience import HEAD_SECONDS, sweep
from answerdesk.api.pictures import Darkroom
from answerdesk.api.server import Server, http_config, raise_file_limit, run_smoothly
from answerdesk.api.stats import Stats
from answerdesk.api.waiting import WaitingRoom
from answerdesk.api.work import WorkApi
from answerdesk.beside import NO_SOLVER, enrol_machine, keep_working
from answerdesk.config import FIRST_KEY, Settings, poll_limit
from answerdesk.deliver import MOST_AT_ONCE, Deliverer, Door, Posting
from answerdesk.desk.board import Board, final_reply
from answerdesk.desk.books import OpenAccount
from answerdesk.desk.chores import CHORES, ROUND, Chore, Retention
from answerdesk.desk.entrance import Entrance
from answerdesk.desk.greeting import check_exposure, owners_link
from answerdesk.desk.orders import Orders
from answerdesk.desk.ports import Heard, Unavailable
from answerdesk.desk.spotchecks import SpotChecks
from answerdesk.desk.store import DeskStore
from answerdesk.desk.visits import Visits
from answerdesk.model.account import Account, AccountId, digest
from answerdesk.model.catalog import own_name
from answerdesk.model.fault import Refusal
from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.task import Permutation, Task
from answerdesk.pages.parts import make_parts
from answerdesk.pages.site import Site
from answerdesk.solve.plugin import find
from answerdesk.store.folder import Wall, only_server, open_desk, read_line, write_secret
from answerdesk.watching import Watching
from answerdesk.wire.callback import write_callback

if TYPE_CHECKING:
    # What it imports costs a quarter of a second, and serves https alone.
    from answerdesk.api.certificates import Certificate

log = structlog.get_logger()

#: The first account, made when a desk is first served.
FIRST_ACCOUNT: Final = "first"
FIRST_BALANCE: Final = Micros(10_000_000)
#: The secret of a one-time link.
LINK_BYTES: Final = 24
#: How often the server looks whether another process wrote.
LOOK_AROUND_SECONDS: Final = 0.05
#: What is told of a database's trouble; the log has all of it.
AWAY: Final = "the database cannot be used now; the server's log says why"
#: How often a write is tried while writing fails.
RECOVER_SECONDS: Final = 1.0
#: Files kept free of held connections: callbacks, the database, logs, pipes.
SPARE_FILES: Final = MOST_AT_ONCE + 128
#: How often the server has people check what machines settled alone.
CHECK_SECONDS: Final = 5.0
#: How often the server looks whether its certificate wants renewing.
RENEW_SECONDS: Final = 43_200.0


class Desk:
    """Everything of one server process, made once."""

    def __init__(self, settings: Settings, files: int) -> None:
        """Make the parts over the folder's store; at most `files` connections can be open."""
        wall = Wall()
        self.settings = settings
        self.store = open_desk(settings.data, settings.database, serving=True)
        #: Nobody is told that the desk is ready before its owner is told how to come in, nor once it is to stop.
        self.announced = self.leaving = False
        ids = Permutation(self.store.permutation_key)
        board = Board()
        entrance = Entrance(self.store)
        self.polls = Polls(poll_limit(settings))
        self.hold = Hold(board, ids, most=max(16, files - SPARE_FILES))
        self.room = WaitingRoom()
        self.darkroom = Darkroom()
        self.watching = Watching(self.store, wall, settings)
        orders = Orders(self.store, board, ids, self.watching.made)
        front = Front(
            store=self.store, orders=orders, entrance=entrance, hold=self.hold,
            polls=self.polls, clock=wall, terms=terms_of(settings),
        )  # fmt: skip
        peers = Peers(settings.behind_proxy)
        stats = Stats(store=self.store, records=self.store, clock=wall)
        self.feed = Feed(self.store, ids)
        native = Native(front=front, peers=peers, store=self.store, records=self.store, ids=ids, feed=self.feed)
        visits = Visits(self.store, self.store)
        work = WorkApi(
            store=self.store, admission=Admission(entrance, visits, wall), room=self.room, ids=ids, names=wall,
            clock=wall, darkroom=self.darkroom, crew=self.store, origin=self.watching.origin,
        )  # fmt: skip
        self.site = Site(make_parts(self.store, visits, wall, ids, peers.ip, peers.scheme, settings.public_url))
        key = self.store.permutation_key
        gallery = Gallery(store=self.store, ids=ids, key=key, darkroom=self.darkroom, clock=wall)
        published = gallery if settings.publish_media else None
        self.app = App(
            methods=Methods(front, peers, stats, published),
            gallery=published,
            legacy=Legacy(front, peers, self.store, cross_origin=settings.cors),
            native=native,
            work=work,
            ready=self._trouble,
            pages=self.site,
            cross_origin=settings.cors,
            user_agent=settings.user_agent,
            bodies=Budget(settings.body_memory * 2**20),
            metrics=self.watching.metrics,
        )
        self.spot_checks = SpotChecks(self.store, ids, wall)
        self.deliverer = Deliverer(
            store=self.store,
            clock=wall,
            door=Door(hosts=settings.callback_hosts, private=settings.callback_private),
            render=functools.partial(posting, ids),
            span=self.watching.span,
        )
        self.watching.watch(
            app=self.app, hold=self.hold, room=self.room, guesses=front.guesses, deliverer=self.deliverer,
            ready=self._trouble,
        )  # fmt: skip
        self.store.listen(self._hear)

    def _hear(self, heard: Heard) -> None:
        self.hold.settle(heard.tasks, self.polls.forget)
        self.hold.hear(heard.elsewhere.settled)
        self.room.hear(heard)
        self.feed.hear(heard)
        self.watching.meters.hear(heard)
        self.spot_checks.hear(heard)

    def _trouble(self) -> str | None:
        if self.leaving:
            return "stopping"
        if not self.announced:
            return "starting"
        # Anybody may ask, and a driver's sentence names hosts and users.
        return AWAY if self.settings.database and self.store.trouble else self.store.trouble

    async def reread(self) -> None:
        """Release held polls and streams whose task settled without an event."""
        await self.feed.look()
        await self.hold.reread(self.store, self.polls.forget)

    async def release_told(self) -> None:
        """Release held polls whose task settled elsewhere, once there is word of any."""
        await self.hold.told(self.store, self.polls.forget)

    def leave(self) -> None:
        """Be ready no more, and let polls, claims and streams go to where it goes on; those that come may wait."""
        self.leaving = True
        self.hold.let_go()
        self.room.let_go()
        self.feed.close()

    def release(self) -> None:
        """Let everybody who waits go, so that the server can stop."""
        self.hold.close()
        self.room.close()

    async def close(self) -> None:
        """Take everything down."""
        await self.darkroom.close()
        self.site.close()
        await self.watching.close()
        await self.store.aclose()


def terms_of(settings: Settings) -> Terms:
    """Give what the operator set for all customers."""
    return Terms(
        dialect=settings.dialect,
        hold_seconds=settings.hold,
        deadline_ms=int(settings.deadline * 1000),
        poll_lock_ms=int(settings.poll_lock * 1000),
        report_window_ms=int(settings.report_window * 1000),
        own_names=dict(own_name(text) for text in settings.complex_names),
        callback_hosts=settings.callback_hosts,
    )


def posting(ids: Permutation, task: Task, account: Account) -> Posting:
    """Write a settled task's callback as its dialect does, in the form its account wants."""
    number = ids.show(task.n)
    kind, body = write_callback(task.dialect, final_reply(task), number, account.callback_form)
    return Posting(task=number, type=kind, body=body)


def serve(settings: Settings, announce: Callable[[Announcement], None]) -> None:
    """Serve until told to stop.

    Raises InUse, OSError for a taken port, Unavailable for a newer database, SolverUnknown.
    """
    if settings.solver != NO_SOLVER:
        # A name nobody installed is a slip of the pen; one that cannot run here is served without.
        find(settings.solver)
    with only_server(settings.data), uvloop_runner() as runner:
        runner.run(_serve(settings, announce))


def uvloop_runner() -> asyncio.Runner:
    """Make a runner on the fast event loop."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(settings: Settings, announce: Callable[[Announcement], None]) -> None:
    certificate = certificate_for(settings)
    listening = socket.create_server(
        (settings.host, settings.port), family=family(settings.host), backlog=4096, reuse_port=False
    )
    desk = Desk(settings, raise_file_limit())
    server = Server(http_config(desk.watching.traced(desk.app), certificate), desk.leave, desk.release, settings.drain)
    try:
        secured = settings.tls or settings.tls_cert is not None or bool(settings.behind_proxy)
        await check_exposure(desk.store, settings.host, secured=secured)
        key, new = await first_account(desk.store, settings.data)
        enter = await owners_link(desk.store, desk.store, secrets.token_hex(LINK_BYTES))
        machine, trouble = await enrol_machine(desk.store, settings)
        loops = [asyncio.create_task(loop) for loop in _loops(desk, server, certificate)]
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        up = asyncio.create_task(server.up.wait())
        await asyncio.wait((serving, up), return_when=asyncio.FIRST_COMPLETED)
        url = url_of(settings.host, listening, secure=certificate is not None)
        with told(settings.data, url, certificate, str(settings.database) if settings.database else None):
            if machine is not None:
                loops.append(asyncio.create_task(keep_working(settings, url, machine, certificate)))
            announcement = await _announcement(desk, url, key, enter, new=new, trouble=trouble)
            if certificate is not None:
                announcement = over_tls(announcement, certificate, settings.host)
            # Whoever reads it may take their time; who asks meanwhile is told that the desk is starting.
            await asyncio.to_thread(announce, announcement)
            desk.announced = True
            run_smoothly()
            await serving
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    finally:
        await desk.close()


def certificate_for(settings: Settings) -> Certificate | None:
    """Give what to serve https with, None for plain HTTP; raises BadCertificate."""
    if not (settings.tls or settings.tls_cert or settings.tls_key):
        return None
    from answerdesk.api import certificates

    if settings.tls_cert or settings.tls_key:
        return certificates.own(settings.tls_cert, settings.tls_key)
    listened = () if settings.host in ANYWHERE else (settings.host,)
    return certificates.local(settings.data / certificates.FOLDER, (*listened, *settings.tls_names))


async def _announcement(
    desk: Desk, url: str, key: str | None, enter: str | None, *, new: bool, trouble: str | None
) -> Announcement:
    """Tell what is served; a key that was revoked is not told."""
    settings = desk.settings
    account = await desk.store.account_by_key(digest(key)) if key else None
    purse = await desk.store.purse(account.id) if account else None
    return Announcement(
        url=url,
        data=settings.data,
        database=str(settings.database) if settings.database else None,
        new=new,
        key=key if account else None,
        account=account.name if account else None,
        balance=purse.balance if purse else NOTHING,
        machine=None if trouble or settings.solver == NO_SOLVER else settings.solver,
        trouble=trouble,
        enter=enter,
    )


def _loops(desk: Desk, server: Server, certificate: Certificate | None) -> list[Coroutine[Any, Any, None]]:
    """List what runs beside the requests, each by its period."""
    retention = Retention(results_ms=int(desk.settings.result_ttl * 1000), media_ms=int(desk.settings.media_ttl * 1000))

    async def look_around() -> None:
        desk.store.look_around()

    async def sweep_heads() -> None:
        sweep(server.server_state.connections, time.monotonic())

    async def check() -> None:
        # Each node what it settled itself.
        await desk.spot_checks.check(desk.spot_checks.take(), Wall().now())

    async def renew() -> None:
        if certificate is not None and certificate.authority is not None and server.config.ssl is not None:
            from answerdesk.api import certificates

            certificates.load(server.config.ssl, certificate_for(desk.settings) or certificate)

    return [
        desk.deliverer.run(),
        _every(RENEW_SECONDS, renew),
        _every(LOOK_AROUND_SECONDS, look_around),
        _every(REREAD_SECONDS, desk.reread),
        _every(0, desk.release_told),
        _every(RECOVER_SECONDS, desk.store.recover),
        _every(CHECK_SECONDS, check),
        _every(HEAD_SECONDS / 3, sweep_heads),
        *(_every(period, functools.partial(_chore, chore, desk.store, retention)) for chore, period in CHORES),
    ]


async def _chore(chore: Chore, store: DeskStore, retention: Retention) -> None:
    """Run a chore's rounds until there is no more to do, on whoever's duty it is; each waits for its commit."""
    more = True
    while more and store.duty():
        more = await chore(store, Wall().now(), retention) >= ROUND


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Act again and again; one that fails is logged and tried again at its next time, one put off is logged once."""
    put_off = False
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
            put_off = False
        except Unavailable as away:
            if not put_off:
                log.warning("chore_put_off", why=str(away))
            put_off = True
        except Exception:
            log.exception("chore_crashed")


async def first_account(store: DeskStore, data: Path) -> tuple[str | None, bool]:
    """Make the first account where there is none; gives its key, if this folder has it, and whether it was made."""
    path = data / FIRST_KEY
    if await _has_first(store):
        return read_line(path), False
    key = secrets.token_hex(16)
    write_secret(path, key)
    account = Account(id=AccountId(await store.draw()), name=FIRST_ACCOUNT)
    named = (digest(key), key[-4:])
    try:
        await store.run(OpenAccount(account=account, key=named, credit=FIRST_BALANCE, note="a new desk's first credit"))
    except (Refusal, Unavailable):
        # Another node may have been quicker: then it has the key.
        if not await _has_first(store):
            raise
        path.unlink()
        return None, False
    return key, True


async def _has_first(store: DeskStore) -> bool:
    return any(account.name == FIRST_ACCOUNT for account, _ in await store.accounts())
