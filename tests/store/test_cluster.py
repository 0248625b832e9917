"""The PostgreSQL database itself: brought up to date by whoever comes first, its partitions made before they are used,
and its connections, which come back when the server does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.checkup import check_up
from answerdesk.store.cluster import migrate, open_connection
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.schema import migrations
from answerdesk.store.upgrade import state
from tests.fakes import Clock
from tests.postgres import LOOSE, Server, server
from tests.store.driver import Desk


@pytest.fixture
def empty() -> Iterator[str]:
    url = server().empty_database()
    yield url
    server().drop(url)


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


def test_nodes_that_start_at_once_migrate_an_empty_database_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as nodes:
        stores = list(nodes.map(PostgresStore, [empty] * 4))
    assert len({store.permutation_key for store in stores}) == 1
    with closing(open_connection(empty)) as connection:
        assert state(connection).done == {step.number for step in migrations("postgres")}


def test_a_database_of_a_newer_version_is_refused(empty: str) -> None:
    PostgresStore(empty).close()
    known = len(migrations("postgres"))
    with closing(open_connection(empty)) as connection:
        connection.execute(
            "INSERT INTO migrations (number, name, oldest) VALUES (%s, 'later', %s)", (known + 2, known + 1)
        )
    with pytest.raises(Unavailable, match=f"newer answerdesk .schema {known + 1}, this one knows {known}."):
        PostgresStore(empty)


def test_a_migration_that_fails_leaves_nothing_behind(empty: str) -> None:
    with closing(open_connection(empty)) as connection:
        # It is no table, so nothing says that the database is somebody else's.
        connection.execute("CREATE TYPE rules AS (id BIGINT)")
        with pytest.raises(Unavailable, match=r"cannot be brought up to date: relation .rules. already exists"):
            migrate(connection, lambda: bytes(24))
        assert connection.execute("SELECT to_regclass('tasks')").fetchone() == (None,)
        connection.execute("DROP TYPE rules")
        migrate(connection, lambda: bytes(24))


def test_a_server_that_is_not_there_is_named_as_such() -> None:
    with pytest.raises(Unavailable, match=r"the database cannot be reached: .*nowhere"):
        PostgresStore("postgresql:///desk?host=/nowhere")


@pytest.mark.parametrize("url", ["postgresql://a b", "mysql://here/desk"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a database URL"):
        PostgresStore(url)


def test_a_number_is_never_drawn_before_its_partitions_are_there(url: str) -> None:
    with closing(open_connection(url)) as connection:
        connection.execute("UPDATE facts SET value = 8 WHERE name = 'width'")
        connection.execute("UPDATE facts SET value = (SELECT max(past) - 20 FROM ranges) WHERE name = 'next'")
        for _ in range(12):
            (first,) = connection.execute("SELECT take_block(5)").fetchone() or ()
            for n in range(first, first + 5):
                connection.execute("INSERT INTO contents (n, account, sizes, data) VALUES (%s, 1, '[]', '')", (n,))
        edges = connection.execute("SELECT first, past, drawn FROM ranges ORDER BY first").fetchall()
        (upto,) = connection.execute("SELECT value FROM facts WHERE name = 'next'").fetchone() or ()
    assert [past for _, past, _ in edges[:-1]] == [first for first, _, _ in edges[1:]]
    assert all((drawn > 0) is (past <= upto) for _, past, drawn in edges)
    assert edges[-1][1] >= upto + 8


def test_partitions_are_as_wide_as_the_numbers_of_their_time(url: str) -> None:
    now = 1_000_000
    with closing(open_connection(url)) as connection:

        def draw(size: int, times: int, every: int) -> list[int]:
            """Draw for a while; gives how wide the partitions are that were made meanwhile."""
            nonlocal now
            (before,) = connection.execute("SELECT max(past) FROM ranges").fetchone() or ()
            for _ in range(times):
                now += every
                connection.execute("SELECT take_block(%s, %s)", (size, now))
            made = "SELECT past - first FROM ranges WHERE first >= %s ORDER BY first"
            return [width for (width,) in connection.execute(made, (before,)).fetchall()]

        connection.execute("UPDATE facts SET value = 100 WHERE name = 'width'")
        connection.execute("UPDATE facts SET value = 9999 WHERE name = 'widest'")
        connection.execute("UPDATE facts SET value = (SELECT max(past) FROM ranges) WHERE name = 'next'")
        # Nobody said how long they should last.
        assert set(draw(50, 6, 1_000)) == {100}
        connection.execute("UPDATE facts SET value = 10000 WHERE name = 'lasts'")
        assert set(draw(50, 24, 1_000)) == {500}
        assert set(draw(50, 24, 10_000)[2:]) == {100}
        # A rush of one moment.
        assert draw(50, 3, 0)[-1] == 1_600
        assert draw(4_000, 3, 0)[-1] == 9_999


def test_too_little_room_for_the_locks_of_many_partitions_is_said(url: str) -> None:
    assert not any("locks" in wrong for wrong in check_up(DatabaseUrl(url), Clock().now).wrong)
    with closing(open_connection(url)) as connection:
        ranges = "SELECT n, n + 1 FROM generate_series(10000000, 10000999) AS n"
        connection.execute(f"INSERT INTO ranges (first, past) {ranges}")
        room = "current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int"
        (has,) = connection.execute(f"SELECT {room}").fetchone() or ()

    (wrong,) = (wrong for wrong in check_up(DatabaseUrl(url), Clock().now).wrong if "locks" in wrong)

    assert wrong.startswith(f"it has room for {has} locks, ")
    assert wrong.endswith(" may be wanted; raise max_locks_per_transaction")


def test_all_that_grows_with_the_tasks_is_partitioned_and_its_key_has_number_and_account(url: str) -> None:
    keys = (
        "SELECT relname,"
        " (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute WHERE attrelid = indexrelid)"
        " FROM pg_class JOIN pg_index ON indrelid = pg_class.oid AND indisprimary WHERE relkind = 'p'"
    )
    with closing(open_connection(url)) as connection:
        found = {table: set(key) for table, key in connection.execute(keys).fetchall()}
        numbered = connection.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns JOIN pg_class ON relname = table_name"
            " WHERE table_schema = 'public' AND column_name = 'n' AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
    # Money does not forget: the ledger goes with no task.
    assert found.keys() == {table for (table,) in numbered} - {"entries"}
    assert all(key >= {"n", "account"} for key in found.values())


def test_nodes_that_draw_at_once_draw_different_numbers(url: str) -> None:
    def draw(_: int) -> list[int]:
        with closing(open_connection(url)) as connection:
            return [connection.execute("SELECT take_block(10)").fetchone()[0] for _ in range(20)]  # type: ignore[index]

    with ThreadPoolExecutor(4) as nodes:
        drawn = [first for firsts in nodes.map(draw, range(4)) for first in firsts]
    assert sorted(drawn) == list(range(1, 801, 10))


async def test_reads_go_on_when_the_server_comes_back(tmp_path: object) -> None:
    own = Server(**LOOSE).start()
    try:
        store = PostgresStore(own.database())
        assert await store._rows("SELECT ?", 1) == [(1,)]  # noqa: SLF001 - any read
        own.stop(signal.SIGQUIT)
        with pytest.raises(Unavailable):
            await store._rows("SELECT ?", 1)  # noqa: SLF001 - same
        own.start()
        for _ in range(200):
            try:
                assert await store._rows("SELECT ?", 1) == [(1,)]  # noqa: SLF001 - same
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                break
        else:
            pytest.fail("the reads did not come back")
        await store.aclose()
    finally:
        own.remove()


async def test_reads_at_once_do_not_wait_for_each_other(url: str) -> None:
    store = PostgresStore(url)
    # Each waits until the other holds its lock: one after the other they would wait for ever.
    meets = "SELECT pg_advisory_lock(?), pg_sleep(0.2), pg_try_advisory_lock(?)"
    one, other = await asyncio.gather(store._rows(meets, 1, 2), store._rows(meets, 2, 1))  # noqa: SLF001 - any read
    assert (one[0][2], other[0][2]) == (False, False)
    await store.aclose()


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_a_text_that_no_row_can_hold_is_found_nowhere(url: str, text: str) -> None:
    store = PostgresStore(url)
    assert await store._rows("SELECT 1 WHERE 'a' <> ?", text) == []  # noqa: SLF001 - any read
    await store.aclose()


def test_a_store_is_used_from_one_loop_after_the_other(url: str) -> None:
    store = PostgresStore(url)

    async def read() -> list[tuple[object, ...]]:
        return await store._rows("SELECT ?", True)  # noqa: SLF001 - any read

    assert asyncio.run(read()) == [(1,)]
    assert asyncio.run(read()) == [(1,)]
    store.close()


async def test_what_was_acknowledged_is_there_though_the_server_would_have_put_it_off() -> None:
    own = Server(**LOOSE).start()
    try:
        url = own.empty_database()
        desk = Desk(PostgresStore(url), Clock())
        account, _ = await desk.open_account(), await desk.person()
        numbers = [await desk.submit(account) for _ in range(20)]
        # At once, before what is put off would be written.
        own.stop(signal.SIGQUIT)
        await desk.store.aclose()
        own.start()
        again = PostgresStore(url)
        assert [task.n for n in numbers if (task := await again.task(n))] == numbers
        await again.aclose()
    finally:
        own.remove()
