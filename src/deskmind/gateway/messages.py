"""What goes into a model and what comes out, in the words of OpenAI's chat format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Attempt",
    "Caller",
    "ChatDelta",
    "ChatRequest",
    "ChatResponse",
    "Embeddings",
    "Message",
    "Outcome",
    "Ranking",
    "ToolCall",
    "ToolCallPart",
    "Usage",
]

Message = Mapping[str, Any]
"""``{"role": …, "content": …}`` as in OpenAI's chat completions: text, parts with images, tool calls and results."""

Outcome = Literal["settled", "estimated", "unsettled", "free"]
"""How sure the account of a call is.

``settled``: the provider told what it counted. ``estimated``: we counted. ``unsettled``: nobody knows; the reserved
maximum stands. ``free``: the provider charged nothing (it refused, or was not reached).
"""

_NO_USER = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a call is made: what the ledger books and budgets match.

    Attributes:
        tenant_id: the tenant; the nil UUID without a desk.
        user: the principal's id; the nil UUID without a desk.
        key: id of the API key, empty without one.
        feature: what the call is for, such as ``answer`` or ``chat``.
        request_id: the correlation id.
    """

    tenant_id: UUID = _NO_USER
    user: UUID = _NO_USER
    key: str = ""
    feature: str = "chat"
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them.

    Attributes:
        input_tokens: all of the input, the cached part included.
        output_tokens: all of the output, the reasoning included.
        cached_tokens: the part of the input that came from the provider's cache.
        reasoning_tokens: the part of the output that is not shown.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made; ``arguments`` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A piece of a tool call in a stream; pieces of one ``index`` belong together."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat call.

    Attributes:
        messages: the conversation.
        max_tokens: bound on the reply; the model's own or the configured one when left out.
        options: further fields of the chat format (``tools``, ``response_format``, ``temperature``, ``stop``, …),
            sent as they are.
    """

    messages: Sequence[Message]
    max_tokens: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one deployment.

    Attributes:
        deployment: its name.
        outcome: ``ok``, the code of the error, ``skipped`` (its breaker is open), or ``cancelled``.
        milliseconds: how long it took.
        usage: what the provider charges for it, None when nothing.
        waited: seconds of back-off before it.
    """

    deployment: str
    outcome: str
    milliseconds: float = 0.0
    usage: Usage | None = None
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """A model's reply with its account.

    Attributes:
        text: what the model said.
        tool_calls: what it wants done.
        finish_reason: ``stop``, ``length``, ``tool_calls`` or ``content_filter``.
        model: the configured name.
        deployment: which of its deployments answered.
        provider_model: the model's own name as the provider reports it.
        usage: tokens of all charged attempts.
        cost: US dollars of all charged attempts; None when no price is known.
        outcome: how sure usage and cost are.
        attempts: every try, in order.
        seconds: from the call to the whole reply.
        first_token_seconds: from the call to the first piece; None without streaming.
        call_id: key of the ledger row.
        raw: the provider's reply where it speaks OpenAI's format, else None.
    """

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    model: str
    deployment: str
    provider_model: str
    usage: Usage
    cost: Decimal | None
    outcome: Outcome
    attempts: tuple[Attempt, ...]
    seconds: float
    first_token_seconds: float | None
    call_id: UUID
    raw: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(slots=True)
class ChatDelta:
    """A piece of a streamed reply.

    Attributes:
        text: new text.
        tool_calls: new pieces of tool calls.
        finish_reason: set on the last piece with content.
        usage: set when the provider reports it.
        provider_model: the model's own name, where reported.
        restarted: True on the first piece after a configured restart: what came before is void.
        raw: the provider's chunk where it speaks OpenAI's format.
    """

    text: str = ""
    tool_calls: tuple[ToolCallPart, ...] = ()
    finish_reason: str = ""
    usage: Usage | None = None
    provider_model: str = ""
    restarted: bool = False
    raw: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of texts, ``[n, dimensions] float32``, with their account (see ``ChatResponse``)."""

    vectors: NDArray[np.float32]
    model: str
    deployment: str
    provider_model: str
    usage: Usage
    cost: Decimal | None
    outcome: Outcome
    attempts: tuple[Attempt, ...]
    seconds: float
    call_id: UUID


@dataclass(frozen=True, slots=True)
class Ranking:
    """Documents by relevance: ``(index, score)``, best first, with their account (see ``ChatResponse``)."""

    results: tuple[tuple[int, float], ...]
    model: str
    deployment: str
    usage: Usage
    cost: Decimal | None
    outcome: Outcome
    attempts: tuple[Attempt, ...]
    seconds: float
    call_id: UUID
