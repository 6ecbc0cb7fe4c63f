"""The audit log in your own PostgreSQL: events in your transactions, sealed, and a change by the superuser found out.

Here an embedded server stands for yours. Run it: python examples/parts/audit_in_your_database.py
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from pathlib import Path

from psycopg_pool import AsyncConnectionPool

from deskmind.database.embedded import EmbeddedServer
from deskmind.governance.audit import SigningKey
from deskmind.governance.audit.standalone import AuditLog


async def use(address: str) -> None:
    key = SigningKey(secrets.token_bytes(32))  # keep it, and each checkpoint, outside of the database
    async with AsyncConnectionPool(address, min_size=1, max_size=4, open=False) as pool:
        log = AuditLog(pool, schema="deskmind")
        await log.create()
        async with pool.connection() as connection:
            await connection.execute(
                "CREATE TABLE assets AS SELECT n AS asset_id FROM generate_series(1, 5) n"
            )
            for asset in (2, 4):
                await connection.execute("DELETE FROM assets WHERE asset_id = %s", (asset,))
                await log.record(connection, by="ana", action="assets.delete", resource=str(asset))

        kept = await log.seal(key)
        assert kept is not None
        print(f"kept elsewhere: {kept.size} events under one signature")
        print(f"untouched: {'holds' if (await log.verify([key.public], kept=[kept])).holds else 'does not'}")

        async with pool.connection() as connection:
            await connection.execute(
                "SET session_replication_role = replica"
            )  # a superuser passes the triggers
            await connection.execute("UPDATE deskmind.log_events SET principal = 'bob'")
        for finding in (await log.verify([key.public], kept=[kept])).findings:
            print(f"changed: {finding.message}")


def main() -> None:
    home = Path(tempfile.mkdtemp())
    with EmbeddedServer.start(home / "postgres") as server:
        asyncio.run(use(server.conninfo()))


if __name__ == "__main__":
    main()
