"""How encoded spans travel to a collector: over HTTP or gRPC, each on connections that stay open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from deskmind.observability.telemetry._protobuf import SpanEncoder
from deskmind.observability.telemetry._spans import LightSpan

__all__ = ["GrpcExport", "HttpExport"]

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_PROTOBUF = {"content-type": "application/x-protobuf"}


class HttpExport:
    """Posts each batch.

    Args:
        encoder: writes it.
        endpoint: address that takes it, with its path.
        headers: sent along.
        timeout: seconds for the connection, and for each wait for the answer.
    """

    def __init__(
        self, encoder: SpanEncoder, endpoint: str, headers: Mapping[str, str], timeout: float
    ) -> None:
        self._encoder = encoder
        self._endpoint = endpoint
        self._timeout = timeout
        import requests

        self._session = requests.Session()
        self._session.headers.update({**headers, **_PROTOBUF})

    def export(self, spans: list[LightSpan]) -> bool:
        """Send a batch; whether it was taken."""
        body = self._encoder.encode(spans)
        answer = self._session.post(self._endpoint, data=body, timeout=self._timeout, allow_redirects=False)
        return answer.status_code // 100 == 2

    def shutdown(self) -> None:
        """End."""
        self._session.close()


class GrpcExport:
    """Calls the collector's trace service with each batch.

    Args:
        encoder: writes it.
        endpoint: address of the service, ``http://`` for one without TLS.
        headers: sent along as metadata.
        timeout: seconds a call may take.
    """

    def __init__(
        self, encoder: SpanEncoder, endpoint: str, headers: Mapping[str, str], timeout: float
    ) -> None:
        self._encoder = encoder
        self._metadata = [(name.lower(), value) for name, value in headers.items()]
        self._timeout = timeout
        import grpc  # pyright: ignore[reportMissingTypeStubs]

        calls: Any = grpc
        target = urlsplit(endpoint).netloc or endpoint
        if endpoint.startswith("http://"):
            self._channel = calls.insecure_channel(target)
        else:
            self._channel = calls.secure_channel(target, calls.ssl_channel_credentials())
        self._call = self._channel.unary_unary(_METHOD)  # bytes both ways

    def export(self, spans: list[LightSpan]) -> bool:
        """Send a batch; whether it was taken.

        Raises:
            grpc.RpcError: it was not.
        """
        self._call(self._encoder.encode(spans), timeout=self._timeout, metadata=self._metadata)
        return True

    def shutdown(self) -> None:
        """End, and with it a call that still runs."""
        self._channel.close()
