"""The checks of the schema: that it is ours, and forbids what it should."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.database import Connection
from deskmind.readiness._asking import rows_of
from deskmind.readiness.report import Check
from deskmind.scope import Scope

__all__ = ["database", "migrations", "roles", "row_level_security", "scope"]

_UNPROTECTED = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
 ORDER BY 1
"""

_WITH_TENANT = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
"""

_ROLE = """
SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication,
       EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid),
       EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid) OR EXISTS (SELECT FROM pg_proc p WHERE p.proowner = r.oid),
       has_schema_privilege(current_schema(), 'CREATE') OR has_database_privilege(current_database(), 'TEMP')
  FROM pg_roles r WHERE r.rolname = current_user
"""


async def database(app: Deskmind) -> Check:
    """The server answers."""
    rows = await rows_of(app, "SELECT current_setting('server_version')")
    return Check("database", "green", f"PostgreSQL {rows[0][0]} answers.", evidence={"version": rows[0][0]})


async def migrations(app: Deskmind) -> Check:
    """The schema is this release's."""
    status = await app.migration_status()
    evidence = {"schema": status.current, "newest": status.head, "pending": list(status.pending)}
    if status.up_to_date:
        return Check("migrations", "green", f"The schema is at {status.current}.", evidence=evidence)
    return Check(
        "migrations",
        "red",
        f"The schema is at {status.current}, {status.head} is needed.",
        "Run `deskmind migrate up`.",
        evidence,
    )


async def row_level_security(app: Deskmind) -> Check:
    """Every table with a tenant has row-level security enabled and forced."""
    names = [str(row[0]) for row in await rows_of(app, _UNPROTECTED)]
    if not names:
        ((tables,),) = await rows_of(app, _WITH_TENANT)
        return Check(
            "row-level security",
            "green",
            f"Enabled and forced on all {tables} tables that have a tenant.",
            evidence={"tables": tables},
        )
    return Check(
        "row-level security",
        "red",
        f"Not enforced on {', '.join(names[:5])}.",
        "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; find out who switched it off.",
        {"without": names},
    )


async def roles(app: Deskmind) -> Check:
    """The application's login can do nothing but its work."""
    powerful, member, owner, creates = (await rows_of(app, _ROLE))[0]
    wrong = [
        text
        for flag, text in (
            (powerful, "has an administrator's attribute"),
            (member, "is a member of another role"),
            (owner, "owns objects"),
            (creates, "may create objects"),
        )
        if flag
    ]
    if not wrong:
        return Check("roles", "green", "The application's login owns nothing and may create nothing.")
    return Check(
        "roles",
        "red",
        f"The application's login {', '.join(wrong)}.",
        "Run `deskmind migrate up`, revoke the rest.",
    )


async def scope(app: Deskmind) -> Check:
    """A forged scope is worth nothing, a signed one works."""
    async with app.database.transaction(Scope.directory()) as connection:
        signed = await _act(connection)
        await connection.execute(
            "SELECT set_config('deskmind.scope', left(current_setting('deskmind.scope'), -1) || 'x', true)"
        )
        forged = await _act(connection)
    if signed == "directory" and forged is None:
        return Check("scope", "green", "The database accepts signed scopes only.")
    return Check("scope", "red", "The database does not verify scopes.", "Run `deskmind migrate up`.")


async def _act(connection: Connection) -> str | None:
    cursor = await connection.execute("SELECT scope_act()")
    row = await cursor.fetchone()
    return row[0] if row else None
