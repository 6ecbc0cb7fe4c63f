"""Rows of memories: adding, superseding, reading, removing. Row-level security decides whose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pgvector import HalfVector, SparseVector
from psycopg.rows import class_row
from pydantic import TypeAdapter

from deskmind.agents.memory.memory import Audience, Draft, Kind, Memory
from deskmind.agents.memory.recalled import Scored
from deskmind.database import Connection, Rows, numbered
from deskmind.scope import Scope

__all__ = [
    "Owner",
    "Reading",
    "add_memory",
    "find_memory",
    "forget_chain",
    "knowing",
    "known_memory",
    "list_memories",
    "lock_subject",
    "locking",
    "nearest",
    "outdated",
    "pin_memory",
    "prune",
    "read_chain",
    "same_memory",
    "scored",
    "stand_for",
    "store_reading",
    "supersede",
    "touch",
    "touched",
    "unread",
]

_COLUMNS = (
    "memory_id, kind, audience, owner_id, body AS text, subject, trust, origin, source, run_id, step, importance, pinned,"
    " uses, made_at, used_at, superseded_by, superseded_at"
)
_ADD = """
INSERT INTO memories (tenant_id, memory_id, audience, owner_id, made_by, kind, subject, body, trust, origin, source, run_id,
                      step, importance, pinned, space, vector, terms)
VALUES (%(tenant)s, %(id)s, %(audience)s, %(owner)s, %(by)s, %(kind)s, %(subject)s, %(body)s, %(trust)s, %(origin)s,
        %(source)s, %(run)s, %(step)s, %(importance)s, %(pinned)s, %(space)s, %(vector)s, %(terms)s)
ON CONFLICT DO NOTHING
"""
_ABOUT = "audience = %(audience)s AND owner_id IS NOT DISTINCT FROM %(owner)s AND superseded_at IS NULL"
_SAME = f"""
SELECT {_COLUMNS} FROM memories
 WHERE tenant_id = %(tenant)s AND {_ABOUT} AND kind = %(kind)s AND trust = %(trust)s
   AND lower(body) = lower(%(body)s) LIMIT 1
"""
_STRONGER = f"""
SELECT memory_id FROM memories
 WHERE tenant_id = %(tenant)s AND {_ABOUT} AND subject = %(subject)s AND kind = %(kind)s AND trust = 'trusted' LIMIT 1
"""
_SUPERSEDE = f"""
UPDATE memories SET superseded_by = %(id)s, superseded_at = now()
 WHERE tenant_id = %(tenant)s AND {_ABOUT} AND subject = %(subject)s AND kind = %(kind)s AND memory_id <> %(id)s
RETURNING pinned
"""
_CHAIN = """
WITH RECURSIVE newer AS (
    SELECT m.memory_id, m.superseded_by FROM memories m WHERE m.tenant_id = %(tenant)s AND m.memory_id = %(id)s
    UNION
    SELECT m.memory_id, m.superseded_by FROM memories m JOIN newer n ON m.memory_id = n.superseded_by
     WHERE m.tenant_id = %(tenant)s),
chain AS (
    SELECT memory_id FROM newer
    UNION
    SELECT m.memory_id FROM memories m JOIN chain c ON m.superseded_by = c.memory_id WHERE m.tenant_id = %(tenant)s)
"""
_NEAREST = f"""
SELECT to_json(n) FROM (
    SELECT {_COLUMNS}, r.relevance, r.recency, r.score, space
      FROM recall_memories($1, $2, $3, $4, $5, $6) r JOIN memories USING (memory_id)
     WHERE tenant_id = $7::uuid) n
 ORDER BY n.score DESC, n.memory_id
"""
_KNOWN = f"""
WITH known AS ({_SAME.replace("%(tenant)s", "%(tenant)s::uuid").replace("%(owner)s", "%(owner)s::uuid")}),
touched AS (
    UPDATE memories SET used_at = now(), uses = uses + 1
     WHERE tenant_id = %(tenant)s::uuid AND memory_id IN (SELECT memory_id FROM known)
    RETURNING {_COLUMNS})
