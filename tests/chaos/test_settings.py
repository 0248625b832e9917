"""The replicated database that is broken on purpose has the shipped settings; what is its own is told here."""

from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]

from tests.chaos.replicated import settings

SHIPPED = Path(__file__).parents[2] / "deploy" / "patroni" / "patroni.yml"


def leaves(value: object, path: str = "") -> dict[str, object]:
    """Each setting by the way to it."""
    if isinstance(value, dict):
        return {way: leaf for key, inner in value.items() for way, leaf in leaves(inner, f"{path}/{key}").items()}
    return {path: value}


def test_only_places_and_the_size_of_a_disk_differ_from_what_is_shipped(tmp_path: Path) -> None:
    shown = leaves(yaml.safe_load(SHIPPED.read_text("utf-8")))
    tried = leaves(yaml.safe_load(settings("pg2", "10.213.0.12", "10.213.0.10", tmp_path, "10.213.0.0/24")))

    assert tried.keys() == shown.keys()
    assert {way for way in shown if tried[way] != shown[way]} == {
        "/name", "/restapi/listen", "/restapi/connect_address", "/etcd3/hosts", "/bootstrap/pg_hba",
        "/bootstrap/dcs/postgresql/parameters/wal_keep_size", "/postgresql/listen", "/postgresql/connect_address",
        "/postgresql/data_dir", "/postgresql/pgpass", "/postgresql/pg_hba",
        "/postgresql/parameters/unix_socket_directories",
    }  # fmt: skip


def test_nothing_of_the_shipped_places_is_left(tmp_path: Path) -> None:
    text = settings("pg2", "10.213.0.12", "10.213.0.10", tmp_path, "10.213.0.0/24")

    assert "10.0.0." not in text
    assert "/var/" not in text
