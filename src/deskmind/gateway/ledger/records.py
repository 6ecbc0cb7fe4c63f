"""Intents and entries as JSON lines of the journal."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

from deskmind.gateway.ledger.entry import Intent, UsageEntry
from deskmind.gateway.messages import Caller, Usage

__all__ = ["entry_of", "entry_record", "intent_of", "intent_record"]


def intent_record(intent: Intent) -> bytes:
    """One line."""
    return json.dumps(_intent(intent, "intent"), separators=(",", ":")).encode() + b"\n"


def entry_record(entry: UsageEntry) -> bytes:
    """One line; complete, so that it stands without its intent's."""
    usage = entry.usage
    record = _intent(entry.intent, "entry")
    record.update(
        outcome=entry.outcome,
        deployment=entry.deployment,
        usage=[usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens],
        cost=None if entry.cost is None else str(entry.cost),
        seconds=entry.seconds,
        first=entry.first_token_seconds,
        attempts=entry.attempts,
        error=entry.error,
        streamed=entry.streamed,
    )
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def intent_of(record: dict[str, Any]) -> Intent:
    """The intent of a line.

    Raises:
        KeyError, ValueError, TypeError: it is no such line.
    """
    tenant, user, key, feature, request_id = record["caller"]
    return Intent(
        UUID(hex=record["call"]),
        float(record["at"]),
        Caller(UUID(hex=tenant), UUID(hex=user), key, feature, request_id),
        record["operation"],
        record["model"],
        int(record["tokens"]),
        None if record["max"] is None else Decimal(record["max"]),
    )


def entry_of(record: dict[str, Any]) -> UsageEntry:
    """The entry of a line.

    Raises:
        KeyError, ValueError, TypeError: it is no such line.
    """
    return UsageEntry(
        intent_of(record),
        record["outcome"],
        record["deployment"],
        Usage(*map(int, record["usage"])),
        None if record["cost"] is None else Decimal(record["cost"]),
        float(record["seconds"]),
        record["first"],
        int(record["attempts"]),
        record["error"],
        bool(record["streamed"]),
    )


def _intent(intent: Intent, kind: str) -> dict[str, Any]:
    caller = intent.caller
    return {
        "kind": kind,
        "call": intent.call_id.hex,
        "at": intent.started_at,
        "caller": [
            caller.tenant_id.hex,
            caller.user.hex,
            caller.key,
            caller.feature,
            caller.request_id,
        ],
        "operation": intent.operation,
        "model": intent.model,
        "tokens": intent.tokens,
        "max": None if intent.cost is None else str(intent.cost),
    }
