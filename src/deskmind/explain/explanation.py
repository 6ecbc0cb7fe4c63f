"""One request's story, ready to be shown: for people in the terminal, for machines as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from deskmind.observability.story import ToldStep

__all__ = [
    "AnswerFacts",
    "CacheDecision",
    "Explanation",
    "ModelCall",
    "PassageFate",
    "PromptUse",
    "StoryPart",
    "Try",
]

Fate = Literal["cited", "given", "kept", "dropped"]


@dataclass(frozen=True, slots=True)
class PromptUse:
    """A prompt that was used. ``version`` 0 is the one that comes with the release."""

    name: str
    version: int | None
    experiment: str
    variant: str


@dataclass(frozen=True, slots=True)
class PassageFate:
    """A passage that was found, its scores, and what became of it.

    Attributes:
        rank: from 1, after reranking.
        chunk_id: of the chunk.
        document_id: of its document.
        ordinal: place of the chunk in the document, from 0.
        title: the document's, as it is now; empty when it is gone or whoever explains may not see it.
        section: heading path, likewise.
        visible: whether whoever explains may see the document now.
        dense: cosine similarity, None when the vector side did not see it.
        lexical: BM25, None when no term matched.
        fused: after fusion, 0 to 1.
        rerank: after reranking, 0 to 1.
        fate: ``cited``, ``given`` (to the model), ``kept`` (within the limit) or ``dropped``.
        why: in words.
    """

    rank: int
    chunk_id: str
    document_id: str
    ordinal: int
    title: str
    section: str
    visible: bool
    dense: float | None
    lexical: float | None
    fused: float | None
    rerank: float | None
    fate: Fate
    why: str


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """How the answer came out. ``threshold`` is the confidence below which the question is declined."""

    found: bool
    confidence: float | None
    threshold: float | None
    mode: str
    model: str
    sentences: int


@dataclass(frozen=True, slots=True)
class CacheDecision:
    """One look into a cache: ``hit`` or ``miss``, and why."""

    cache: str
    outcome: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Try:
    """One try at one deployment; ``waited`` seconds of back-off came before it."""

    deployment: str
    outcome: str
    seconds: float
    waited: float


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call in the usage ledger.

    Attributes:
        call_id, started_at, feature, operation, model, deployment: as booked.
        outcome: how sure the figures are.
        error: code of the error, empty for none.
        seconds: duration.
        first_token_seconds: until the first piece of a stream.
        input_tokens, cached_tokens, output_tokens, reasoning_tokens: as charged.
        cost: US dollars, None when the price is not known.
        attempts: how many tries were made.
        tries: each of them, where the story has them.
    """

    call_id: str
    started_at: datetime
    feature: str
    operation: str
    model: str
    deployment: str
    outcome: str
    error: str
    seconds: float
    first_token_seconds: float | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Decimal | None
    attempts: int
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class StoryPart:
    """A request, a call from Python or the command line, or a job that ran for it.

    Attributes:
        kind: ``http``, ``operation`` or ``job``.
        operation: the first operation, such as ``knowledge.ask``.
        error: code of the error it ended with, empty for none.
        began_at: when.
        seconds: how long it took.
        principal: name of who acted, its id when it is gone or not to be seen.
        principal_id: its id.
        role: at that time.
        groups: names, or ids, of its groups at that time.
        question: where it was kept.
        http: ``method``, ``route`` and ``status`` of a request over HTTP.
        prompts: those used, in order.
        candidates: how the search narrowed down: ``found``, ``dense``, ``lexical``, ``ranked``, ``hidden``.
        limit: how many passages were to be kept.
        passages: those found, best first.
        answer: how it came out, None where none was given.
        caches: looks into caches.
        redactions: how many values of each type were redacted.
        jobs: the jobs it queued: ``task``, ``queue``, ``lock``.
        steps: the timings, a tree.
        dropped: steps and facts beyond the bounds of a story.
        notes: every fact, as it was noted.
    """

    kind: str
    operation: str
    error: str
    began_at: datetime
    seconds: float
    principal: str
    principal_id: str
    role: str
    groups: tuple[str, ...]
    question: str
    http: Mapping[str, Any]
    prompts: tuple[PromptUse, ...]
    candidates: Mapping[str, int]
    limit: int | None
    passages: tuple[PassageFate, ...]
    answer: AnswerFacts | None
    caches: tuple[CacheDecision, ...]
    redactions: Mapping[str, int]
    jobs: tuple[Mapping[str, str], ...]
    steps: tuple[ToldStep, ...]
    dropped: int
    notes: tuple[tuple[str, float, Mapping[str, Any]], ...] = field(repr=False)

    @property
    def outcome(self) -> str:
        """``ok``, ``cancelled`` or ``error``."""
        return {"": "ok", "cancelled": "cancelled"}.get(self.error, "error")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one request id.

    Attributes:
        request_id: the correlation id.
        tenant: the tenant's short name.
        parts: oldest first: the request itself, jobs that it queued, further calls under the same id.
        calls: of models, oldest first.
    """

    request_id: str
    tenant: str
    parts: tuple[StoryPart, ...]
    calls: tuple[ModelCall, ...]

    @property
    def cost(self) -> Decimal:
        """US dollars of the calls whose price is known."""
        return sum((call.cost for call in self.calls if call.cost is not None), Decimal(0))

    @property
    def unpriced(self) -> int:
        """Calls without a known price; they are not in ``cost``."""
        return sum(call.cost is None for call in self.calls)

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens of all calls."""
        return sum(call.input_tokens for call in self.calls), sum(call.output_tokens for call in self.calls)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the cost is a decimal string, times are ISO 8601, durations seconds."""
        read, written = self.tokens
        return {
            "request_id": self.request_id,
            "tenant": self.tenant,
            "parts": [_part(part) for part in self.parts],
            "calls": [_call(call) for call in self.calls],
            "input_tokens": read,
            "output_tokens": written,
            "cost_usd": str(self.cost),
            "unpriced": self.unpriced,
        }


def _part(part: StoryPart) -> dict[str, Any]:
    shown = asdict(part)
    del shown["notes"]
    return {**shown, "outcome": part.outcome, "began_at": part.began_at.isoformat()}


def _call(call: ModelCall) -> dict[str, Any]:
    cost = None if call.cost is None else str(call.cost)
    shown = {**asdict(call), "started_at": call.started_at.isoformat(), "cost_usd": cost}
    del shown["cost"]
    return shown
