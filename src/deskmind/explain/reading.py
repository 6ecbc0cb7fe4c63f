"""Reading stories back, in the scope of whoever explains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.explain.assembling import Names, assemble
from deskmind.explain.explanation import ModelCall, StoryPart, Try
from deskmind.scope import OPERATOR, Scope

__all__ = ["StoryRow", "read_calls", "read_names", "read_parts"]

_MOST_PARTS = 100
_MOST_CALLS = 500

_STORIES = """
SELECT kind, operation, error, began_at, seconds, principal_id, groups, question, told
  FROM request_stories
 WHERE tenant_id = %s AND request_id = %s AND began_at > now() - make_interval(days => %s)
 ORDER BY began_at, story_id LIMIT %s
"""

_CALLS = """
SELECT call_id::text, started_at, feature, operation, model, deployment, outcome, error, seconds, first_token_seconds,
       input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost, attempts
  FROM usage_entries
 WHERE tenant_id = %s AND request_id = %s AND principal_id = ANY (%s) AND started_at >= %s - interval '1 minute'
 ORDER BY started_at, call_id LIMIT %s
"""

_PRINCIPALS = "SELECT principal_id, name FROM principals WHERE tenant_id = %s AND principal_id = ANY (%s)"

_DOCUMENTS = "SELECT document_id, title FROM documents WHERE tenant_id = %s AND document_id = ANY (%s)"

_SECTIONS = "SELECT chunk_id, headings FROM chunks WHERE tenant_id = %s AND chunk_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class StoryRow:
    """A row of ``request_stories``."""

    kind: str
    operation: str
    error: str
    began_at: datetime
    seconds: float
    principal_id: UUID
    groups: Sequence[UUID]
    question: str
    told: Mapping[str, Any]

    @property
    def passages(self) -> Iterable[Sequence[Any]]:
        """Every passage that was noted."""
        for kind, _, facts in self.told.get("notes", ()):
            if kind == "passages":
                yield from facts.get("ranked", ())


async def read_parts(
    connection: Connection, scope: Scope, request_id: str, keep_days: int
) -> tuple[list[StoryRow], tuple[StoryPart, ...]]:
    """The stories of a request id, oldest first, as rows and with the names that the scope may see."""
    cursor = await connection.execute(_STORIES, (scope.tenant_id, request_id, keep_days, _MOST_PARTS))
    rows = [StoryRow(*row) for row in await cursor.fetchall()]
    names = await read_names(connection, scope, rows)
    return rows, tuple(assemble(row, names) for row in rows)


async def read_names(connection: Connection, scope: Scope, rows: Sequence[StoryRow]) -> Names:
    """Names, titles and headings that stories mention; row-level security leaves out what is not to be seen."""
    principals = {row.principal_id for row in rows} | {group for row in rows for group in row.groups}
    passages = [passage for row in rows for passage in row.passages]

    async def known(statement: str, ids: set[UUID]) -> dict[UUID, Any]:
        if not ids:
            return {}
        cursor = await connection.execute(statement.encode(), (scope.tenant_id, list(ids)))
        return dict(await cursor.fetchall())

    return Names(
        {**await known(_PRINCIPALS, principals), OPERATOR: "operator"},
        await known(_DOCUMENTS, {UUID(passage[1]) for passage in passages}),
        await known(_SECTIONS, {UUID(passage[0]) for passage in passages}),
    )


async def read_calls(
    connection: Connection, scope: Scope, request_id: str, rows: Sequence[StoryRow]
) -> tuple[ModelCall, ...]:
    """The ledger's rows of the principals that the stories are of, with the tries that the stories hold."""
    tries = {call: told for row in rows for call, told in _tries(row)}
    cursor = await connection.execute(
        _CALLS,
        (
            scope.tenant_id,
            request_id,
            list({row.principal_id for row in rows}),
            min(row.began_at for row in rows),
            _MOST_CALLS,
        ),
    )
    return tuple(_call(row, tries) for row in await cursor.fetchall())


def _tries(row: StoryRow) -> Iterable[tuple[str, tuple[Try, ...]]]:
    for kind, _, facts in row.told.get("notes", ()):
        if kind == "attempts" and "tries" in facts:
            yield facts["call"], tuple(Try(*item) for item in facts["tries"])


def _call(row: Sequence[Any], tries: Mapping[str, tuple[Try, ...]]) -> ModelCall:
    call = ModelCall(*row)
    return replace(call, tries=tries.get(call.call_id, ()))
