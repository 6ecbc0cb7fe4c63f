"""An act under a claim: it commits only while the claim holds, and the claim then says that it has acted.

Every act records its event in its own transaction; the mark of the claim goes with it, so that neither can be without the
other, and an attempt that was overtaken by another rolls back.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from deskmind.database import Connection
from deskmind.errors import ClaimLostError

__all__ = ["Claim", "acting_under", "mark_acted", "under_claim"]

_claim: ContextVar[Claim | None] = ContextVar("claim", default=None)
_MARK = (
    "UPDATE request_keys SET acted = true WHERE tenant_id = %s AND digest = %s AND claim = %s RETURNING true"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at a request that is to be done once.

    Attributes:
        tenant_id: whose request.
        digest: 32 bytes, of who asks and the key they gave.
        attempt: which attempt has the claim.
    """

    tenant_id: UUID
    digest: bytes
    attempt: UUID


@contextmanager
def acting_under(claim: Claim) -> Generator[None]:
    """Acts in this context are under the claim."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


def under_claim() -> bool:
    """Whether acts in this context are under a claim."""
    return _claim.get() is not None


async def mark_acted(connection: Connection, tenant_id: UUID) -> None:
    """Mark the context's claim, if it has one in this tenant, in the transaction of the act.

    Raises:
        ClaimLostError: another attempt has it.
    """
    claim = _claim.get()
    if claim is None or claim.tenant_id != tenant_id:
        return
    cursor = await connection.execute(_MARK, (claim.tenant_id, claim.digest, claim.attempt))
    if await cursor.fetchone() is None:
        raise ClaimLostError(
            "The request was taken over.",
            why="It was sent again with the same Idempotency-Key while this attempt did not answer.",
            remedy="Wait for the other attempt's answer.",
        )
