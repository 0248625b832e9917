"""The first start of a desk, broken off after each of its writes: the next start makes it whole."""

from __future__ import annotations

import contextlib
import socket

import pytest

from answerdesk.beside import enrol_machine
from answerdesk.config import read_settings
from answerdesk.desk.greeting import owner_of
from answerdesk.desk.people import Enrol
from answerdesk.main import FIRST_BALANCE, first_account
from answerdesk.model.account import digest
from answerdesk.model.fault import Refusal
from answerdesk.model.person import Person, PersonId, Role
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


@pytest.mark.parametrize(
    ("database", "names"), [(None, ["ocr@here"]), ("postgresql://host/desk", ["ocr@here", "ocr@here 2"])]
)
async def test_on_one_host_every_node_of_a_database_has_a_machine_of_its_own(tmp_path, database, names):
    store = SqliteStore("", Wall())
    folders = [tmp_path / name for name in "ab"]
    for folder in (*folders, *folders):
        folder.mkdir(exist_ok=True)
        settings = read_settings({"data": folder, "database": database, "solver": "ocr"}, {})
        token, trouble = await enrol_machine(store, settings)
        assert trouble is None
        assert (folder / "ocr.token").read_text().strip() == token
    host = socket.gethostname()

    assert [one.name.replace(host, "here") for one in store.house().solvers] == names
    store.close()


class Overtaken(SqliteStore):
    """A store at whose first draw another process has just done the same as this one is about to do."""

    def overtaken_by(self, act) -> None:
        self._act = act

    async def draw(self):
        act, self._act = self._act, None
        if act is not None:
            await act()
        return await super().draw()


@pytest.fixture
def two(tmp_path):
    """Two stores on one desk, as two nodes have them."""
    path = str(tmp_path / "answerdesk.db")
    stores = Overtaken(path, Wall()), SqliteStore(path, Wall())
    yield stores
    for store in stores:
        store.close()


async def test_of_two_first_starts_at_once_one_makes_the_first_account_and_has_its_key(tmp_path, two):
    slow, quick = two
    folders = tmp_path / "slow", tmp_path / "quick"
    for folder in folders:
        folder.mkdir()
    made = []

    async def overtake():
        made.append(await first_account(quick, folders[1]))

    slow.overtaken_by(overtake)

    assert await first_account(slow, folders[0]) == (None, False)
    assert [new for _, new in made] == [True]
    assert [purse.balance for _, purse in await slow.accounts()] == [FIRST_BALANCE]
    assert not (folders[0] / "first.key").exists()


async def test_of_two_first_starts_at_once_one_makes_the_owner(two):
    slow, quick = two
    slow.overtaken_by(lambda: owner_of(quick, quick))

    assert await owner_of(slow, slow) == await owner_of(quick, quick)
    assert len(await slow.people()) == 1


async def test_where_somebody_else_took_the_owners_name_meanwhile_the_start_fails_and_the_next_is_good(two):
    slow, quick = two
    slow.overtaken_by(lambda: quick.run(Enrol(person=Person(id=PersonId(90), name="owner", role=Role.WORKER))))

    with pytest.raises(Refusal, match="owner"):
        await owner_of(slow, slow)
    assert (await owner_of(slow, slow)).name == "owner 2"
