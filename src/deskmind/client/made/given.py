"""Objects within requests: dictionaries with these keys.

Written by scripts/client_code.py from the OpenAPI document; changes made here are lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

__all__ = [
    "AgentSpec",
    "Case",
    "ChatMessage",
    "Expected",
    "FilterBody",
    "LimitsSpec",
    "MemorySpec",
    "NewTicket",
    "NewTurn",
    "ScriptedReply",
    "VariantBody",
]


class AgentSpec(TypedDict):
    """An agent as it is stored. Immutable; equal content has an equal hash."""

    name: str
    description: NotRequired[str]
    instructions: NotRequired[str]
    prompt: NotRequired[str]
    model: str
    tools: NotRequired[Sequence[str]]
    limits: NotRequired[LimitsSpec]
    memory: NotRequired[MemorySpec | None]
    output: NotRequired[Mapping[str, Any] | None]
    tool_calling: NotRequired[Literal["native", "schema"]]


class Case(TypedDict):
    """One case."""

    name: str
    prompt: str
    untrusted: NotRequired[str]
    script: Sequence[ScriptedReply]
    results: NotRequired[Mapping[str, str]]
    expect: NotRequired[Expected]


class ChatMessage(TypedDict):
    """ChatMessage"""

    role: Literal["system", "developer", "user", "assistant"]
    content: NotRequired[str | Sequence[Any] | None]


class Expected(TypedDict):
    """What must hold; what is left out may be anything."""

    calls: NotRequired[Sequence[str] | None]
    never: NotRequired[Sequence[str]]
    writes: NotRequired[Mapping[str, str] | None]
    contains: NotRequired[Sequence[str]]
    output: NotRequired[Any]
    steps: NotRequired[int | None]
    tainted: NotRequired[bool | None]


class FilterBody(TypedDict):
    """Conditions on documents; all given must hold."""

    metadata: NotRequired[Mapping[str, str]]
    media_type: NotRequired[str | None]
    uri_prefix: NotRequired[str | None]
    updated_after: NotRequired[datetime | None]
    updated_before: NotRequired[datetime | None]
    document_ids: NotRequired[Sequence[UUID | str]]


class LimitsSpec(TypedDict):
    """Bounds of one run; see ``Limits``."""

    steps: NotRequired[int]
    tool_calls: NotRequired[int]
    tokens: NotRequired[int]
    usd: NotRequired[float | str]
    seconds: NotRequired[float]
    reply_tokens: NotRequired[int | None]


class MemorySpec(TypedDict):
    """How it uses memory; see ``MemoryUse``."""

    tokens: NotRequired[int]
    kinds: NotRequired[Sequence[Literal["episodic", "semantic", "procedural"]]]
    least: NotRequired[float]
    extract: NotRequired[Literal["none", "rules", "model"]]
    audience: NotRequired[Literal["user", "group", "tenant"]]
    group: NotRequired[str]


class NewTicket(TypedDict):
    """A ticket to be compared with others."""

    reference: str
    text: str
    created_at: NotRequired[datetime | None]


class NewTurn(TypedDict):
    """A turn to keep."""

    role: Literal["user", "assistant", "tool_call", "tool_result"]
    content: str
    call_id: NotRequired[str]
    tool: NotRequired[str]


ScriptedReply = TypedDict(
    "ScriptedReply",
    {
        "text": "NotRequired[str]",
        "call": "NotRequired[str]",
        "with": "NotRequired[Mapping[str, Any]]",
        "output": "NotRequired[Mapping[str, Any] | None]",
    },
)
"""A reply of the model: a text, a call of a tool, or an output in the agent's form."""


class VariantBody(TypedDict):
    """One of the things tried."""

    name: str
    version: int
    weight: NotRequired[float]
