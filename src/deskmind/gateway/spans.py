"""The span of a model call: one CLIENT span ``chat {model}`` whatever the number of attempts, which are its events.

It is the current span while deployments are tried, so that its context goes to the provider.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from deskmind.gateway.accounts import Account
from deskmind.gateway.messages import Attempt, ChatRequest, ChatResponse, ToolCall
from deskmind.gateway.models import ModelConfig
from deskmind.observability import names
from deskmind.observability.content import capture_messages, capturing
from deskmind.observability.tracing import OpenSpan, start_span

__all__ = ["end_call", "note_attempt", "start_call"]


def start_call(
    operation: str,
    model: str,
    config: ModelConfig,
    request: ChatRequest,
    redacted: Mapping[str, int],
    *,
    streamed: bool = False,
) -> OpenSpan:
    """Begin the span of a call; ``end_call`` ends it.

    Args:
        operation: ``chat``, ``embeddings`` or ``rerank``.
        model: the configured name.
        config: the model.
        request: as it is sent.
        redacted: how many places a shield replaced in it, by type.
        streamed: whether the reply comes in pieces.
    """
    attributes: dict[str, AttributeValue] = {
        names.OPERATION_NAME: operation,
        names.PROVIDER_NAME: config.deployments[0].provider,
        names.REQUEST_MODEL: model,
    }
    if request.max_tokens:
        attributes[names.REQUEST_MAX_TOKENS] = request.max_tokens
    temperature = request.options.get("temperature")
    if isinstance(temperature, (int, float)):
        attributes[names.REQUEST_TEMPERATURE] = float(temperature)
    if streamed:
        attributes[names.REQUEST_STREAM] = True
    if redacted:
        attributes["deskmind.redactions"] = sum(redacted.values())
        attributes["deskmind.redacted_types"] = sorted(redacted)
    begun = start_span(f"{operation} {model}", "client", attributes)
    if operation == names.OPERATION_CHAT:
        capture_messages(begun.span, names.INPUT_MESSAGES, request.messages)
    return begun


def note_attempt(attempt: Attempt, number: int) -> None:
    """Leave an event of a try, unless it was the only one and went well: then the span says all of it."""
    span = trace.get_current_span()
    if not span.is_recording() or (number == 1 and attempt.outcome == "ok"):
        return
    span.add_event(
        "gateway.attempt",
        {
            "deskmind.deployment": attempt.deployment,
            "deskmind.outcome": attempt.outcome,
            "deskmind.duration_ms": round(attempt.milliseconds, 2),
            "deskmind.waited_ms": round(attempt.waited * 1000, 2),
        },
    )


def end_call(
    begun: OpenSpan,
    account: Account | None = None,
    *,
    error: BaseException | None = None,
    reply: ChatResponse | None = None,
    provider_model: str = "",
) -> None:
    """End the span of a call with what its account says and the reply it brought, where it brought one."""
    span = begun.span
    if span.is_recording():
        if account is not None and account.row is not None:
            span.set_attributes(_booked(account))
        if reply is not None:
            span.set_attributes(_replied(reply))
            if capturing(span):
                capture_messages(span, names.OUTPUT_MESSAGES, [_written(reply)])
        elif provider_model:
            span.set_attribute(names.RESPONSE_MODEL, provider_model)
    begun.end(error)


def _booked(account: Account) -> dict[str, AttributeValue]:
    row = account.row
    assert row is not None
    found: dict[str, AttributeValue] = {
        names.USAGE_INPUT_TOKENS: row.usage.input_tokens,
        names.USAGE_OUTPUT_TOKENS: row.usage.output_tokens,
        "deskmind.deployment": row.deployment,
        "deskmind.attempts": row.attempts,
        "deskmind.feature": row.intent.caller.feature,
        "deskmind.call_id": account.call_id,
    }
    if row.usage.cached_tokens:
        found[names.USAGE_CACHE_READ_INPUT_TOKENS] = row.usage.cached_tokens
    if row.usage.reasoning_tokens:
        found[names.USAGE_REASONING_OUTPUT_TOKENS] = row.usage.reasoning_tokens
    if row.cost is not None:
        found[names.COST] = float(row.cost)
    if row.first_token_seconds is not None:
        found[names.RESPONSE_TIME_TO_FIRST_CHUNK] = row.first_token_seconds
    return found


def _replied(reply: ChatResponse) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {names.RESPONSE_MODEL: reply.provider_model}
    if reply.finish_reason:
        found[names.RESPONSE_FINISH_REASONS] = (reply.finish_reason,)
    given = (reply.raw or {}).get("id")
    if isinstance(given, str):
        found[names.RESPONSE_ID] = given[:200]
    return found


def _written(reply: ChatResponse) -> dict[str, object]:
    return {"role": "assistant", "content": reply.text or _called(reply.tool_calls)}


def _called(calls: tuple[ToolCall, ...]) -> list[dict[str, str]]:
    return [{"name": call.name, "arguments": call.arguments} for call in calls]
