"""Reading chunks as passages, under row-level security."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from deskmind.database import Connection
from deskmind.knowledge.models import Passage

__all__ = ["PassageText", "read_passages"]

_PASSAGES = """
SELECT c.chunk_id, c.document_id, d.title, d.uri, c.headings, c.body, c.start_offset, c.end_offset, d.metadata,
       c.ordinal, {sentences}
  FROM unnest(%(chunks)s::uuid[]) wanted(id)
 CROSS JOIN LATERAL (SELECT * FROM chunks WHERE tenant_id = %(tenant)s AND chunk_id = wanted.id OFFSET 0) c
 CROSS JOIN LATERAL (
    SELECT * FROM documents WHERE tenant_id = %(tenant)s AND document_id = c.document_id
       AND document_id >= c.document_id OFFSET 0) d
"""
# the second condition on document_id leads the planner to the primary key, whatever it believes of a new tenant's size

_SENTENCES = """
  LEFT JOIN LATERAL (SELECT * FROM {table} WHERE tenant_id = %(tenant)s AND chunk_id = wanted.id OFFSET 0) e ON true
"""


@dataclass(frozen=True, slots=True)
class PassageText:
    """A chunk as it stands in the database, with its document; what a ``Passage`` is made of besides scores.

    Attributes:
        sentences: packed vectors of the chunk's sentences, ``[n, dimensions] float16``; empty where not asked for.
    """

    chunk_id: str
    document_id: str
    title: str
    uri: str
    headings: tuple[str, ...]
    text: str
    start: int
    end: int
    metadata: Mapping[str, str]
    ordinal: int
    sentences: bytes = b""

    def as_passage(
        self, score: float, dense: float | None, lexical: float | None, sentence_scores: tuple[float, ...]
    ) -> Passage:
        """The passage with the scores of a query."""
        return Passage(
            chunk_id=self.chunk_id,
            document_id=self.document_id,
            title=self.title,
            uri=self.uri,
            headings=self.headings,
            text=self.text,
            start=self.start,
            end=self.end,
            score=score,
            dense=dense,
            lexical=lexical,
            metadata=self.metadata,
            sentence_scores=sentence_scores,
            ordinal=self.ordinal,
        )


async def read_passages(
    connection: Connection, tenant_id: UUID, chunks: Sequence[UUID], *, space: str | None = None
) -> dict[str, PassageText]:
    """Those of the chunks that the transaction's scope may see, by id, in one round trip.

    Args:
        connection: a transaction in the asker's scope.
        tenant_id: the scope's tenant; row-level security decides regardless of it.
        chunks: which.
        space: of the embeddings whose sentences' vectors are wanted too.
    """
    statement = sql.SQL(_PASSAGES).format(sentences=sql.SQL("NULL::bytea"))
    if space is not None:
        table = sql.Identifier(f"embeddings_{space}")
        statement = sql.SQL(_PASSAGES + _SENTENCES).format(sentences=sql.SQL("e.sentences"), table=table)
    cursor = await connection.execute(
        statement, {"tenant": tenant_id, "chunks": list(chunks)}, binary=space is not None
    )
    passages: dict[str, PassageText] = {}
    for row in await cursor.fetchall():
        chunk, document, title, uri, headings, text, start, end, metadata, ordinal, sentences = row
        passages[str(chunk)] = PassageText(
            chunk_id=str(chunk),
            document_id=str(document),
            title=title,
            uri=uri,
            headings=tuple(headings),
            text=text,
            start=start,
            end=end,
            metadata=metadata,
            ordinal=ordinal,
            sentences=sentences or b"",
        )
    return passages
