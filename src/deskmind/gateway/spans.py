"""The span of a model call."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from deskmind.errors import DeskmindError
from deskmind.gateway.messages import ChatRequest, Usage
from deskmind.observability import names

__all__ = ["end_span", "start_span"]

_tracer = trace.get_tracer("deskmind")


def start_span(operation: str, model: str, request: ChatRequest, *, streamed: bool = False) -> Span:
    """The span of one call, begun."""
    attributes: dict[str, Any] = {names.OPERATION_NAME: operation, names.REQUEST_MODEL: model}
    if request.max_tokens:
        attributes[names.REQUEST_MAX_TOKENS] = request.max_tokens
    temperature = request.options.get("temperature")
    if isinstance(temperature, (int, float)):
        attributes[names.REQUEST_TEMPERATURE] = float(temperature)
    if streamed:
        attributes[names.REQUEST_STREAM] = True
    return _tracer.start_span(f"{operation} {model}", kind=SpanKind.CLIENT, attributes=attributes)


def end_span(
    current: Span,
    *,
    error: BaseException | None = None,
    usage: Usage | None = None,
    provider_model: str = "",
) -> None:
    """End a call's span with what is known of it."""
    if current.is_recording():
        if usage is not None:
            current.set_attribute(names.USAGE_INPUT_TOKENS, usage.input_tokens)
            current.set_attribute(names.USAGE_OUTPUT_TOKENS, usage.output_tokens)
        if provider_model:
            current.set_attribute(names.RESPONSE_MODEL, provider_model)
        if error is not None:
            current.set_attribute(
                names.ERROR_TYPE, error.code if isinstance(error, DeskmindError) else type(error).__name__
            )
            current.set_status(Status(StatusCode.ERROR))
    current.end()
