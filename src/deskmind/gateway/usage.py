"""Reports from the usage ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

from psycopg import sql

from deskmind.database import Connection
from deskmind.errors import InvalidRequestError
from deskmind.scope import Scope

__all__ = ["Grouping", "UsageRow", "report", "survey"]

Grouping = Literal["tenant", "user", "key", "feature", "model", "deployment", "day", "outcome"]

_COLUMNS: dict[str, str] = {
    "tenant": "(SELECT t.slug FROM tenants t WHERE t.tenant_id = u.tenant_id)",
    "user": "coalesce((SELECT p.name FROM principals p"
    " WHERE p.tenant_id = u.tenant_id AND p.principal_id = u.principal_id), u.principal_id::text)",
    "key": "u.api_key",
    "feature": "u.feature",
    "model": "u.model",
    "deployment": "u.deployment",
    "day": "to_char(u.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "outcome": "u.outcome",
}

_REPORT = """
WITH rows AS (
    SELECT {groups} AS names, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost, outcome, error, seconds
      FROM usage_entries u WHERE u.tenant_id = %(tenant)s AND u.started_at >= %(since)s AND u.started_at < %(until)s)
SELECT names, count(*), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(reasoning_tokens),
       coalesce(sum(cost), 0), count(*) FILTER (WHERE cost IS NULL),
       count(*) FILTER (WHERE outcome = 'estimated'), count(*) FILTER (WHERE outcome = 'unsettled'),
       count(*) FILTER (WHERE error <> ''), avg(seconds)
  FROM rows GROUP BY names ORDER BY coalesce(sum(cost), 0) DESC, count(*) DESC, names LIMIT 1000
"""

_SURVEY = "SELECT * FROM usage_of_all_tenants(%s, %s, %s)"
_WITHIN_TENANTS = ("user", "key")
"""Groupings that name what is inside a tenant."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What calls of one group used.

    Attributes:
        group: values of the groupings, in their order.
        calls: how many.
        input_tokens, cached_tokens, output_tokens, reasoning_tokens: sums.
        cost: US dollars, of the calls whose price is known.
        unpriced: calls without a known price; they are not in ``cost``.
        estimated, unsettled: calls whose figures are ours, or the reserved maximum.
        errors: calls that ended with an error.
        mean_seconds: mean duration.
    """

    group: dict[str, str]
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Decimal
    unpriced: int
    estimated: int
    unsettled: int
    errors: int
    mean_seconds: float


async def report(
    connection: Connection,
    scope: Scope,
    by: Sequence[Grouping],
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[UsageRow]:
    """Usage of the scope's tenant, dearest first; row-level security leaves a member its own calls.

    Args:
        connection: a transaction in the scope.
        scope: whose usage.
        by: what to group by, at least one.
        since: from then on; the last 30 days when left out. A time without a zone is UTC.
        until: up to then; now when left out.

    Raises:
        InvalidRequestError: a grouping is not known, or the times are the wrong way round.
    """
    _check_groups(by, get_args(Grouping))
    since, until = _span(since, until)
    groups = sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(_column(name) for name in by))
    cursor = await connection.execute(
        sql.SQL(_REPORT).format(groups=groups),
        {"tenant": scope.tenant_id, "since": since, "until": until},
    )
    return [_row(by, row) for row in await cursor.fetchall()]


async def survey(
    connection: Connection,
    by: Sequence[Grouping],
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[UsageRow]:
    """Usage over all tenants, dearest first; arguments as for ``report``, without users and keys.

    Args:
        connection: a transaction in the installation's scope.
        by: what to group by, at least one.
        since: from then on.
        until: up to then.

    Raises:
        InvalidRequestError: a grouping is not known or names what is inside a tenant, or the times are the wrong way
            round.
    """
    _check_groups(by, [name for name in get_args(Grouping) if name not in _WITHIN_TENANTS])
    since, until = _span(since, until)
    cursor = await connection.execute(_SURVEY, (list(by), since, until))
    return [_row(by, row) for row in await cursor.fetchall()]


def _check_groups(by: Sequence[str], known: Sequence[str]) -> None:
    if not by or any(name not in known for name in by):
        raise InvalidRequestError(
            "Usage cannot be grouped like that.", remedy=f"Group by one or more of: {', '.join(known)}."
        )


def _span(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    until = _in_zone(until) if until is not None else datetime.now(UTC) + timedelta(minutes=1)
    try:
        since = _in_zone(since) if since is not None else until - timedelta(days=30)
    except OverflowError:  # there is nothing before the first month of the calendar
        since = until
    if since >= until:
        raise InvalidRequestError("The report ends before it begins.", remedy="Give an earlier --since.")
    return since, until


def _in_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _column(name: Grouping) -> sql.SQL:
    return sql.SQL(_COLUMNS[name])  # pyright: ignore[reportArgumentType]


def _row(by: Sequence[Grouping], row: tuple[Any, ...]) -> UsageRow:
    names, calls, read, cached, written, reasoned, cost, unpriced, estimated, unsettled, errors, mean = row
    return UsageRow(
        dict(zip(by, names, strict=True)),
        calls,
        int(read),
        int(cached),
        int(written),
        int(reasoned),
        Decimal(cost),
        unpriced,
        estimated,
        unsettled,
        errors,
        float(mean),
    )
