"""What the installation has that bears on a tenant's bundle: readiness over time, configuration, schema, release, alert rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from deskmind.database import migrations
from deskmind.errors import InvalidRequestError
from deskmind.governance.audit import AuditEvent
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.evidence.bundle import Part
from deskmind.governance.evidence.configuration import configuration, fingerprint
from deskmind.governance.evidence.reading import events_of
from deskmind.governance.evidence.release import PACKAGED_RECORD
from deskmind.governance.evidence.tables import event_row, json_part, sheet
from deskmind.settings import Settings

__all__ = ["installation_parts", "intervals", "settled"]

_READINESS = "readiness.run"
_SQL = Path(migrations.__file__).parent / "sql"


async def installation_parts(
    log: AuditLog, settings: Settings, schema: str | None, since: datetime, until: datetime, *, tenant: str
) -> list[Part]:
    """The parts, without what they would say of other tenants. ``log`` is the installation's."""
    runs = [_run(event) for event in await events_of(log, since, until, _READINESS)]
    acts = [
        event_row(event)
        for event in await events_of(log, since, until)
        if event.action != _READINESS
        and (not event.action.startswith("tenants.") or event.resource == tenant)
    ]
    shown = {"fingerprint": fingerprint(settings), "settings": _of_one(configuration(settings), tenant)}
    return [
        *sheet("cc7/readiness", runs, "What each readiness report of the period found.", "audit_events"),
        *sheet(
            "cc7/outages",
            intervals(runs),
            "From when until when each check was red; telemetry is among them. Between two runs nothing is known.",
            "derived from cc7/readiness",
        ),
        *sheet(
            "cc8/deployments",
            settled(runs),
            "Releases, schemas and configurations in the order in which readiness reports saw them.",
            "derived from cc7/readiness",
        ),
        *sheet(
            "cc8/installation", acts, "What was recorded of the installation in the period.", "audit_events"
        ),
        json_part(
            "cc8/configuration.json",
            shown,
            "The configuration when the bundle was made, without secrets.",
            "settings",
        ),
        json_part(
            "cc8/schema.json",
            _schema(schema),
            "The schema, and the migrations of this release.",
            "alembic_version",
        ),
        *await asyncio.to_thread(_files, settings),
    ]


def intervals(runs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """From when until when each check was red, by runs in the order of their time; ``until`` None where it still was."""
    found: list[dict[str, Any]] = []
    open_now: dict[str, dict[str, Any]] = {}
    for run in runs:
        red: Sequence[str] = run["red"]
        for name in [name for name in open_now if name not in red]:
            open_now.pop(name)["until"] = run["at"]
        for name in red:
            if name not in open_now:
                open_now[name] = {"check": name, "from": run["at"], "until": None}
                found.append(open_now[name])
    return found


def settled(runs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The runs at which release, schema or configuration differed from the run before."""
    found: list[dict[str, Any]] = []
    facts = ("release", "schema", "settings")
    for run in runs:
        if not found or any(run[name] != found[-1][name] for name in facts):
            found.append({"seen_at": run["at"], **{name: run[name] for name in facts}})
    return found


def _run(event: AuditEvent) -> dict[str, Any]:
    facts = event.details
    return {
        "at": event.occurred_at.isoformat(),
        "ready": event.outcome == "done",
        "red": list(facts.get("red", ())),
        "green": facts.get("green"),
        "not_assessed": facts.get("not_assessed"),
        "release": facts.get("release"),
        "schema": facts.get("schema"),
        "settings": facts.get("settings"),
    }


def _of_one(shown: dict[str, Any], tenant: str) -> dict[str, Any]:
    """The configuration without what it says of other tenants."""
    own = {tenant, "default"}
    for section, name in (("privacy", "tenants"), ("evidence", "controllers")):
        shown[section][name] = {key: value for key, value in shown[section][name].items() if key in own}
    for section, name in (("telemetry", "metrics_tenants"), ("api", "operator_tenants")):
        shown[section][name] = [one for one in shown[section][name] if one == tenant]
    return shown


def _schema(current: str | None) -> dict[str, Any]:
    return {
        "revision": current,
        "migrations": {
            path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(_SQL.glob("*.sql"))
        },
    }


def _files(settings: Settings) -> list[Part]:
    """The alert rules and the release's record, where there are any."""
    parts: list[Part] = []
    rules, record = settings.evidence.alert_rules, settings.release.record or PACKAGED_RECORD
    if rules is not None:
        parts.append(
            Part(
                f"cc7/alert-rules{rules.suffix}",
                _read(rules),
                "The alert rules in use.",
                "evidence.alert_rules",
            )
        )
    if settings.release.record is not None or record.exists():
        parts.append(
            Part("cc8/release.json", _read(record), "The signed record of the release.", "release.record")
        )
    return parts


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read.", why=f"{error.strerror}.") from error
