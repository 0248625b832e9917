"""The connections that read: what kept one of them from the database is forgotten once another one reads."""

from __future__ import annotations

import asyncio
from contextlib import closing

import psycopg
import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.store.readers import Readers
from tests.postgres import server


async def test_a_reader_that_found_no_way_in_troubles_nobody_once_others_read() -> None:
    url = server().database()
    name = url.partition("?")[0].rpartition("/")[2]
    with closing(Readers(url)) as reading, psycopg.connect(server().url("postgres"), autocommit=True) as admin:
        await reading.rows("SELECT 1", ())
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        slow = asyncio.create_task(reading.rows("SELECT pg_sleep(0.2)", ()))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="not currently accepting connections"):
            await reading.rows("SELECT 1", ())
        troubled = reading.trouble
        await slow

        assert troubled is not None
        assert reading.trouble is None
        assert await reading.rows("SELECT 2", ()) == [(2,)]
