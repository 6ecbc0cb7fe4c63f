"""``desk.requests``: what happened in a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.explain.explanation import Explanation
from deskmind.explain.reading import read_calls, read_parts
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import OPERATOR, Scope
from deskmind.settings import ExplainSettings

__all__ = ["RequestRoom", "RequestSummary", "Requests"]

_MAX_LIMIT = 200
_LONGEST_ID = 128

_LIST = """
SELECT s.story_id, s.request_id, s.kind, s.operation, s.error, s.began_at, s.seconds,
       CASE WHEN s.principal_id = %(operator)s THEN 'operator' ELSE coalesce((SELECT p.name FROM principals p
            WHERE p.tenant_id = s.tenant_id AND p.principal_id = s.principal_id), s.principal_id::text) END,
       s.found
  FROM request_stories s
 WHERE s.tenant_id = %(tenant)s AND s.began_at > now() - make_interval(days => %(days)s)
   AND (%(own)s::uuid IS NULL OR s.principal_id = %(own)s)
   AND (%(moment)s::timestamptz IS NULL OR (s.began_at, s.story_id) < (%(moment)s, %(story)s::uuid))
   AND (%(operation)s::text IS NULL OR s.operation = %(operation)s)
   AND (NOT %(failed)s OR s.error <> '')
 ORDER BY s.began_at DESC, s.story_id DESC LIMIT %(limit)s
"""


class RequestRoom(Protocol):
    """What the application lends."""

    async def settle_stories(self) -> None:
        """Write what this process has told and booked so far."""
        ...


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """One story in a list.

    Attributes:
        story_id: of the row.
        request_id: for ``explain``.
        kind: ``http``, ``operation`` or ``job``.
        operation: the first operation.
        error: code, empty for none.
        began_at: when.
        seconds: how long.
        principal: name of who acted, or the id.
        found: whether a question was answered; None where none was asked.
    """

    story_id: UUID
    request_id: str
    kind: Literal["http", "operation", "job"]
    operation: str
    error: str
    began_at: datetime
    seconds: float
    principal: str
    found: bool | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list."""
        return self.began_at, self.story_id

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "request_id": self.request_id,
            "kind": self.kind,
            "operation": self.operation,
            "error": self.error,
            "began_at": self.began_at.isoformat(),
            "seconds": round(self.seconds, 6),
            "principal": self.principal,
            "found": self.found,
        }


class Requests:
    """The stories of requests: one's own, or as an operator all of the tenant. Reading them leaves none."""

    def __init__(
        self, database: Database, scope: Scope, settings: ExplainSettings, room: RequestRoom
    ) -> None:
        self._database = database
        self._scope = scope
        self._settings = settings
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who explains."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where stories are kept."""
        return self._database

    @operation(Permission.REQUESTS_READ, told=False)
    async def explain(self, request_id: str) -> Explanation:
        """One request's story. Titles are looked up now, as this principal may see them.

        Raises:
            NotFoundError: there is no story of this id, it is too old, or it is somebody else's.
        """
        await self._room.settle_stories()
        if 0 < len(request_id) <= _LONGEST_ID and "\x00" not in request_id:
            async with self._database.transaction(self._scope) as connection:
                rows, parts = await read_parts(connection, self._scope, request_id, self._settings.keep_days)
                if rows:
                    calls = await read_calls(connection, self._scope, request_id, rows)
                    if self._scope.act == "operate":
                        await record(connection, self._scope, Permission.REQUESTS_READ, resource=request_id)
                    return Explanation(request_id, self._scope.tenant, parts, calls)
        raise NotFoundError(
            "There is no such request.",
            why=f"No request of yours of the last {self._settings.keep_days} days has this id.",
            remedy="`deskmind requests list` shows the latest; a request shows up within a second of its end.",
        )

    @operation(Permission.REQUESTS_READ, told=False)
    async def list(
        self,
        *,
        limit: int = 50,
        before: tuple[datetime, UUID] | None = None,
        operation: str | None = None,
        failed: bool = False,
    ) -> list[RequestSummary]:
        """Stories, newest first.

        Args:
            limit: at most this many, 1 to 200.
            before: ``place`` of the last one of the previous page.
            operation: only those of this operation, such as ``knowledge.ask``.
            failed: only those that ended with an error.

        Raises:
            InvalidRequestError: the limit is not 1 to 200.
        """
        if not 1 <= limit <= _MAX_LIMIT:
            raise InvalidRequestError(
                f"A limit of {limit} is not possible.", remedy=f"Choose 1 to {_MAX_LIMIT}."
            )
        await self._room.settle_stories()
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _LIST,
                {
                    "tenant": self._scope.tenant_id,
                    # row-level security says the same; said here, it lets an index by principal serve
                    "own": None if self._scope.act == "operate" else self._scope.principal_id,
                    "days": self._settings.keep_days,
                    "moment": before[0] if before else None,
                    "story": before[1] if before else None,
                    "operation": operation,
                    "failed": failed,
                    "limit": limit,
                    "operator": OPERATOR,
                },
            )
            return [RequestSummary(*row) for row in await cursor.fetchall()]
