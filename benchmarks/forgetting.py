"""The benchmark of forgetting on PostgreSQL: settled tasks erased row by row, and with the partitions they lie in.
Rule: what one way leaves to the server is counted to it: after the rows comes the vacuum."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import psycopg
import seed
from database import Cluster, cluster
from runs import Bench

from answerdesk.desk.chores import ROUND, Retention, forget
from answerdesk.desk.ports import Store
from answerdesk.model.account import DAY_MS, Millis
from answerdesk.store.folder import DATABASE
from answerdesk.store.postgres import PostgresStore

_TABLES: Final = "tasks, contents, leases, replays, callbacks, attempts"


def retention(bench: Bench) -> None:
    """Forget as many settled tasks of 3 kB, past by a day, in either way."""
    many = bench.size(100_000, 2_000)
    bench.folder.chmod(0o711)
    plan = seed.Seed(settled=many, content=3_000, accounts=10)
    with cluster(bench.folder / "postgres") as base:
        # What is drawn to its end goes at once; what is not, row by row.
        for way, drawn in (("rows", 0), ("drop", 1)):
            seed.sow(bench.folder / way, plan)
            url = base.desk(way, bench.folder / way / DATABASE)
            with psycopg.connect(url, autocommit=True) as database:
                database.execute("UPDATE ranges SET drawn = %s WHERE first = 0", (drawn,))
                _forget(bench, base, way, url, database)


def _forget(bench: Bench, base: Cluster, way: str, url: str, database: psycopg.Connection[tuple[Any, ...]]) -> None:
    written = database.execute("SELECT pg_current_wal_lsn()").fetchone()
    began, used, own = time.perf_counter(), base.cpu(), time.process_time()
    asyncio.run(_all(PostgresStore(url)))
    took, own = time.perf_counter() - began, time.process_time() - own
    database.execute(f"VACUUM {_TABLES}")
    used = base.cpu() - used
    ((left, log),) = database.execute(
        "SELECT (SELECT count(*) FROM tasks), (pg_current_wal_lsn() - %s)::float", written
    ).fetchall()
    if left:
        msg = f"{left} tasks were not forgotten"
        raise RuntimeError(msg)
    bench.tell(f"{way}: seconds; CPU seconds of the database, of the node", f"{took:.2f}; {used:.2f}, {own:.2f}")
    bench.tell(f"{way}: MB of log", f"{log / 1e6:.1f}")


async def _all(store: PostgresStore) -> None:
    """Run the chore as long as there is more, as a day and more from now."""
    chore: Store = store
    now = Millis(time.time_ns() // 1_000_000 + 2 * DAY_MS)
    while await forget(chore, now, Retention()) >= ROUND:
        pass
    await store.aclose()
