"""SOC 2: what a tenant has that bears on CC6 (access), CC7 (monitoring and incidents) and CC8 (changes)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from deskmind.database import Connection
from deskmind.governance.access.service import Access
from deskmind.governance.audit import AuditEvent, Checkpoint, VerifyKey
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.evidence.bundle import Part
from deskmind.governance.evidence.reading import events_of
from deskmind.governance.evidence.tables import event_row, json_part, sheet
from deskmind.scope import Scope

__all__ = ["NOT_ASSESSED", "access_parts", "change_parts", "incident_parts"]

NOT_ASSESSED = (
    "Whether somebody reviewed the access list and acted on it: the list is here, the review is a person's.",
    "Incidents, their handling and their causes: they are kept where you handle incidents.",
    "Changes of the infrastructure, of the host application and of the database past Deskmind.",
    "Access to the machines, to the database's own logins, to the keyring's file and to backups.",
    "Who reviewed and approved a change of the code: that is in the version control of whoever builds releases.",
)

_ACCESS_CHANGES = ("access.", "keys.", "principals.")
_CHECKPOINTS = "SELECT note FROM audit_checkpoints WHERE tenant_id = %s ORDER BY size DESC"
_MOVES = """
SELECT name, label, version, position, moved_at FROM prompt_labels
 WHERE tenant_id = %s AND moved_at >= %s AND moved_at < %s ORDER BY moved_at, name, label, position
"""


async def access_parts(access: Access, log: AuditLog, since: datetime, until: datetime) -> list[Part]:
    """CC6: who may do what, what the roles permit, and what was changed of it."""
    review = [line.as_dict() for line in await access.review()]
    roles = [
        {"role": role.name, "permissions": list(role.permissions), "built_in": role.built_in}
        for role in await access.roles()
    ]
    policy = await access.policy()
    saved = {
        "version": policy.version,
        "saved_at": policy.saved_at.isoformat() if policy.saved_at else None,
        "sha256": sha256(policy.text.encode()).hexdigest(),
        "text": policy.text,
    }
    changes = await events_of(log, since, until, *_ACCESS_CHANGES)
    return [
        *sheet(
            "cc6/access-review", review, "Who may do what and why, when the bundle was made.", "access_grants"
        ),
        *sheet("cc6/roles", roles, "What each role permits.", "access_roles"),
        json_part("cc6/policy.json", saved, "The attribute rules in force, in Cedar.", "access_policies"),
        *sheet(
            "cc6/changes",
            _rows(changes, without_denied=True),
            "Grants, revocations, keys, users and groups that were changed in the period.",
            "audit_events",
        ),
    ]


async def incident_parts(
    connection: Connection,
    scope: Scope,
    log: AuditLog,
    since: datetime,
    until: datetime,
    keys: Sequence[VerifyKey],
) -> list[Part]:
    """CC7: what was refused, what failed, and whether the audit log is whole."""
    denied = await events_of(log, since, until, outcome="denied")
    failed = await events_of(log, since, until, outcome="failed")
    return [
        *sheet("cc7/denials", _rows(denied), "What was refused in the period.", "audit_events"),
        *sheet("cc7/failures", _rows(failed), "What was recorded as failed in the period.", "audit_events"),
        await _verification(connection, scope, log, until, keys),
    ]


async def change_parts(
    connection: Connection, scope: Scope, log: AuditLog, since: datetime, until: datetime
) -> list[Part]:
    """CC8: prompts put into use, roles and policies defined, models of triage trained, rules of redaction changed."""
    cursor = await connection.execute(_MOVES, (scope.tenant_id, since, until))
    moves = [
        {"prompt": name, "label": label, "version": version, "move": move, "moved_at": at.isoformat()}
        for name, label, version, move, at in await cursor.fetchall()
    ]
    changes = await events_of(
        log,
        since,
        until,
        *("access.define", "prompts.write", "experiments.write", "redaction.write", "triage.train"),
        *("budgets.write", "privacy.hold", "audit.seal"),
    )
    return [
        *sheet(
            "cc8/prompt-labels", moves, "Which version of a prompt was put into use when.", "prompt_labels"
        ),
        *sheet(
            "cc8/changes",
            _rows(changes, without_denied=True),
            "Roles, policies, prompts, rules and limits that were changed in the period.",
            "audit_events",
        ),
    ]


async def _verification(
    connection: Connection, scope: Scope, log: AuditLog, until: datetime, keys: Sequence[VerifyKey]
) -> Part:
    """By the newest checkpoint of the period, so that a bundle made again later has the same."""
    notes = await (await connection.execute(_CHECKPOINTS, (scope.tenant_id,))).fetchall()
    known = [Checkpoint.parse(note) for (note,) in notes]
    newest = next((one for one in known if one.at < until), None)
    report = await log.verify(keys)
    value: dict[str, Any] = {
        "holds": report.holds,
        "findings": [str(finding) for finding in report.findings],
        "trusted_keys": [str(key) for key in keys] or "those that the database names",
        "checkpoint": newest.note if newest else None,
    }
    return json_part(
        "cc7/audit-verification.json",
        value,
        "Whether the audit log is what was sealed, found when the bundle was made; the period's last signed checkpoint.",
        "audit_events, audit_checkpoints",
    )


def _rows(events: Iterable[AuditEvent], *, without_denied: bool = False) -> list[dict[str, Any]]:
    return [event_row(event) for event in events if not (without_denied and event.outcome == "denied")]
