"""Rows of writes: proposed, claimed under a new epoch, settled by who holds the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskmind.connectors import Act, Applied, Proposal
from deskmind.database import Connection as DatabaseConnection
from deskmind.errors import ConflictError, NotFoundError
from deskmind.scope import OPERATOR, Scope
from deskmind.webhooks import publish

__all__ = [
    "OpenWrite",
    "Write",
    "WriteState",
    "add_write",
    "claim",
    "claim_over",
    "describe",
    "find_write",
    "hand_over",
    "list_writes",
    "note_problem",
    "open_write",
    "owner_of",
    "settle",
    "settle_found",
    "stored",
    "take_look",
]

WriteState = Literal["proposed", "sending", "applied", "absent", "uncertain", "rejected"]
"""``absent``: it is known that the vendor does not have it, so it may be sent again; ``uncertain``: a person has to look."""

_COLUMNS = (
    "w.write_id, coalesce(c.name, '') AS connection, w.run_id, w.principal_id, w.decided_by, w.vendor, w.act, w.target,"
    " w.target_key, w.proposal->'changes' AS changes, w.state, w.epoch, w.written_id, w.url, w.version, w.differing,"
    " w.problem, w.made_at, w.claimed_at, w.settled_at, w.looks, w.look_at, w.handed_at,"
    " w.state = 'sending' AND w.lease_until > clock_timestamp() AS at_work"
)
_FROM = (
    "FROM writes w LEFT JOIN connections c ON c.tenant_id = w.tenant_id AND c.connection_id = w.connection_id"
)
_ADD = """
INSERT INTO writes (tenant_id, write_id, connection_id, principal_id, vendor, act, target, target_key, proposal, state)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'proposed')
"""
_CLAIM = """
UPDATE writes SET state = 'sending', epoch = epoch + 1, decided_by = %(by)s, problem = '', settled_at = NULL,
       looks = 0, look_at = NULL, handed_at = NULL,
       claimed_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE tenant_id = %(tenant)s AND write_id = %(write)s AND state IN ('proposed', 'absent') RETURNING epoch
"""
_CLAIM_OVER = """
UPDATE writes SET epoch = epoch + 1, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE tenant_id = %(tenant)s AND write_id = %(write)s
   AND state IN ('sending', 'uncertain') AND (lease_until IS NULL OR lease_until < clock_timestamp())
RETURNING epoch
"""
_SETTLE = """
UPDATE writes w SET state = %(state)s, lease_until = NULL, settled_at = clock_timestamp(), problem = %(problem)s,
       look_at = CASE WHEN %(state)s = 'uncertain' THEN w.look_at END,
       decided_by = coalesce(%(by)s, w.decided_by),
       written_id = CASE WHEN %(written)s = '' THEN w.written_id ELSE %(written)s END
  FROM (SELECT write_id, state FROM writes WHERE tenant_id = %(tenant)s AND write_id = %(write)s FOR NO KEY UPDATE) was
 WHERE w.tenant_id = %(tenant)s AND w.write_id = was.write_id AND w.epoch = %(epoch)s
   AND was.state IN ('sending', 'uncertain')
RETURNING was.state, w.vendor, w.act, w.target, w.run_id
"""
_LOOK = """
UPDATE writes SET looks = looks + 1, look_at = clock_timestamp() + make_interval(secs => least(3600, 60 * 2 ^ least(looks, 6)))
 WHERE tenant_id = %(tenant)s AND write_id = %(write)s AND state IN ('sending', 'uncertain') AND handed_at IS NULL
   AND (lease_until IS NULL OR lease_until < clock_timestamp()) AND (look_at IS NULL OR look_at <= clock_timestamp())
RETURNING looks
"""
_HAND_OVER = """
UPDATE writes SET handed_at = clock_timestamp(), look_at = NULL
 WHERE tenant_id = %s AND write_id = %s AND state IN ('sending', 'uncertain') AND handed_at IS NULL AND looks >= %s
"""
_RUN_FOUND = """
UPDATE writes w SET state = %(state)s, epoch = %(epoch)s, lease_until = NULL, settled_at = clock_timestamp()
  FROM (SELECT write_id, state FROM writes WHERE tenant_id = %(tenant)s AND write_id = %(write)s FOR NO KEY UPDATE) was
 WHERE w.tenant_id = %(tenant)s AND w.write_id = was.write_id AND w.run_id = %(run)s AND w.epoch <= %(epoch)s
   AND was.state IN ('sending', 'uncertain')
RETURNING was.state, w.vendor, w.act, w.target, w.run_id
"""
_DESCRIBE = """
UPDATE writes SET written_id = %s, url = %s, version = %s, differing = %s
 WHERE tenant_id = %s AND write_id = %s AND epoch = %s AND state = 'applied'
