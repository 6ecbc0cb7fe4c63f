"""The checks of Deskmind's own parts."""

from __future__ import annotations

import asyncio
import shutil
import stat
from datetime import UTC, datetime, timedelta

from psycopg import errors as pg

from deskmind.app import Deskmind
from deskmind.cache.names import OWN_USES
from deskmind.database import Connection
from deskmind.governance.privacy import DATA_MAP, undeclared
from deskmind.governance.redaction.rules import missing_packages
from deskmind.observability.metering.scraping import address_of, scraped, total
from deskmind.readiness.report import Check
from deskmind.scope import Scope

__all__ = [
    "access",
    "audit_seal",
    "audit_witness",
    "database",
    "disk",
    "embedder",
    "jobs",
    "keys",
    "metrics",
    "migrations",
    "models",
    "pools",
    "privacy",
    "redaction",
    "roles",
    "row_level_security",
    "scope",
    "stories",
]

_MIN_FREE_BYTES = 1 * 2**30
_MAX_KEY_AGE = timedelta(days=365)

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

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""

_ROLE = """
SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication,
       EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid),
       EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid) OR EXISTS (SELECT FROM pg_proc p WHERE p.proowner = r.oid),
       has_schema_privilege(current_schema(), 'CREATE') OR has_database_privilege(current_database(), 'TEMP')
  FROM pg_roles r WHERE r.rolname = current_user
"""


async def _query(app: Deskmind, statement: str, *values: object) -> list[tuple[object, ...]]:
    async with app.database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute(statement.encode(), values)
        return await cursor.fetchall()


async def database(app: Deskmind) -> Check:
    """The server answers."""
    rows = await _query(app, "SELECT current_setting('server_version')")
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
    names = [str(row[0]) for row in await _query(app, _UNPROTECTED)]
    if not names:
        ((tables,),) = await _query(app, _WITH_TENANT)
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
    powerful, member, owner, creates = (await _query(app, _ROLE))[0]
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


async def keys(app: Deskmind) -> Check:
    """The keyring is private and its scope key not too old."""
    path = app.settings.home / "keyring.json"
    if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Check("keys", "red", "The keyring can be read by others.", f"chmod 600 {path}")
    age = datetime.now(UTC) - app.keyring.current("scope-token").created_at
    if age > _MAX_KEY_AGE:
        return Check(
            "keys",
            "red",
            f"The scope key is {age.days} days old.",
            "Run `deskmind keyring rotate scope-token`.",
            {"days": age.days, "most": _MAX_KEY_AGE.days},
        )
    return Check(
        "keys",
        "green",
        f"Private; the scope key is {age.days} days old.",
        evidence={"days": age.days, "most": _MAX_KEY_AGE.days},
    )


async def embedder(app: Deskmind) -> Check:
    """A model is there, and its vectors have a place."""
    engine = await app.engine()
    if engine.embedder is None:
        return Check(
            "embedder",
            "red",
            f"No embedding model: {app.embedding_problem}",
            f"Put model.safetensors under {app.settings.models_folder}, or configure another embedder.",
        )
    vector = await engine.embedder.embed_query("readiness")
    return Check(
        "embedder",
        "green",
        f"{engine.embedder.space.model} answers with {len(vector)} dimensions.",
        evidence={"model": engine.embedder.space.model, "dimensions": len(vector)},
    )


async def disk(app: Deskmind) -> Check:
    """There is room in the home."""
    free = shutil.disk_usage(app.settings.home).free
    finding = f"{free / 2**30:.1f} GiB free for {app.settings.home}."
    evidence = {"free_bytes": free, "least_bytes": _MIN_FREE_BYTES}
    if free < _MIN_FREE_BYTES:
        return Check("disk", "red", finding, "Free space, or move the home.", evidence)
    return Check("disk", "green", finding, evidence=evidence)


async def pools(app: Deskmind) -> Check:
    """Requests do not wait for connections."""
    stats = app.database.stats()
    waiting = stats.get("requests_waiting", 0)
    finding = f"{stats.get('pool_size', 0)} of {stats.get('pool_max', 0)} connections open, {waiting} requests waiting."
    if waiting:
        return Check(
            "pools", "red", finding, "Raise database.pool_max, or find what holds connections.", stats
        )
    return Check("pools", "green", finding, evidence=stats)


