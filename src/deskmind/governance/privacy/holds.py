"""Legal holds: what keeps a person's data, or all of a tenant's, from being removed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import errors as pg

from deskmind.database import Connection
from deskmind.errors import LegalHoldError
from deskmind.governance.privacy.identifiers import whole_forms
from deskmind.governance.privacy.marks import MarkKeys
from deskmind.governance.privacy.stores import Subject

__all__ = ["Hold", "heeding_holds", "holds_on", "place_hold", "read_holds"]

_COLUMNS = "hold_id, principal_id IS NULL AND marks = '{}', reason, placed_at, released_at"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold.

    Attributes:
        hold_id: its id.
        everyone: whether it is on all of the tenant.
        reason: why; a reference to the case, naming nobody.
        placed_at: since when.
        released_at: until when; None while it stands.
    """

    hold_id: UUID
    everyone: bool
    reason: str
    placed_at: datetime
    released_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "hold_id": str(self.hold_id),
            "everyone": self.everyone,
            "reason": self.reason,
            "placed_at": self.placed_at.isoformat(),
            "released_at": self.released_at.isoformat() if self.released_at else None,
        }


async def place_hold(
    connection: Connection, tenant_id: UUID, keys: MarkKeys, subject: Subject | None, reason: str
) -> Hold:
    """Place a hold on a person, or on everyone, in the caller's transaction."""
    cursor = await connection.execute(
        "INSERT INTO privacy_holds (tenant_id, hold_id, principal_id, marks, reason) VALUES (%s, %s, %s, %s, %s)"
        f" RETURNING {_COLUMNS}".encode(),
        (
            tenant_id,
            uuid4(),
            subject.principal_id if subject is not None else None,
            _marks(keys, subject) if subject is not None else [],
            reason,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None
    return Hold(*row)


async def read_holds(connection: Connection, tenant_id: UUID, *, released: bool = False) -> list[Hold]:
    """The tenant's holds, oldest first."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM privacy_holds WHERE tenant_id = %s AND (%s OR released_at IS NULL)"
        " ORDER BY placed_at, hold_id".encode(),
        (tenant_id, released),
    )
    return [Hold(*row) for row in await cursor.fetchall()]


async def holds_on(connection: Connection, tenant_id: UUID, keys: MarkKeys, subject: Subject) -> list[UUID]:
    """The holds that stand on a person: by account, by identifier, or on everyone."""
    cursor = await connection.execute(
        "SELECT hold_id FROM privacy_holds WHERE tenant_id = %s AND released_at IS NULL"
        " AND (principal_id = %s OR marks && %s::bytea[] OR (principal_id IS NULL AND marks = '{}')) ORDER BY 1",
        (tenant_id, subject.principal_id, _every_mark(keys, subject)),
    )
    return [row[0] for row in await cursor.fetchall()]


@asynccontextmanager
async def heeding_holds() -> AsyncGenerator[None]:
    """Turn what the database says of a hold into our error.

    Raises:
        LegalHoldError: a hold stands.
    """
    try:
        yield
    except pg.CheckViolation as error:
        if error.diag.constraint_name != "privacy_hold":
            raise
        raise held() from None


def held(holds: Sequence[UUID] = ()) -> LegalHoldError:
    """The error that says so."""
    return LegalHoldError(
        "This may not be removed: a legal hold stands.",
        why=f"Holds: {', '.join(map(str, holds))}."
        if holds
        else "It is on the person, or on all of the tenant.",
        remedy="`deskmind privacy hold list` shows the holds; `deskmind privacy hold release ID` releases one.",
    )


def _marks(keys: MarkKeys, subject: Subject) -> list[bytes]:
    return [keys.mark(form) for form in sorted(_forms(subject))]


def _every_mark(keys: MarkKeys, subject: Subject) -> list[bytes]:
    return [mark for form in sorted(_forms(subject)) for mark in keys.every(form)]


def _forms(subject: Subject) -> set[str]:
    return {form for identifier in subject.identifiers for form in whole_forms(identifier)}
