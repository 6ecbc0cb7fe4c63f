"""The checks of keys, personal data, access and the audit log."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

from psycopg import errors as pg

from deskmind.app import Deskmind
from deskmind.cache.names import OWN_USES
from deskmind.governance.privacy import DATA_MAP, undeclared
from deskmind.governance.redaction.rules import missing_packages
from deskmind.readiness._asking import rows_of
from deskmind.readiness.report import Check

__all__ = ["access", "audit_seal", "audit_witness", "keys", "privacy", "redaction"]

_MAX_KEY_AGE = timedelta(days=365)
_RETENTION_LATE = timedelta(hours=6)
_MOST_CONCERNS = 1_000

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


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


async def access(app: Deskmind) -> Check:
    """Every tenant with users has an owner that lasts; nobody owns one by a key without an end, or as a program."""
    try:
        ((ownerless, keys, services),) = await rows_of(app, "SELECT * FROM access_concerns()")
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


async def privacy(app: Deskmind) -> Check:
    """Every store declares what it holds of people, retention runs, and no erasure is left undone."""
    tables = [str(row[0]) for row in await rows_of(app, _TABLES)]
    declared = [holding for store in app.personal_stores for holding in store.declare()]
    if missing := undeclared(tables, sorted(OWN_USES), [*DATA_MAP, *declared]):
        return Check(
            "privacy",
            "red",
            f"Not in the data map: {', '.join(missing[:5])}.",
            "Register the store that it belongs to with app.register_store.",
        )
    try:
        ((late, waiting),) = await rows_of(
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
