"""Intents and entries as JSON lines of the journal."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from deskmind.gateway.ledger.entry import Intent, UsageEntry
from deskmind.gateway.messages import Caller, Usage

__all__ = ["entry_of", "entry_record", "intent_fields", "intent_of", "intent_record"]


def intent_record(intent: Intent, fields: str = "") -> bytes:
    """One line; ``fields`` are the intent's where they are written already."""
    return f'{{"kind":"intent",{fields or intent_fields(intent)}}}\n'.encode()


def entry_record(entry: UsageEntry, fields: str = "") -> bytes:
    """One line; complete, so that it stands without its intent's, whose ``fields`` may be written already."""
    usage = entry.usage
    first = entry.first_token_seconds
    return (
        f'{{"kind":"entry",{fields or intent_fields(entry.intent)},"outcome":"{entry.outcome}",'
        f'"deployment":{_quoted(entry.deployment)},"usage":[{usage.input_tokens},{usage.output_tokens},'
        f"{usage.cached_tokens},{usage.reasoning_tokens}],"
        f'"cost":{_decimal(entry.cost)},"seconds":{entry.seconds!r},"first":{"null" if first is None else repr(first)},'
        f'"attempts":{entry.attempts},"error":{_quoted(entry.error)},'
        f'"streamed":{"true" if entry.streamed else "false"}}}\n'
    ).encode()


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


def intent_fields(intent: Intent) -> str:
    """What both lines of a call say. Written out rather than encoded: it is on the way of every call."""
    caller = intent.caller
    return (
        f'"call":"{intent.call_id.hex}","at":{intent.started_at!r},"caller":["{caller.tenant_id.hex}",'
        f'"{caller.user.hex}",{_quoted(caller.key)},{_quoted(caller.feature)},{_escaped(caller.request_id)}],'
        f'"operation":{_quoted(intent.operation)},"model":{_quoted(intent.model)},"tokens":{intent.tokens},'
        f'"max":{_decimal(intent.cost)}'
    )


def _decimal(value: Decimal | None) -> str:
    return "null" if value is None else f'"{value}"'


def _escaped(text: str) -> str:
    return orjson.dumps(text.replace("\0", "").encode("utf-8", "replace").decode()).decode()


_quoted = lru_cache(maxsize=4_096)(_escaped)
"""For values of which there are few: names of models, deployments, features, ids of keys."""
