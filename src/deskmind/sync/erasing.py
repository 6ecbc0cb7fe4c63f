"""Synced records as a personal store: the person's own record goes, mentions in the others are masked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError
from deskmind.governance.privacy import DATA_MAP, Counts, Holding, Identifier, Subject, identifier_of
from deskmind.governance.privacy.identifiers import whole_forms
from deskmind.sync.records import masked_json

__all__ = ["SyncStore"]

_BATCH = 100
_TABLES = (
    *("connections", "sync_passes", "synced_records", "sync_problems", "sync_follow_ups", "sync_grantees"),
)
_FOUND = """
SELECT connection_id, kind, external_id, record, raw FROM synced_records
 WHERE tenant_id = %s AND (connection_id, kind, external_id) > (%s, %s, %s)
   AND normalize(record_key || ' ' || record::text || ' ' || raw::text, NFC) ~ %s
 ORDER BY connection_id, kind, external_id LIMIT %s
"""
_NOW = """
SELECT record, raw FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = %s
   FOR UPDATE
"""
"""A run may have stored another state since the batch was read."""
_MASK = """
UPDATE synced_records SET record = %s, raw = %s WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = %s
"""
_REMOVE = """
DELETE FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = %s
"""
_FIRST = ("00000000-0000-0000-0000-000000000000", "", "")


class SyncStore:
    """The records of the tenant's connected systems; suppression keeps the person from coming back with the next run."""

    name = "sync"

    def __init__(self, database: Database) -> None:
        self._database = database

    def declare(self) -> Sequence[Holding]:
        """The entries of its tables."""
        return [holding for holding in DATA_MAP if holding.store in _TABLES]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """The person's own record at each system, and which others mention them."""
        rows: list[dict[str, Any]] = []
        async for batch in self._batches(subject):
            for _, kind, external_id, record, _ in batch:
                if kind == "person" and _is(subject, record):
                    rows.append({"person": record})
                elif _mentions(subject, record):
                    rows.append({"mentioned_in": f"{kind} {record.get('key') or external_id}"})
        return rows

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Remove the person's own record and mask mentions, some records in each transaction."""
        counts: Counter[str] = Counter()
        async for batch in self._batches(subject):
            if dry_run:
                counts.update(_fate(subject, kind, record, raw) for _, kind, _, record, raw in batch)
                continue
            async with self._database.transaction(subject.scope) as connection:
                for connection_id, kind, external_id, _, _ in batch:
                    key = (subject.scope.tenant_id, connection_id, kind, external_id)
                    counts[await self._one(connection, subject, key)] += 1
        return {name: count for name, count in counts.items() if name}

    async def _one(self, connection: Connection, subject: Subject, key: tuple[UUID, UUID, str, str]) -> str:
        row = await (await connection.execute(_NOW, key)).fetchone()
        if row is None:
            return ""
        fate = _fate(subject, key[2], *row)
        if fate == "erased":
            await connection.execute(_REMOVE, key)
        else:
            masked = [Jsonb(masked_json(one, subject.mentions)) for one in row]
            await connection.execute(_MASK, (*masked, *key))
        return fate

    async def _batches(self, subject: Subject) -> AsyncIterator[list[Any]]:
        if subject.pattern is None:
            return
        after: tuple[Any, ...] = _FIRST
        while True:
            async with self._database.transaction(subject.scope) as connection:
                await connection.execute("SET LOCAL statement_timeout = 0")
                cursor = await connection.execute(
                    _FOUND, (subject.scope.tenant_id, *after, subject.pattern.loose, _BATCH)
                )
                batch = await cursor.fetchall()
            if not batch:
                return
            yield batch
            after = tuple(batch[-1][:3])


def _fate(subject: Subject, kind: str, record: dict[str, Any], raw: Any) -> str:
    """What becomes of a record: ``erased``, ``masked``, or nothing where it mentions somebody else."""
    if kind == "person" and _is(subject, record):
        return "erased"
    return "masked" if _mentions(subject, [record, raw]) else ""


def _is(subject: Subject, record: dict[str, Any]) -> bool:
    """Whether a person's record is the subject's: an account's name or address that mentions nobody else."""
    known = [record.get("login") or "", *(record.get("emails") or ()), record.get("name") or ""]
    return any(value and _whole(subject, value) for value in known)


def _whole(subject: Subject, value: str) -> bool:
    try:
        given = identifier_of(value)
    except InvalidRequestError:
        return False
    return bool((whole_forms(given) | whole_forms(Identifier(value, "name"))) & subject.forms)


def _mentions(subject: Subject, value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return subject.mentions.masked(text) != text
