"""A row of the usage ledger, and the intent that stands in for it until the call is over."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from deskmind.gateway.messages import Caller, Outcome, Usage

__all__ = ["Intent", "Ledger", "UsageEntry", "new_call_id"]


def new_call_id() -> UUID:
    """A UUID that sorts by time (RFC 9562, version 7)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be sent.

    Attributes:
        call_id: key of the row.
        started_at: seconds since the epoch.
        caller: for whom.
        operation: ``chat``, ``embeddings`` or ``rerank``.
        model: the configured name.
        tokens: the most it can use.
        cost: the most it can cost in US dollars, None when the price is not known.
    """

    call_id: UUID
    started_at: float
    caller: Caller
    operation: str
    model: str
    tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """One call as it ended; never changed.

    Attributes:
        intent: as it began.
        outcome: how sure the figures are.
        deployment: which one answered last; empty when none was reached.
        usage: tokens of all charged attempts; of an unsettled call the reserved maximum, as output.
        cost: US dollars of all charged attempts, None when no price is known.
        seconds: duration.
        first_token_seconds: until the first piece of a stream, None without one.
        attempts: how many tries were made.
        error: code of the error the caller got, empty for none.
        streamed: whether the reply was a stream.
    """

    intent: Intent
    outcome: Outcome
    deployment: str
    usage: Usage
    cost: Decimal | None
    seconds: float
    first_token_seconds: float | None
    attempts: int
    error: str = ""
    streamed: bool = False

    @classmethod
    def unsettled(cls, intent: Intent) -> UsageEntry:
        """What stands for a call nobody knows the end of: its reserved maximum."""
        return cls(
            intent,
            "unsettled",
            "",
            Usage(output_tokens=intent.tokens),
            intent.cost,
            0.0,
            None,
            0,
            "unsettled",
        )


class Ledger(Protocol):
    """Books each call once: an intent before anything is sent, an entry after."""

    async def open(self, intent: Intent) -> None:
        """Make an intent durable."""
        ...

    def settle(self, entry: UsageEntry) -> None:
        """Book the end of a call; written soon, in batches."""
        ...

    async def flush(self) -> None:
        """Write what is booked now."""
        ...

    async def close(self) -> None:
        """Write everything and stop."""
        ...
