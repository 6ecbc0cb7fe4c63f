"""A tenant that came since the tables were last counted costs the database no more than one that it knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.database import Connection
from deskmind.desk import Desk
from deskmind.knowledge.ingest import StagedFile, Stager, load_report
from deskmind.knowledge.ingest.closing import cancel_files
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.knowledge.ingest.staging import ensure_source
from deskmind.knowledge.ingest.store import remove_documents, supersede
from deskmind.scope import EVERYONE

SEVERAL = 25
_READ = "SELECT coalesce(sum(idx_tup_fetch + seq_tup_read), 0)::int FROM pg_stat_xact_user_tables WHERE relname = %s"


@pytest.fixture
async def newcomer(app: Deskmind, operator: Desk, new_tenant: Callable[[], Awaitable[str]]) -> Desk:
    """A desk with documents of a source, in a tenant that the statistics know nothing of."""
    await operator.knowledge.add("known.md", b"# Known\n\nWhat the tables are counted with.")
    endpoints = app.database.endpoints
    assert endpoints.admin is not None
    desk = await app.desk(tenant=await new_tenant())
    async with await psycopg.AsyncConnection.connect(endpoints.admin, autocommit=True) as admin:
        await admin.execute(f"ANALYZE {endpoints.schema}.documents".encode())
    for number in range(SEVERAL):
        await desk.knowledge.add(
            f"{number}.md", f"# Note {number}\n\nThe printer of floor {number}.".encode()
        )
    return desk


async def _read(connection: Connection, table: str = "documents") -> int:
    row = await (await connection.execute(_READ, (table,))).fetchone()
    assert row is not None
    return row[0]


async def test_removing_reads_no_more_than_all_for_each_name(newcomer: Desk) -> None:
    """For each name, not for each pair of a name and a document: that took longer than a statement may, and nothing went on."""
    database, scope = newcomer.database, newcomer.scope
    assert len(await newcomer.knowledge.documents(limit=200)) == SEVERAL
    async with database.transaction(scope) as connection:
        source = await ensure_source(connection, scope, "uploads")
        before = await _read(connection)
        await remove_documents(connection, scope, source, [f"{number}.md" for number in range(SEVERAL)])
        assert await _read(connection) - before <= 3 * SEVERAL**2
    assert await newcomer.knowledge.documents(limit=200) == []


async def test_what_a_new_tenant_brings_is_counted_before_a_tenth_of_the_tables_has_changed(
    own_app: Deskmind, tmp_path: Path
) -> None:
    newcomer = f"newcomer-{uuid4().hex[:8]}"
    await own_app.tenants.create(newcomer)
    desk = await own_app.desk(tenant=newcomer)
    for number in range(600):
        (tmp_path / f"{number}.md").write_text(f"# Note {number}\n\nThe printer of floor {number}.")
    report = await desk.knowledge.ingest(tmp_path)
    assert report.count("stored") == 600
    endpoints = own_app.database.endpoints
    assert endpoints.admin is not None
    async with await psycopg.AsyncConnection.connect(endpoints.admin) as admin:
        cursor = await admin.execute(
            "SELECT tablename, most_common_vals::text FROM pg_stats WHERE schemaname = %s AND attname = 'tenant_id'"
            " AND tablename = ANY (%s)",
            (endpoints.schema, ["documents", "ingest_files"]),
        )
        known = dict(await cursor.fetchall())
    assert set(known) == {"documents", "ingest_files"}
    assert all(str(desk.scope.tenant_id) in values for values in known.values())


async def test_superseding_passes_over_what_waits_elsewhere(newcomer: Desk) -> None:
    """Each batch of an upload asks what waits: neither its own files nor those of other sources are read for it."""
    database, scope = newcomer.database, newcomer.scope
    files = [StagedFile(f"{number}.md", f"{number}.md", f"{number}.md", b"text") for number in range(400)]
    ingests = [
        await Stager(database, scope, pipeline="test").stage(files, source=source, acl=[[EVERYONE]])
        for source in ("files", "uploads")
    ]
    async with database.transaction(scope) as connection:
        await lock_to_write(connection)
        source = await ensure_source(connection, scope, "uploads")
        before = await _read(connection, "ingest_files")
        await supersede(connection, scope, source, ["0.md"], newer=ingests[1])
        assert await _read(connection, "ingest_files") - before <= 4
        await supersede(connection, scope, source, ["0.md"])
        for number, ingest_id in enumerate(ingests):
            report = await load_report(connection, scope.tenant_id, ingest_id)
            assert report is not None
            assert report.count("unchanged") == number
            await cancel_files(connection, scope, ingest_id, first=0, last=400)  # nobody need take them in
