"""The audit log proves itself: it holds, an edit by a superuser of the database shows, and what was there holds again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from deskmind.cli.demonstration.stage import Stage
    from deskmind.governance.audit import Report

__all__ = ["verify_audit"]

_NEWEST = """
SELECT event_id, resource FROM audit_events WHERE tenant_id = %s AND position IS NOT NULL
 ORDER BY action = %s DESC, position DESC LIMIT 1
"""
_EDIT = "UPDATE audit_events SET resource = %s WHERE tenant_id = %s AND event_id = %s"


async def verify_audit(stage: Stage) -> None:
    """Seal and verify; then the same with the approval edited, which is put back."""
    stage.title("9. The audit log proves itself")
    await stage.app.sealing.seal()
    _print(stage, "deskmind audit verify", await stage.desk.audit_log.verify())
    address = stage.app.database.endpoints.admin
    if address is None:
        stage.console.print("(no superuser's login is known here, so nothing is edited)")
        return
    async with _edited(stage, address) as edited:
        _print(stage, f"the same after a superuser's: {edited}", await stage.desk.audit_log.verify())
    _print(stage, "the same when it is put back", await stage.desk.audit_log.verify())


@asynccontextmanager
async def _edited(stage: Stage, address: str) -> AsyncGenerator[str]:
    """One sealed event says something else until the block ends; what was done to it."""
    from psycopg import AsyncConnection

    from deskmind.governance.access import Permission

    tenant = stage.desk.scope.tenant_id
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await _use(connection, stage.app.database.endpoints.schema)
        cursor = await connection.execute(_NEWEST, (tenant, Permission.APPROVALS_DECIDE))
        row = await cursor.fetchone()
        assert row is not None
        event, resource = row
        await connection.execute(_EDIT, ("nothing", tenant, event))
        try:
            yield f"UPDATE audit_events SET resource = 'nothing' WHERE event_id = '{event}'"
        finally:
            await connection.execute(_EDIT, (resource, tenant, event))


async def _use(connection: AsyncConnection[Any], schema: str) -> None:
    from psycopg import sql

    await connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))


def _print(stage: Stage, what: str, report: Report) -> None:
    stage.console.print(f"{what}:", markup=False)
    told = str(report).splitlines()[0] if report.holds else "; ".join(one.message for one in report.findings)
    stage.console.print(f"  {told}", style="green" if report.holds else "red", markup=False)