"""
_TOLD: Final[dict[WriteState, str]] = {"applied": "ticket.written", "uncertain": "ticket.uncertain"}


@dataclass(frozen=True, slots=True)
class Write:
    """A write to a connected system, and what became of it.

    Attributes:
        write_id: the proposal's id; the mark in the vendor's record derives from it.
        connection: its name; empty for a connector that the application made itself.
        run_id: of the agent that proposed it.
        principal_id: who proposed it; None for the operator.
        decided_by: who sent, rejected or settled it.
        target, target_key: the record to change: the vendor's id, and what people call it.
        changes: the difference in the vendor's terms: ``field``, ``before``, ``after``.
        state: where it stands.
        epoch: counts the claims.
        written_id, url, version: of what was written, as it was read back.
        differing: fields that the vendor holds otherwise than proposed.
        problem: code of the last error.
        looks: how often a worker has looked for it since it was sent.
        look_at: when a worker looks again; None: when its lease is over, or not at all.
        handed_at: since when workers leave it to a person.
        at_work: whether somebody has claimed it and may still be sending.
    """

    write_id: UUID
    connection: str
    run_id: UUID | None
    principal_id: UUID | None
    decided_by: UUID | None
    vendor: str
    act: str
    target: str
    target_key: str
    changes: list[dict[str, Any]]
    state: WriteState
    epoch: int
    written_id: str
    url: str
    version: str
    differing: list[str]
    problem: str
    made_at: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    looks: int
    look_at: datetime | None
    handed_at: datetime | None
    at_work: bool

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of writes."""
        return self.made_at, self.write_id

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: _json(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class OpenWrite:
    """A write with how it is sent, for who sends it."""

    write: Write
    connection_id: UUID | None
    proposal: Proposal


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def owner_of(scope: Scope) -> UUID | None:
    """Whose rows a scope's are; None for the operator's."""
    return None if scope.principal_id == OPERATOR else scope.principal_id


async def add_write(
    connection: DatabaseConnection, scope: Scope, connection_id: UUID, proposal: Proposal
) -> UUID:
    """A new one, which waits to be sent."""
    write_id = UUID(proposal.id)
    who = (scope.tenant_id, write_id, connection_id, owner_of(scope))
    what = (proposal.vendor, str(proposal.act), proposal.target, proposal.key, Jsonb(stored(proposal)))
    await connection.execute(_ADD, (*who, *what))
    return write_id


async def find_write(connection: DatabaseConnection, scope: Scope, write_id: UUID) -> Write:
    """One that the scope may see.

    Raises:
        NotFoundError: there is none of this id.
    """
    cursor = connection.cursor(row_factory=class_row(Write))
    statement = f"SELECT {_COLUMNS} {_FROM} WHERE w.tenant_id = %s AND w.write_id = %s"
    await cursor.execute(statement.encode(), (scope.tenant_id, write_id))
    found = await cursor.fetchone()
    if found is None:
        raise NotFoundError(f"There is no write {write_id}.", remedy="`deskmind writes list` shows them.")
    return found


async def open_write(connection: DatabaseConnection, scope: Scope, write_id: UUID) -> OpenWrite:
    """One with how it is sent.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = await find_write(connection, scope, write_id)
    cursor = await connection.execute(
        "SELECT connection_id, proposal FROM writes WHERE tenant_id = %s AND write_id = %s",
        (scope.tenant_id, write_id),
    )
    row = await cursor.fetchone()
    assert row is not None
    return OpenWrite(found, row[0], Proposal.from_json(row[1]))


async def list_writes(
    connection: DatabaseConnection,
    scope: Scope,
    *,
    states: tuple[str, ...],
    name: str | None,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[Write]:
    """The newest first, from ``before`` a place on; of some states, of one connection."""
    where, values = "", list[Any]()
    if states:
        where, values = " AND w.state = ANY (%s)", [list(states)]
    if name is not None:
        where, values = where + " AND c.name = %s", [*values, name]
    if before is not None:
        where, values = where + " AND (w.made_at, w.write_id) < (%s, %s)", [*values, *before]
    cursor = connection.cursor(row_factory=class_row(Write))
    statement = f"SELECT {_COLUMNS} {_FROM} WHERE w.tenant_id = %s{where} ORDER BY w.made_at DESC, w.write_id DESC LIMIT %s"
    await cursor.execute(statement.encode(), (scope.tenant_id, *values, limit))
    return await cursor.fetchall()


async def claim(
    connection: DatabaseConnection, scope: Scope, write_id: UUID, lease_seconds: float
) -> int | None:
    """Claim one that is to be sent; the epoch, or None where somebody else did, or it is done."""
    values = {"by": scope.principal_id, "lease": lease_seconds}
    return await _epoch(connection, _CLAIM, scope, write_id, values)


async def claim_over(
    connection: DatabaseConnection, scope: Scope, write_id: UUID, lease_seconds: float
) -> int | None:
    """Claim one whose outcome is not known, from whoever does not work on it any more; the epoch, or None."""
    return await _epoch(connection, _CLAIM_OVER, scope, write_id, {"lease": lease_seconds})


async def take_look(connection: DatabaseConnection, scope: Scope, write_id: UUID) -> int | None:
    """Take the turn to look for one that is due, and put off the next; how often it was looked for, or None: it is not due."""
    return await _epoch(connection, _LOOK, scope, write_id, {})


async def hand_over(connection: DatabaseConnection, scope: Scope, write_id: UUID, most: int) -> bool:
    """Leave one to a person that is still not known after so many looks; whether it is so."""
    cursor = await connection.execute(_HAND_OVER, (scope.tenant_id, write_id, most))
    return cursor.rowcount == 1


async def settle(
    connection: DatabaseConnection,
    scope: Scope,
    write_id: UUID,
    epoch: int,
    state: WriteState,
    *,
    written: str = "",
    problem: str = "",
    by: UUID | None = None,
) -> None:
    """Write down what became of it.

    Raises:
        ConflictError: somebody else has claimed it since.
    """
    values = {"state": state, "written": written, "problem": problem, "by": by, "epoch": epoch}
    key = {"tenant": scope.tenant_id, "write": write_id}
    row = await (await connection.execute(_SETTLE, {**values, **key})).fetchone()
    if row is None:
        raise ConflictError(
            "Somebody else has claimed the write since.",
            why="This one took longer than sync.write_lease_seconds.",
            remedy="Look at what became of it.",
            write=str(write_id),
        )
    await _tell(connection, scope, write_id, state, row)


async def settle_found(
    connection: DatabaseConnection, scope: Scope, write_id: UUID, run_id: UUID, epoch: int, state: WriteState
) -> None:
    """Write down what became of one that an earlier epoch of a run sent; nothing where that is known, or a later one has it."""
    values = {"state": state, "run": run_id, "epoch": epoch, "tenant": scope.tenant_id, "write": write_id}
    row = await (await connection.execute(_RUN_FOUND, values)).fetchone()
    if row is not None:
        await _tell(connection, scope, write_id, state, row)


async def _tell(
    connection: DatabaseConnection, scope: Scope, write_id: UUID, state: WriteState, row: tuple[Any, ...]
) -> None:
    """Publish where the state is another than it was: what stays uncertain at each look is told once."""
    was, *about = row
    if state == was or state not in _TOLD:
        return
    told = dict(zip(("vendor", "act", "target", "run_id"), about, strict=True), write_id=write_id)
    await publish(connection, scope, _TOLD[state], told, link=f"/v1/writes/{write_id}")


async def describe(
    connection: DatabaseConnection, scope: Scope, write_id: UUID, epoch: int, applied: Applied
) -> None:
    """Keep how the vendor holds what was written."""
    what = (applied.id, applied.url, applied.version, list(applied.differing))
    await connection.execute(_DESCRIBE, (*what, scope.tenant_id, write_id, epoch))


async def note_problem(
    connection: DatabaseConnection, scope: Scope, write_id: UUID, epoch: int, code: str
) -> None:
    """Keep the code of the error that the last one who tried had."""
    await connection.execute(
        "UPDATE writes SET problem = %s"
        " WHERE tenant_id = %s AND write_id = %s AND epoch = %s AND state <> 'applied'",
        (code, scope.tenant_id, write_id, epoch),
    )


async def _epoch(
    connection: DatabaseConnection, statement: str, scope: Scope, write_id: UUID, values: Mapping[str, Any]
) -> int | None:
    key = {"tenant": scope.tenant_id, "write": write_id}
    row = await (await connection.execute(statement.encode(), {**values, **key})).fetchone()
    return None if row is None else int(row[0])


def stored(proposal: Proposal) -> dict[str, Any]:
    """JSON without what cannot be stored."""
    given: dict[str, Any] = _storable(proposal.to_json())
    return {**given, "act": str(Act(proposal.act))}


def _storable(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case None | bool() | int() | float():
            return value
        case dict():
            given = cast("dict[Any, Any]", value)
            return {str(name): _storable(one) for name, one in given.items()}
        case list() | tuple():
            return [_storable(one) for one in cast("list[Any]", value)]
        case _:
            return str(value)
