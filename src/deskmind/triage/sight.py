"""Which tickets of the past somebody may be told of: those whose document the database shows in their scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from deskmind.database import Connection
from deskmind.scope import Scope
from deskmind.triage.predictions import Neighbour

__all__ = ["addresses", "told"]

_PART = 2_000
_SEEN = """
SELECT d.source_id || '/' || d.external_id, d.uri FROM unnest(%s::uuid[], %s::text[]) w(source_id, external_id)
  JOIN documents d ON d.tenant_id = %s AND d.source_id = w.source_id AND d.external_id = w.external_id
"""


async def addresses(connection: Connection, scope: Scope, documents: Iterable[str]) -> dict[str, str]:
    """Of those documents that the scope may see, where they came from.

    Args:
        connection: a transaction in the scope: row-level security chooses.
        scope: who asks.
        documents: as ``TrainingTicket.document`` names them.
    """
    wanted = sorted({one for one in documents if one})
    found: dict[str, str] = {}
    for first in range(0, len(wanted), _PART):
        parts = [one.split("/", 1) for one in wanted[first : first + _PART]]
        cursor = await connection.execute(
            _SEEN, ([source for source, _ in parts], [name for _, name in parts], scope.tenant_id)
        )
        found.update(await cursor.fetchall())
    return found


def told(
    neighbours: Sequence[Neighbour], seen: dict[str, str], limit: int, *, everything: bool
) -> tuple[Neighbour, ...]:
    """The first ``limit`` that may be told, with their addresses; ``everything`` for who may see each ticket anyway."""
    some = [
        replace(one, uri=seen.get(one.document, ""))
        for one in neighbours
        if everything or one.document in seen
    ]
    return tuple(some[:limit])
