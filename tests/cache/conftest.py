"""A real Valkey that tests may kill, freeze and start again on the same port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from soak.valkey import Valkey

__all__ = ["Valkey", "shared_valkey", "valkey"]


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.kill()


@pytest.fixture
def valkey(shared_valkey: Valkey) -> Valkey:
    """A running, empty server."""
    if shared_valkey.process is None:
        shared_valkey.start()
    with shared_valkey.client as client:
        client.flushall()
    return shared_valkey