async def jobs(app: Deskmind) -> Check:
    """No job has failed for good."""
    depth = await app.jobs.depth()
    finding = f"{depth['todo']} queued, {depth['doing']} running, {depth['failed']} failed."
    if depth["failed"]:
        return Check(
            "jobs", "red", finding, "The log says why (event job …); mend the cause and ingest again.", depth
        )
    return Check("jobs", "green", finding, evidence=depth)


async def models(app: Deskmind) -> Check:
    """The usage ledger takes calls, and each configured model has a deployment that is not out."""
    gateway = await app.gateway()
    problem = getattr(gateway.ledger, "problem", None)
    if problem:
        return Check(
            "models", "red", f"Usage cannot be booked: {problem}", "See that the database can be reached."
        )
    if not gateway.models:
        return Check(
            "models", "not assessed", "No model is configured; answers are sentences from the documents."
        )
    now = gateway.board.clock()
    out = [
        name
        for name, config in gateway.models.items()
        if not any(gateway.board.of(deployment).available(now) for deployment in config.deployments)
    ]
    if out:
        return Check(
            "models",
            "red",
            f"No deployment of {', '.join(sorted(out))} answers.",
            "Run `deskmind models test`.",
        )
    return Check(
        "models", "green", f"{len(gateway.models)} configured.", evidence={"models": sorted(gateway.models)}
    )


async def metrics(app: Deskmind) -> Check:
    """The service shows its metrics and gives nothing up."""
    settings = app.settings.telemetry
    address = address_of(settings)
    if not address:
        return Check("metrics", "not assessed", "The settings show them on no port of their own.")
    samples = await asyncio.to_thread(scraped, address)
    if samples is None:
        return Check("metrics", "not assessed", f"No service shows them on {address}.")
    lost = total(samples, "deskmind_telemetry_dropped_total")
    evidence = {"processes": int(total(samples, "deskmind_processes")), "given_up": int(lost)}
    finding = f"{total(samples, 'deskmind_processes'):.0f} processes on {address}; {lost:,.0f} items of telemetry were given up."
    if total(samples, "deskmind_telemetry_failing"):
        return Check(
            "metrics",
            "red",
            finding,
            "See that the collector at telemetry.endpoint takes what is sent.",
            evidence,
        )
    return Check("metrics", "green", finding, evidence=evidence)


async def stories(app: Deskmind) -> Check:
    """Requests leave their stories, and none was lost."""
    if not app.settings.explain.enabled:
        return Check("stories", "not assessed", "Switched off by explain.enabled.")
    writer = app.stories
    await writer.flush()
    await writer.check()
    if not writer.alive or writer.problem:
        return Check(
            "stories",
            "red",
            f"Stories of requests are not written: {writer.problem or 'the writer has stopped'}.",
            "See that the database can be reached; the log says why (event explain.not_written).",
        )
    if writer.dropped:
        return Check(
            "stories",
            "red",
            f"{writer.dropped} stories were lost by this process, {writer.written} written.",
            "See whether the database keeps up; the log says why (event explain.dropped).",
        )
    return Check(
        "stories",
        "green",
        "Stories of requests are written, none was lost.",
        evidence={"written": writer.written, "lost": writer.dropped},
    )


async def redaction(app: Deskmind) -> Check:
    """Personal data is taken out of what goes to models outside this machine, with all that finds it."""
    models = (await app.gateway()).models
    if not models:
        return Check("redaction", "not assessed", "No model is configured, so no text goes to one.")
    bare = sorted(name for name in app.unredacted_models if not models[name].on_this_machine)
    if bare:
        return Check(
            "redaction",
            "red",
            f"Requests to {', '.join(bare)} leave this machine as they are.",
            "Set redaction.enabled = true.",
        )
    missing = missing_packages()
    if missing:
        return Check(
            "redaction",
            "red",
            f"Names and ids are not found without {', '.join(missing)}.",
            "pip install 'deskmind[redaction]'",
        )
    local = ", ".join(sorted(app.unredacted_models))
    plain = f" On this machine, as they are: {local}." if local else ""
    names = (
        "by a model as well"
        if app.settings.redaction.ner
        else "by lists and forms; redaction.ner asks a model too"
    )
    return Check(
        "redaction", "green", f"Requests that leave this machine are redacted, names {names}.{plain}"
    )


