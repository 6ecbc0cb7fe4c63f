"""Versions of prompts and the labels that point at them, as rows."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskmind.database import Connection
from deskmind.errors import ConflictError, PromptNotFoundError
from deskmind.prompts.shared import shared_prompts
from deskmind.prompts.templates import PromptTemplate
from deskmind.scope import Scope

__all__ = [
    "PRODUCTION",
    "SHARED_VERSION",
    "LabelMove",
    "PromptVersion",
    "insert_version",
    "label_moves",
    "labels_of",
    "move_label",
    "read_version",
    "read_versions",
    "version_at",
]

PRODUCTION = "production"
"""The label that ``get`` follows when nothing else is asked for."""

SHARED_VERSION = 0
"""The version number of a prompt that comes with Deskmind."""

_ATTEMPTS = 100
_SHORT_CHARS = 2_000
"""So much is parsed in less time than all requests may wait for."""

_VERSION = "SELECT version, content, note, author, created_at FROM prompt_versions WHERE tenant_id = %s AND name = %s"

_INSERT = """
INSERT INTO prompt_versions (tenant_id, name, version, content_hash, content, note, author)
SELECT %(tenant)s, %(name)s, coalesce(max(version), 0) + 1, %(hash)s, %(content)s, %(note)s, %(author)s
  FROM prompt_versions WHERE tenant_id = %(tenant)s AND name = %(name)s
ON CONFLICT DO NOTHING
"""

_LABELS = """
SELECT DISTINCT ON (name, label) name, label, coalesce(version, 0) FROM prompt_labels
 WHERE tenant_id = %s AND (%s::text IS NULL OR name = %s) ORDER BY name, label, position DESC
"""

_MOVES = """
SELECT label, position, coalesce(version, 0), origin, moved_by, moved_at FROM prompt_labels
 WHERE tenant_id = %s AND name = %s AND label = %s ORDER BY position DESC
"""

_MOVE = """
INSERT INTO prompt_labels (tenant_id, name, label, position, version, origin, moved_by)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING moved_at
"""


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One version of a prompt; it never changes.

    Attributes:
        template: what it says.
        version: from 1 on; 0 is the prompt that comes with Deskmind.
        labels: the labels that point at it now.
        note: why it was saved.
        author: who saved it.
        created_at: when; None for version 0.
    """

    template: PromptTemplate
    version: int
    labels: tuple[str, ...] = ()
    note: str = ""
    author: str = ""
    created_at: datetime | None = None

    @property
    def name(self) -> str:
        """The prompt's name."""
        return self.template.name

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "labels": list(self.labels),
            "content_hash": self.template.content_hash,
            "note": self.note,
            "author": self.author,
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "prompt": self.template.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class LabelMove:
    """One move of a label.

    Attributes:
        label: its name.
        position: counts the moves of this label, from 1 on.
        version: where it went.
        origin: the position whose state it restores; its own unless it is a rollback.
        moved_by: who moved it.
        moved_at: when.
    """

    label: str
    position: int
    version: int
    origin: int
    moved_by: str
    moved_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "label": self.label,
            "position": self.position,
            "version": self.version,
            "rollback": self.origin != self.position,
            "moved_by": self.moved_by,
            "moved_at": self.moved_at.isoformat(),
        }


async def insert_version(connection: Connection, scope: Scope, template: PromptTemplate, note: str) -> int:
    """Keep a template; gives its version, that of an earlier one when the same content is there already."""
    content_hash = bytes.fromhex(template.content_hash)
    for _ in range(_ATTEMPTS):
        cursor = await connection.execute(
            "SELECT version FROM prompt_versions WHERE tenant_id = %s AND name = %s AND content_hash = %s",
            (scope.tenant_id, template.name, content_hash),
        )
        row = await cursor.fetchone()
        if row is not None:
            return row[0]
        await connection.execute(
            _INSERT,
            {
                "tenant": scope.tenant_id,
                "name": template.name,
                "hash": content_hash,
                "content": json.dumps(template.as_dict(), ensure_ascii=False),
                "note": note,
                "author": scope.principal,
            },
        )
    raise _busy(template.name)


async def read_version(connection: Connection, scope: Scope, name: str, version: int) -> PromptVersion:
    """One version.

    Raises:
        PromptNotFoundError: there is none.
    """
    labels = (await labels_of(connection, scope, name)).get(name, {})
    mine = tuple(label for label, at in labels.items() if at == version)
    if version == SHARED_VERSION and name in shared_prompts():
        return PromptVersion(shared_prompts()[name], SHARED_VERSION, mine, author="deskmind")
    cursor = await connection.execute(_VERSION + " AND version = %s", (scope.tenant_id, name, version))
    row = await cursor.fetchone()
    if row is None:
        raise await _nothing_at(connection, scope, name, f"version {version}")
    if len(row[1]) > _SHORT_CHARS:
        return await asyncio.to_thread(_version, row, mine)
    return _version(row, mine)


