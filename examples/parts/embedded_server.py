"""The embedded PostgreSQL alone, for an application of your own. Needs the extra ``embedded``.

Run it: python examples/parts/embedded_server.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psycopg

from deskmind.database.embedded import EmbeddedServer


def main() -> None:
    home = Path(os.environ.get("DESKMIND_HOME") or tempfile.mkdtemp())
    with EmbeddedServer.start(home / "postgres-alone") as server:
        print(f"PostgreSQL {server.version} on {server.host}")
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            row = connection.execute("SELECT '[1, 2, 3]'::vector <-> '[1, 2, 5]'::vector").fetchone()
            print(f"distance: {row[0] if row else None}")
    print("stopped: its last user is gone")


if __name__ == "__main__":
    main()
