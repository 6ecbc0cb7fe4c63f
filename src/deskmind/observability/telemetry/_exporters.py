"""Exporters of spans by the settings."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from deskmind.errors import ConfigurationError
from deskmind.observability.telemetry._outbox import Exporter
from deskmind.observability.telemetry._protobuf import SpanEncoder
from deskmind.observability.telemetry._spans import LightSpan
from deskmind.settings import TelemetrySettings

__all__ = ["destination_of", "exporter_of", "parsed_headers"]

_TRACES = "/v1/traces"
_LONGEST_VALUE = 20_000
_FINE, _FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_DEFAULTS = {"http/protobuf": "http://127.0.0.1:4318", "grpc": "http://127.0.0.1:4317"}
_CHATTY = ("opentelemetry.exporter", "opentelemetry.sdk", "opentelemetry.attributes", "urllib3", "grpc")


def destination_of(settings: TelemetrySettings) -> str:
    """Where spans go, as a log line may say it: the address without credentials, path or query."""
    parts = urlsplit(_endpoint(settings))
    return (
        "console" if settings.traces == "console" else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    )


def exporter_of(settings: TelemetrySettings, resource: Mapping[str, str], version: str) -> Exporter:
    """The exporter that the settings want.

    Args:
        settings: the ``[telemetry]`` section.
        resource: who sends, as attributes.
        version: of the instrumentation.

    Raises:
        ConfigurationError: the headers cannot be read.
        ImportError: a package of the extra is missing.
    """
    if settings.traces == "console":
        return _Console(resource, version)
    headers = parsed_headers(settings)
    for name in _CHATTY:  # they report each failed attempt; we report the outage
        logging.getLogger(name).setLevel(logging.CRITICAL)
    from deskmind.observability.telemetry._transports import GrpcExport, HttpExport

    kind = GrpcExport if settings.protocol == "grpc" else HttpExport
    encoder = SpanEncoder(resource, "deskmind", version)
    return kind(encoder, _endpoint(settings), headers, settings.timeout)


def parsed_headers(settings: TelemetrySettings) -> dict[str, str]:
    """``name=value,name=value`` with percent-encoded values, as OpenTelemetry's variable has it.

    Raises:
        ConfigurationError: a part has no name or no ``=``; the message does not quote it.
    """
    given = settings.headers.get_secret_value() if settings.headers is not None else ""
    headers: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in given.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise ConfigurationError(
                "The setting telemetry.headers cannot be read.",
                why="It is not of the form name=value,name=value.",
                remedy="Write for example authorization=Bearer%20TOKEN.",
            )
        headers[name.strip()] = unquote(value.strip())
    return headers


def _endpoint(settings: TelemetrySettings) -> str:
    if settings.traces_endpoint:
        return settings.traces_endpoint
    base = (settings.endpoint or _DEFAULTS[settings.protocol]).rstrip("/")
    return base if settings.protocol == "grpc" or base.endswith(_TRACES) else base + _TRACES


class _Console:
    """One JSON line a span on standard error, for development."""

    def __init__(self, resource: Mapping[str, str], version: str) -> None:
        self._resource = Resource(dict(resource))
        self._scope = InstrumentationScope("deskmind", version)

    def export(self, spans: list[LightSpan]) -> bool:
        """Print."""
        sys.stderr.write("".join(self._readable(span).to_json(indent=None) + "\n" for span in spans))
        sys.stderr.flush()
        return True

    def shutdown(self) -> None:
        """Nothing."""

    def _readable(self, span: LightSpan) -> ReadableSpan:
        context = span.get_span_context()
        parent = None
        if span.parent_id:
            parent = SpanContext(span.trace_id, span.parent_id, span.local_root, context.trace_flags)
        return ReadableSpan(
            name=span.name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes={name: _cut(value) for name, value in span.attributes.items()},
            events=[Event(name, attributes, at) for name, attributes, at in span.events],
            kind=span.kind,
            status=_FAILED if span.failed else _FINE,
            start_time=span.started,
            end_time=span.ended,
            instrumentation_scope=self._scope,
        )


def _cut(value: AttributeValue) -> AttributeValue:
    return value[:_LONGEST_VALUE] if isinstance(value, str) else value
