"""``/metrics`` on a port of its own, without a key: for a scraper on this machine.

It has its own thread, so that it answers while the event loop is busy and in a parent process that has none.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from deskmind.errors import UnavailableError
from deskmind.observability.logs import logger
from deskmind.observability.metering.group import ProcessGroup
from deskmind.observability.metering.running import current_provider, exposed

__all__ = ["serving_metrics"]

_log = logger("deskmind.metrics")


@contextmanager
def serving_metrics(group: ProcessGroup, host: str, port: int) -> Generator[str | None]:
    """Serve a group's metrics; gives the address, None when the port cannot be had, which is logged."""
    try:
        server = _Server((host, port), _handler(group))
    except OSError as error:
        _log.warning("metrics.port_taken", host=host, port=port, reason=error.strerror)
        yield None
        return
    thread = threading.Thread(target=server.serve_forever, name="metrics-port", daemon=True)
    thread.start()
    address = f"http://{host}:{server.server_address[1]}/metrics"
    _log.info("metrics.shown", address=address)
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that hangs up is no event."""


def _handler(group: ProcessGroup) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "deskmind"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            """Answer."""
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            provider = current_provider()
            if provider is not None:
                provider.observe()
            try:
                body, media_type = exposed(group, self.headers.get("Accept", ""))
            except UnavailableError as error:
                self.send_error(503, explain=str(error))
                return
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: its lines would be one a scrape."""

    return Handler
