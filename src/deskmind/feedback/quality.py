"""``desk.quality``: how answers are rated, and how often nothing is found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args
from uuid import UUID

from psycopg import sql

from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError
from deskmind.feedback.service import FeedbackRoom
from deskmind.governance.access import Permission, operation
from deskmind.prompts.intervals import Interval, wilson
from deskmind.scope import Scope

__all__ = ["Quality", "QualityGrouping", "QualityRow"]

QualityGrouping = Literal["document", "prompt", "experiment", "group", "mode", "day"]

_KEYS: dict[str, str] = {
    "document": "item::text",
    "group": "item::text",
    "prompt": "coalesce(x.prompt || '@' || x.prompt_version, '')",
    "experiment": "coalesce(x.experiment || '/' || x.variant, '')",
    "mode": "coalesce(x.mode, '')",
    "day": "to_char(x.at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}

_ITEMS = {
    "document": "CROSS JOIN LATERAL unnest(x.documents) i(item)",
    "group": "CROSS JOIN LATERAL unnest(x.groups) i(item)",
}

_REPORT = """
WITH answers AS (
    SELECT {key} AS key, count(*) AS answers, count(*) FILTER (WHERE NOT x.found) AS not_found
      FROM (SELECT *, began_at AS at FROM request_stories) x {items}
     WHERE x.tenant_id = %(tenant)s AND x.found IS NOT NULL AND x.at >= %(since)s AND x.at < %(until)s
     GROUP BY 1),
ratings AS (
    SELECT {key} AS key, count(*) FILTER (WHERE x.rating = 'up') AS up,
           count(*) FILTER (WHERE x.rating = 'down') AS down, count(*) FILTER (WHERE x.correction <> '') AS corrections
      FROM (SELECT *, answered_at AS at FROM feedback) x {items}
     WHERE x.tenant_id = %(tenant)s AND x.at >= %(since)s AND x.at < %(until)s
     GROUP BY 1)
SELECT key, coalesce(a.answers, 0), coalesce(a.not_found, 0), coalesce(r.up, 0), coalesce(r.down, 0),
       coalesce(r.corrections, 0)
  FROM answers a FULL JOIN ratings r USING (key)
 ORDER BY coalesce(r.down, 0) DESC, coalesce(a.answers, 0) DESC, key LIMIT 1000
"""

_NAMES = {
    "document": "SELECT document_id, title FROM documents WHERE tenant_id = %s AND document_id = ANY (%s)",
    "group": "SELECT principal_id, name FROM principals WHERE tenant_id = %s AND principal_id = ANY (%s)",
}


@dataclass(frozen=True, slots=True)
class QualityRow:
    """What is known of the answers of one group.

    Attributes:
        key: the document's or group's id, ``prompt@version``, ``experiment/variant``, mode or day; empty for none.
        name: title or name where ``key`` is an id and the thing is still there, else the key.
        answers: how many were given, "not found" included; those whose stories have been dropped are not counted.
        not_found: of these, how many found nothing.
        up, down: ratings.
        corrections: ratings that came with a correction.
    """

    key: str
    name: str
    answers: int
    not_found: int
    up: int
    down: int
    corrections: int

    @property
    def approval(self) -> Interval:
        """The share of ratings that are ``up``, with its 95 % interval (Wilson)."""
        return wilson(self.up, self.up + self.down)

    @property
    def not_found_rate(self) -> float:
        """The share of answers that found nothing, 0 without answers."""
        return self.not_found / self.answers if self.answers else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "key": self.key,
            "name": self.name,
            "answers": self.answers,
            "not_found": self.not_found,
            "not_found_rate": self.not_found_rate,
            "up": self.up,
            "down": self.down,
            "corrections": self.corrections,
            "approval": self.approval.as_dict(),
        }


class Quality:
    """Online measures of the tenant's answers (operators)."""

    def __init__(self, database: Database, scope: Scope, room: FeedbackRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who asks."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where it is counted."""
        return self._database

    @operation(Permission.QUALITY_READ)
    async def report(
        self, by: QualityGrouping, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[QualityRow]:
        """Ratings and "not found" of the answers given in a window, most thumbs down first, at most 1,000 rows.

        Args:
            by: ``document`` (cited), ``prompt`` (with version), ``experiment`` (with variant), ``group`` (of the asker
                at that time), ``mode`` or ``day`` (UTC).
            since: from then on; the last 30 days when left out.
            until: up to then; now when left out.

        Raises:
            InvalidRequestError: the grouping is not known, or the times are the wrong way round.
        """
        if by not in _KEYS:
            raise InvalidRequestError(
                "Quality cannot be grouped like that.",
                remedy=f"Group by one of: {', '.join(get_args(QualityGrouping))}.",
            )
        until = until or datetime.now(UTC) + timedelta(minutes=1)
        since = since or until - timedelta(days=30)
        if since >= until:
            raise InvalidRequestError("The report ends before it begins.", remedy="Give an earlier --since.")
        await self._room.settle_stories()
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                sql.SQL(_REPORT).format(key=_sql(_KEYS[by]), items=_sql(_ITEMS.get(by, ""))),
                {"tenant": self._scope.tenant_id, "since": since, "until": until},
            )
            rows = await cursor.fetchall()
            names = await self._names(connection, by, [row[0] for row in rows])
        return [QualityRow(row[0], names.get(row[0]) or row[0], *row[1:]) for row in rows]

    async def _names(self, connection: Connection, by: str, keys: list[str]) -> dict[str, str]:
        if by not in _NAMES:
            return {}
        cursor = await connection.execute(
            _sql(_NAMES[by]), (self._scope.tenant_id, [UUID(key) for key in keys])
        )
        return {str(identifier): name for identifier, name in await cursor.fetchall()}


def _sql(text: str) -> sql.SQL:
    return sql.SQL(cast("Any", text))
