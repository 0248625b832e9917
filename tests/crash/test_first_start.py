"""The first start of a desk, broken off after each of its writes: the next start makes it whole."""

from __future__ import annotations

import contextlib

import pytest

from answerdesk.main import FIRST_BALANCE, first_account
from answerdesk.model.account import digest
from answerdesk.store.folder import Wall, open_store
from answerdesk.store.sqlite import SqliteStore


class PowerCut(Exception):
    """The machine stopped here."""


class Doomed(SqliteStore):
    """A store that stops for ever after some writes."""

    def stop_after(self, writes: int) -> None:
        self._left = writes

    async def run(self, verb):
        if not self._left:
            raise PowerCut
        self._left -= 1
        return await super().run(verb)


@pytest.mark.parametrize("writes", range(4))
async def test_a_first_start_broken_off_after_any_write_is_made_good(tmp_path, writes):
    doomed = Doomed(str(tmp_path / "answerdesk.db"), Wall())
    doomed.stop_after(writes)
    with contextlib.suppress(PowerCut):
        await first_account(doomed, tmp_path)
    doomed.close()
    store = open_store(tmp_path)
    try:
        key, _ = await first_account(store, tmp_path)
        account = await store.account_by_key(digest(key or ""))
        accounts = await store.accounts()
    finally:
        store.close()

    assert account is not None
    assert [purse.balance for _, purse in accounts] == [FIRST_BALANCE]
    assert (tmp_path / "first.key").read_text().strip() == key