async def read_versions(connection: Connection, scope: Scope, name: str) -> list[PromptVersion]:
    """All versions, newest first, the shared one last.

    Raises:
        PromptNotFoundError: there is no prompt of this name.
    """
    labels = (await labels_of(connection, scope, name)).get(name, {})
    cursor = await connection.execute(_VERSION + " ORDER BY version DESC", (scope.tenant_id, name))
    rows = await cursor.fetchall()
    found = await asyncio.to_thread(_versions, rows, labels)
    if name in shared_prompts():
        found.append(await read_version(connection, scope, name, SHARED_VERSION))
    if not found:
        raise await _nothing_at(connection, scope, name, "version")
    return found


async def labels_of(
    connection: Connection, scope: Scope, name: str | None = None
) -> dict[str, dict[str, int]]:
    """Where the labels are now: by prompt, by label."""
    cursor = await connection.execute(_LABELS, (scope.tenant_id, name, name))
    found: dict[str, dict[str, int]] = {}
    for prompt, label, version in await cursor.fetchall():
        found.setdefault(prompt, {})[label] = version
    return found


async def version_at(connection: Connection, scope: Scope, name: str, label: str) -> int:
    """The version a label points at. ``production`` of a shared prompt is there from the start.

    Raises:
        PromptNotFoundError: the prompt has no such label.
    """
    labels = (await labels_of(connection, scope, name)).get(name, {})
    if label in labels:
        return labels[label]
    if label == PRODUCTION and name in shared_prompts():
        return SHARED_VERSION
    raise await _nothing_at(connection, scope, name, f"label '{label[:80]}'")


async def label_moves(connection: Connection, scope: Scope, name: str, label: str) -> list[LabelMove]:
    """The moves of a label, newest first."""
    cursor = await connection.execute(_MOVES, (scope.tenant_id, name, label))
    return [LabelMove(*row) for row in await cursor.fetchall()]


async def move_label(
    connection: Connection,
    scope: Scope,
    name: str,
    label: str,
    version: int,
    *,
    position: int,
    origin: int | None = None,
) -> LabelMove:
    """Write a move.

    Raises:
        ConflictError: somebody moved the label meanwhile.
    """
    origin = origin or position
    row = await (
        await connection.execute(
            _MOVE, (scope.tenant_id, name, label, position, version or None, origin, scope.principal)
        )
    ).fetchone()
    if row is None:
        raise ConflictError(
            f"The label '{label}' of '{name}' was moved by somebody else meanwhile.",
            remedy=f"Look at `deskmind prompts show {name}` and try again.",
        )
    return LabelMove(label, position, version, origin, scope.principal, row[0])


def _version(row: Sequence[Any], labels: tuple[str, ...]) -> PromptVersion:
    return PromptVersion(_parsed(row[1]), row[0], labels, row[2], row[3], row[4])


def _versions(rows: Sequence[Sequence[Any]], labels: Mapping[str, int]) -> list[PromptVersion]:
    return [_version(row, tuple(label for label, at in labels.items() if at == row[0])) for row in rows]


@functools.lru_cache(maxsize=256)
def _parsed(content: str) -> PromptTemplate:
    """Templates are immutable and parsing takes a millisecond; equal content is equal whoever asks."""
    return PromptTemplate.from_dict(json.loads(content))


async def _nothing_at(connection: Connection, scope: Scope, name: str, what: str) -> PromptNotFoundError:
    cursor = await connection.execute(
        "SELECT max(version) FROM prompt_versions WHERE tenant_id = %s AND name = %s", (scope.tenant_id, name)
    )
    row = await cursor.fetchone()
    newest = row[0] if row else None
    if newest is None and name not in shared_prompts():
        return PromptNotFoundError(
            f"There is no prompt '{name[:80]}'.", remedy="`deskmind prompts list` shows the prompts."
        )
    labels = (await labels_of(connection, scope, name)).get(name, {})
    known = ", ".join(f"{label} → {version}" for label, version in sorted(labels.items()))
    return PromptNotFoundError(
        f"The prompt '{name}' has no {what}.",
        why=f"Its newest version is {newest or SHARED_VERSION}; its labels: {known or 'none'}.",
        remedy=f"`deskmind prompts label {name} {PRODUCTION} VERSION` puts a version to use.",
    )


def _busy(name: str) -> ConflictError:
    return ConflictError(f"The prompt '{name}' is being saved by others.", remedy="Try again.")