SELECT coalesce((SELECT to_json(t) FROM touched t), (SELECT to_json(k) FROM known k))
"""
_KNOWN_TEXT, _KNOWN_NAMES = numbered(_KNOWN)
_READ = TypeAdapter(Memory)
_TOUCH = """
UPDATE memories SET used_at = now(), uses = uses + 1 WHERE tenant_id = %(tenant)s AND memory_id IN (
    SELECT memory_id FROM memories WHERE tenant_id = %(tenant)s AND memory_id = ANY (%(ids)s) FOR UPDATE SKIP LOCKED)
"""
"""Whoever is at one of them makes it fade anew as well; waiting for each other, two could wait for ever."""
_TOUCHED = _TOUCH.replace("%(tenant)s", "$1::uuid").replace("%(ids)s", "$2::uuid[]")
_UNREAD = """
SELECT memory_id, body FROM memories
 WHERE tenant_id = $1::uuid AND terms IS NULL AND (audience = 'user' OR made_by = $2::uuid OR $3::boolean) LIMIT $4::bigint
"""
_PRUNE = """
DELETE FROM memories WHERE tenant_id = %(tenant)s AND memory_id IN (
    SELECT memory_id FROM memories
     WHERE tenant_id = %(tenant)s AND audience = %(audience)s AND owner_id IS NOT DISTINCT FROM %(owner)s AND NOT pinned
       AND memory_id <> %(id)s
     ORDER BY superseded_at IS NULL, importance * power(0.5, extract(epoch FROM now() - used_at) / 31536000.0)
     LIMIT greatest((SELECT count(*) FROM memories WHERE tenant_id = %(tenant)s AND audience = %(audience)s
                       AND owner_id IS NOT DISTINCT FROM %(owner)s) - %(most)s, 0))
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose memories: ``owner_id`` is None for the tenant's."""

    audience: Audience
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is compared: vector and words."""

    space: str
    vector: HalfVector | None
    terms: SparseVector


def locking(scope: Scope, owner: Owner, subject: str) -> tuple[str, list[str | None]]:
    """The statement by which, of several who tell something about the same, one comes after the other."""
    key = f"memories.{scope.tenant_id}.{owner.owner_id}.{subject}"
    return "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [key]


async def lock_subject(connection: Connection, scope: Scope, owner: Owner, subject: str) -> None:
    """The same in a transaction under way."""
    _, values = locking(scope, owner, subject)
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", values)


async def add_memory(
    connection: Connection,
    scope: Scope,
    memory_id: UUID,
    owner: Owner,
    draft: Draft,
    reading: Reading,
    *,
    pinned: bool = False,
) -> bool:
    """Keep a draft; False where this memory is there already."""
    values = {
        **_about(scope, owner, draft),
        "id": memory_id,
        "by": scope.principal_id,
        "origin": draft.origin,
        "source": draft.source,
        "run": draft.run_id,
        "step": draft.step,
        "importance": round(draft.importance, 3),  # kept as four bytes, which the smallest numbers do not fit
        "pinned": pinned,
        "space": reading.space,
        "vector": reading.vector,
        "terms": reading.terms,
    }
    return (await connection.execute(_ADD, values)).rowcount == 1


async def same_memory(connection: Connection, scope: Scope, owner: Owner, draft: Draft) -> Memory | None:
    """The memory that says the same already."""
    cursor = connection.cursor(row_factory=class_row(Memory))
    await cursor.execute(_SAME.encode(), _about(scope, owner, draft))
    return await cursor.fetchone()


def knowing(scope: Scope, owner: Owner, draft: Draft) -> tuple[str, list[str | None]]:
    """What finds the memory that says the same already, which then fades anew; ``known_memory`` reads what it gives."""
    about = _about(scope, owner, draft)
    return _KNOWN_TEXT, [None if about[name] is None else str(about[name]) for name in _KNOWN_NAMES]


def known_memory(rows: Rows) -> Memory | None:
    """The memory that was found, as it is then."""
    return None if rows[0][0] is None else _memory(json.loads(rows[0][0]))


async def supersede(
    connection: Connection, scope: Scope, memory_id: UUID, owner: Owner, draft: Draft
) -> tuple[int, bool]:
    """Let a new memory stand for older ones about the same; how many, and whether one was pinned.

    What is not trusted never stands for what is: then the new one is history at once.
    """
    if not draft.subject:
        return 0, False
    values = {**_about(scope, owner, draft), "id": memory_id}
    if draft.trust == "untrusted":
        row = await (await connection.execute(_STRONGER.encode(), values)).fetchone()
        if row is not None:
            await connection.execute(
                "UPDATE memories SET superseded_by = %s, superseded_at = now() WHERE tenant_id = %s AND memory_id = %s",
                (row[0], scope.tenant_id, memory_id),
            )
            return 0, False
    rows = await (await connection.execute(_SUPERSEDE.encode(), values)).fetchall()
    return len(rows), any(row[0] for row in rows)


async def stand_for(connection: Connection, scope: Scope, new_id: UUID, memory_id: UUID) -> bool:
    """Let a memory stand for one other; whether that was the scope's to change."""
    cursor = await connection.execute(
        "UPDATE memories SET superseded_by = %s, superseded_at = now()"
        " WHERE tenant_id = %s AND memory_id = %s AND superseded_at IS NULL",
        (new_id, scope.tenant_id, memory_id),
    )
    return cursor.rowcount == 1


