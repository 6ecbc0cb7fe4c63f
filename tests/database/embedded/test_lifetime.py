"""The life of a server: started, shared, stopped, and never outliving its users."""

from __future__ import annotations

import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from deskmind.database.embedded import EmbeddedServer, EmbeddedStatus, status
from deskmind.database.embedded._layout import Layout
from deskmind.database.embedded._processes import server_processes
from tests.database.embedded.conftest import Processes, eventually


def left_over(home: Path) -> list[int]:
    layout = Layout.of(home)
    return server_processes(layout.data, layout.title)


def ask(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.conninfo()) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return row[0]