async def audit_seal(app: Deskmind) -> Check:
    """No event waits longer for the sealer than it should."""
    backlog, most = await app.sealing.backlog(), app.settings.audit.max_seal_lag
    evidence = {"waiting": backlog.events, "oldest_seconds": round(backlog.oldest_seconds, 1), "most": most}
    if backlog.oldest_seconds > most:
        return Check(
            "audit seal",
            "red",
            f"{backlog.events} audit events are not sealed, the oldest for {backlog.oldest_seconds:.0f} s.",
            "Run a worker or the service with audit.seal, or `deskmind audit seal`; see the log (audit.seal_refused).",
            evidence,
        )
    return Check(
        "audit seal",
        "green",
        f"No audit event has waited for more than {most:g} s to be sealed.",
        evidence=evidence,
    )


async def access(app: Deskmind) -> Check:
    """Every tenant with users has an owner that lasts; nobody owns one by a key without an end, or as a program."""
    try:
        ((ownerless, keys, services),) = await _query(app, "SELECT * FROM access_concerns()")
    except pg.InsufficientPrivilege:
        return Check(
            "access", "red", "The database does not accept the installation's scope.", "See the check scope."
        )
    found = [
        text
        for count, text in (
            (keys, f"{keys} API keys of owners have no end"),
            (services, f"{services} services own a tenant"),
        )
        if count
    ]
    if found:
        return Check(
            "access",
            "red",
            f"{' and '.join(found)}.",
            "`deskmind access review` shows them; make keys with --expires-days, or grant the key a narrower role.",
        )
    if ownerless:
        return Check(
            "access",
            "not assessed",
            f"{ownerless} tenants have users and no owner: only the installation's operator manages them.",
            "`deskmind access grant owner --user NAME`.",
        )
    return Check("access", "green", "Every tenant has an owner, and no key or program owns one for ever.")


_RETENTION_LATE = timedelta(hours=6)
_MOST_CONCERNS = 1_000


async def privacy(app: Deskmind) -> Check:
    """Every store declares what it holds of people, retention runs, and no erasure is left undone."""
    tables = [str(row[0]) for row in await _query(app, _TABLES)]
    declared = [holding for store in app.personal_stores for holding in store.declare()]
    if missing := undeclared(tables, sorted(OWN_USES), [*DATA_MAP, *declared]):
        return Check(
            "privacy",
            "red",
            f"Not in the data map: {', '.join(missing[:5])}.",
            "Register the store that it belongs to with app.register_store.",
        )
    try:
        ((late, waiting),) = await _query(
            app, "SELECT * FROM privacy_concerns(%s, %s)", _RETENTION_LATE, _MOST_CONCERNS
        )
    except pg.InsufficientPrivilege:
        return Check(
            "privacy", "red", "The database does not accept the installation's scope.", "See the check scope."
        )
    if late or waiting:
        return Check(
            "privacy",
            "red",
            f"Retention is late for {late} tenants; {waiting} erasures are not finished.",
            "Run a worker, or `deskmind privacy retain` and `deskmind privacy erase --resume` for each tenant.",
            {"late": late, "erasures": waiting, "counted_up_to": _MOST_CONCERNS},
        )
    return Check(
        "privacy",
        "green",
        "Every store is declared, retention runs, no erasure waits.",
        evidence={"tables": len(tables), "late": 0, "erasures": 0},
    )


async def audit_witness(app: Deskmind) -> Check:
    """A checkpoint of each log was kept outside of the database lately."""
    most = app.settings.audit.max_witness_lag
    lacking = await app.sealing.lacking()
    if not lacking:
        return Check(
            "audit witness",
            "not assessed",
            "No witness is configured: whether checkpoints are kept elsewhere is not known here.",
            "Set audit.witness_url or audit.checkpoints, or keep `deskmind audit checkpoint` elsewhere yourself.",
        )
    for witness in lacking:
        if witness.oldest_seconds > most:
            return Check(
                "audit witness",
                "red",
                f"{witness.witness} lacks checkpoints of {witness.logs} logs, the oldest for"
                f" {witness.oldest_seconds:.0f} s.",
                "See the log (audit.not_witnessed), then run `deskmind audit witness`.",
            )
    names = ", ".join(witness.witness for witness in lacking)
    return Check(
        "audit witness", "green", f"{names}: no checkpoint has been lacking for more than {most:g} s."
    )


async def _act(connection: Connection) -> str | None:
    cursor = await connection.execute("SELECT scope_act()")
    row = await cursor.fetchone()
    return row[0] if row else None