async def find_memory(connection: Connection, scope: Scope, memory_id: UUID) -> Memory | None:
    """One memory that the scope may see."""
    cursor = connection.cursor(row_factory=class_row(Memory))
    statement = f"SELECT {_COLUMNS} FROM memories WHERE tenant_id = %s AND memory_id = %s"
    await cursor.execute(statement.encode(), (scope.tenant_id, memory_id))
    return await cursor.fetchone()


async def list_memories(
    connection: Connection,
    scope: Scope,
    *,
    kind: Kind | None,
    audience: Audience | None,
    history: bool,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[Memory]:
    """Memories that the scope may see, newest first, from ``before`` a place on."""
    where = "" if history else " AND superseded_at IS NULL"
    where += " AND (made_at, memory_id) < (%s, %s)" if before else ""
    statement = (
        f"SELECT {_COLUMNS} FROM memories WHERE tenant_id = %s AND (%s::text IS NULL OR kind = %s)"
        f" AND (%s::text IS NULL OR audience = %s){where} ORDER BY made_at DESC, memory_id DESC LIMIT %s"
    )
    given = (kind, kind, audience, audience, *(before or ()))
    cursor = connection.cursor(row_factory=class_row(Memory))
    await cursor.execute(statement.encode(), (scope.tenant_id, *given, limit))
    return await cursor.fetchall()


async def read_chain(connection: Connection, scope: Scope, memory_id: UUID) -> list[Memory]:
    """A memory with what it superseded and what superseded it, newest first."""
    cursor = connection.cursor(row_factory=class_row(Memory))
    statement = (
        f"{_CHAIN} SELECT {_COLUMNS} FROM memories JOIN chain USING (memory_id) WHERE tenant_id = %(tenant)s"
        " ORDER BY superseded_at IS NULL DESC, made_at DESC, memory_id"
    )
    await cursor.execute(statement.encode(), {"tenant": scope.tenant_id, "id": memory_id})
    return await cursor.fetchall()


async def forget_chain(connection: Connection, scope: Scope, memory_id: UUID) -> int:
    """Remove a memory with its history; how many rows went."""
    statement = f"{_CHAIN} DELETE FROM memories WHERE tenant_id = %(tenant)s AND memory_id IN (SELECT memory_id FROM chain)"
    cursor = await connection.execute(statement.encode(), {"tenant": scope.tenant_id, "id": memory_id})
    return cursor.rowcount


async def pin_memory(connection: Connection, scope: Scope, memory_id: UUID, *, pinned: bool) -> bool:
    """Whether it could be pinned, or let go."""
    cursor = await connection.execute(
        "UPDATE memories SET pinned = %s WHERE tenant_id = %s AND memory_id = %s",
        (pinned, scope.tenant_id, memory_id),
    )
    return cursor.rowcount == 1


def nearest(
    scope: Scope, reading: Reading, *, kinds: Sequence[Kind], least: float, limit: int
) -> tuple[str, list[str | None]]:
    """What finds what counts most for a question, best first; ``scored`` reads what it gives."""
    return _NEAREST, [
        None if reading.vector is None else reading.vector.to_text(),
        reading.space or None,
        reading.terms.to_text(),
        f"{{{','.join(kinds)}}}",
        repr(least),
        str(limit),
        str(scope.tenant_id),
    ]


def scored(rows: Rows) -> list[tuple[Scored, str]]:
    """What was found, each with the space of its vector."""
    return [
        (Scored(_memory(one), one["relevance"], one["recency"], one["score"]), one["space"])
        for one in (json.loads(str(row[0])) for row in rows)
    ]


def _memory(found: dict[str, Any]) -> Memory:
    """As the database writes it in JSON."""
    return _READ.validate_python(found)


class _Toucher:
    """Lets memories fade anew from now, once the transaction stands, as far as they are the scope's to change."""

    async def __call__(self, connection: Connection, waiting: list[tuple[Scope, Sequence[UUID]]]) -> None:
        """Write it."""
        for scope, ids in waiting:
            await connection.execute(_TOUCH.encode(), {"tenant": scope.tenant_id, "ids": list(ids)})

    def statement(self, waiting: list[tuple[Scope, Sequence[UUID]]]) -> tuple[str, Sequence[str]]:
        """What writes it."""
        ids = [str(one) for _, some in waiting for one in some]
        return _TOUCHED, [str(waiting[0][0].tenant_id), f"{{{','.join(ids)}}}"]

    async def and_commit(
        self,
        connection: Connection,
        waiting: list[tuple[Scope, Sequence[UUID]]],
        before: Sequence[tuple[str, Sequence[str]]],
    ) -> None:
        """Write it and commit."""
        await connection.commit_after(*before, self.statement(waiting))


_touch: Final = _Toucher()


async def touch(connection: Connection, scope: Scope, ids: Sequence[UUID]) -> None:
    """Memories were recalled: they fade anew from now, as far as they are the scope's to change; written before the commit."""
    if not ids:
        return
    if connection.waiting is None:
        await _touch(connection, [(scope, ids)])
    else:
        connection.waiting.setdefault(_touch, []).append((scope, ids))


async def touched(connection: Connection, scope: Scope, known: Memory) -> Memory:
    """The same of one; the memory as it is then."""
    cursor = connection.cursor(row_factory=class_row(Memory))
    ids = {"tenant": scope.tenant_id, "ids": [known.memory_id]}
    await cursor.execute(f"{_TOUCH} RETURNING {_COLUMNS}".encode(), ids)
    return await cursor.fetchone() or known


def unread(scope: Scope, limit: int) -> tuple[str, list[str | None]]:
    """What finds memories of the scope to change whose text was masked, so that they have neither vector nor words."""
    acts = str(scope.act == "operate")
    return _UNREAD, [str(scope.tenant_id), str(scope.principal_id), acts, str(limit)]


async def outdated(connection: Connection, scope: Scope, space: str, limit: int) -> list[tuple[UUID, str]]:
    """Memories of an operator's to change that have no vector of a space."""
    cursor = await connection.execute(
        "SELECT memory_id, body FROM memories WHERE tenant_id = %s AND superseded_at IS NULL AND audience <> 'user'"
        " AND (terms IS NULL OR space <> %s) LIMIT %s",
        (scope.tenant_id, space, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def store_reading(
    connection: Connection, scope: Scope, memory_id: UUID, text: str, reading: Reading
) -> None:
    """Write vector and words down, if the text is still the one that was read."""
    await connection.execute(
        "UPDATE memories SET space = %s, vector = %s, terms = %s WHERE tenant_id = %s AND memory_id = %s AND body = %s",
        (reading.space, reading.vector, reading.terms, scope.tenant_id, memory_id, text),
    )


async def prune(connection: Connection, scope: Scope, owner: Owner, memory_id: UUID, most: int) -> int:
    """Remove what counts least of an owner who has more than ``most``: history first. O(memories of the owner)."""
    values: dict[str, Any] = {
        "tenant": scope.tenant_id,
        "audience": owner.audience,
        "owner": owner.owner_id,
        "id": memory_id,
        "most": most,
    }
    return (await connection.execute(_PRUNE, values)).rowcount


def _about(scope: Scope, owner: Owner, draft: Draft) -> dict[str, Any]:
    return {
        "tenant": scope.tenant_id,
        "audience": owner.audience,
        "owner": owner.owner_id,
        "kind": draft.kind,
        "subject": draft.subject,
        "body": draft.text,
        "trust": draft.trust,
    }
