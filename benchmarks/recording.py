"""Telemetry as an operator runs it: metrics recorded, spans of every call made, one trace in twenty sent to a collector.

Traces with errors and slow ones are sent besides, whatever the share.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from deskmind.observability import telemetry
from deskmind.observability.metering import start_metrics
from deskmind.settings import TelemetrySettings

__all__ = ["SHARE", "collector", "recording"]

SHARE = 0.05

_SINK = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def collector() -> Iterator[str]:
    """The address of something that takes everything and does nothing with it."""
    process = subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def recording() -> Iterator[None]:
    """In this process."""
    with collector() as endpoint:
        settings = TelemetrySettings(traces="otlp", endpoint=endpoint, sample_ratio=SHARE)
        begun = telemetry.start(settings, "bench")
        start_metrics(settings, release="bench")
        try:
            yield
        finally:
            begun.close()
