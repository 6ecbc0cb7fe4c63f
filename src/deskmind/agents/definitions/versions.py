"""Versions of stored agents and the labels that point at them, as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskmind.agents.definitions.spec import AgentSpec
from deskmind.database import Connection
from deskmind.errors import ConflictError, NotFoundError
from deskmind.scope import Scope

__all__ = [
    "PRODUCTION",
    "AgentSummary",
    "AgentVersion",
    "insert_agent",
    "list_agents",
    "move_agent_label",
    "read_agent",
    "read_agents",
]

PRODUCTION = "production"
"""The label that runs follow when nothing else is asked for; publishing moves it."""

_ATTEMPTS = 100
_VERSION = (
    "SELECT version, content, note, author, created_at FROM agent_versions WHERE tenant_id = %s AND name = %s"
)
_INSERT = """
INSERT INTO agent_versions (tenant_id, name, version, content_hash, content, note, author)
SELECT %(tenant)s, %(name)s, coalesce(max(version), 0) + 1, %(hash)s, %(content)s, %(note)s, %(author)s
  FROM agent_versions WHERE tenant_id = %(tenant)s AND name = %(name)s
ON CONFLICT DO NOTHING
"""
_LABELS = """
SELECT DISTINCT ON (name, label) name, label, version, position FROM agent_labels
 WHERE tenant_id = %s AND (%s::text IS NULL OR name = %s) ORDER BY name, label, position DESC
"""
_NEWEST = """
SELECT DISTINCT ON (name) name, version, content FROM agent_versions WHERE tenant_id = %s ORDER BY name, version DESC
"""


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """One version of a stored agent; it never changes.

    Attributes:
        spec: the agent.
        version: from 1 on.
        labels: those that point at it now.
        note: why it was saved.
        author: who saved it.
        created_at: when.
    """

    spec: AgentSpec
    version: int
    labels: tuple[str, ...]
    note: str
    author: str
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.spec.name,
            "version": self.version,
            "labels": list(self.labels),
            "content_hash": self.spec.content_hash,
            "note": self.note,
            "author": self.author,
            "created_at": self.created_at.isoformat(),
            "agent": self.spec.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """A stored agent in a list: its newest version, and where its labels are."""

    name: str
    description: str
    newest: int
    labels: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.name,
            "description": self.description,
            "newest": self.newest,
            "labels": dict(self.labels),
        }


async def insert_agent(connection: Connection, scope: Scope, spec: AgentSpec, note: str) -> int:
    """Keep an agent; its version, that of an earlier one when the same content is there already."""
    content_hash = bytes.fromhex(spec.content_hash)
    for _ in range(_ATTEMPTS):
        cursor = await connection.execute(
            "SELECT version FROM agent_versions WHERE tenant_id = %s AND name = %s AND content_hash = %s",
            (scope.tenant_id, spec.name, content_hash),
        )
        row = await cursor.fetchone()
        if row is not None:
            return int(row[0])
        values = {
            "tenant": scope.tenant_id,
            "name": spec.name,
            "hash": content_hash,
            "content": spec.content,
            "note": note,
            "author": scope.principal,
        }
        await connection.execute(_INSERT, values)
    raise ConflictError(f"The agent '{spec.name}' is being saved by others.", remedy="Try again.")


async def list_agents(connection: Connection, scope: Scope) -> list[AgentSummary]:
    """The stored agents, by name."""
    labels = await _labels(connection, scope, None)
    cursor = await connection.execute(_NEWEST, (scope.tenant_id,))
    return [
        AgentSummary(
            name,
            json.loads(content).get("description", ""),
            version,
            {label: at for label, (at, _) in labels.get(name, {}).items()},
        )
        for name, version, content in await cursor.fetchall()
    ]


async def read_agent(
    connection: Connection, scope: Scope, name: str, *, version: int | None = None, label: str | None = None
) -> AgentVersion:
    """One version: that of the number, else of the label, else the published one.

    Raises:
        NotFoundError: there is none.
    """
    labels = (await _labels(connection, scope, name)).get(name, {})
    if version is None:
        version = labels.get(label or PRODUCTION, (None, 0))[0]
    cursor = await connection.execute(_VERSION + " AND version = %s", (scope.tenant_id, name, version))
    row = await cursor.fetchone()
    if row is None:
        raise _none(name, version, label)
    return _version(row, labels)


async def read_agents(connection: Connection, scope: Scope, name: str) -> list[AgentVersion]:
    """All versions, newest first; none where there is no such agent."""
    labels = (await _labels(connection, scope, name)).get(name, {})
    cursor = await connection.execute(_VERSION + " ORDER BY version DESC", (scope.tenant_id, name))
    return [_version(row, labels) for row in await cursor.fetchall()]


async def move_agent_label(
    connection: Connection, scope: Scope, name: str, label: str, version: int
) -> int | None:
    """Point a label at a version; where it was before.

    Raises:
        ConflictError: somebody moved it meanwhile.
    """
    before, position = (await _labels(connection, scope, name)).get(name, {}).get(label, (None, 0))
    if before == version:
        return before
    cursor = await connection.execute(
        "INSERT INTO agent_labels (tenant_id, name, label, position, version, moved_by) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (scope.tenant_id, name, label, position + 1, version, scope.principal),
    )
    if cursor.rowcount != 1:
        raise ConflictError(
            f"The label '{label}' of '{name}' was moved by somebody else meanwhile.",
            remedy="Look and try again.",
        )
    return before


async def _labels(
    connection: Connection, scope: Scope, name: str | None
) -> dict[str, dict[str, tuple[int, int]]]:
    """By agent and label: the version it points at, and how often it was moved."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    cursor = await connection.execute(_LABELS, (scope.tenant_id, name, name))
    for agent, label, version, position in await cursor.fetchall():
        found.setdefault(agent, {})[label] = (version, position)
    return found


def _version(row: tuple[Any, ...], labels: Mapping[str, tuple[int, int]]) -> AgentVersion:
    pointing = tuple(label for label, (at, _) in labels.items() if at == row[0])
    return AgentVersion(AgentSpec.model_validate_json(row[1]), row[0], pointing, *row[2:])


def _none(name: str, version: int | None, label: str | None) -> NotFoundError:
    what = f"version {version}" if version is not None else f"label '{(label or PRODUCTION)[:80]}'"
    return NotFoundError(
        f"There is no agent '{name[:80]}' with {what}.",
        remedy="`deskmind agents list` shows the agents; `deskmind agents publish NAME` puts one to use.",
    )
