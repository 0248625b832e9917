"""A server of the work API, and the surroundings in which a child finds the sample plug-in."""

import os
from pathlib import Path

import pytest

from tests.solve.desk import Board, Server

PLUGIN = Path(__file__).with_name("sample_plugin")


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def server(board):
    server = Server(board)
    yield server
    server.end()


@pytest.fixture
def surroundings():
    """The environment of a process that finds the sample plug-in."""
    return {**os.environ, "PYTHONPATH": str(PLUGIN)}
