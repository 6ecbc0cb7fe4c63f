"""A receiver of webhooks: verified, each event once, answered before the work is done. Needs nothing but the core.

Run it: python examples/parts/webhook_receiver.py
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deskmind.errors import AuthenticationError
from deskmind.webhooks import verify
from deskmind.webhooks.signing import key_of, new_secret, signed_headers

SECRET = new_secret()  # here you would keep what `deskmind webhooks add` printed
MOST_BYTES = 1_000_000
seen: set[str] = set()  # here you would ask your own table


class Receiver(BaseHTTPRequestHandler):
    """Takes events of Deskmind and of nobody else."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > MOST_BYTES:
            self.answer(413)
            return
        body = self.rfile.read(length)
        try:
            event = verify(body, dict(self.headers.items()), SECRET)
        except AuthenticationError as error:
            print(f"refused: {error.why}")
            self.answer(401)
            return
        if event.id in seen:  # it is sent again where our answer was lost
            print(f"{event.type} {event.id}: known already")
        else:
            seen.add(event.id)
            print(f"{event.type} {event.id}: {event.data['link']}")  # here you would queue the work
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing but what is printed above."""


def send(url: str, body: bytes, headers: dict[str, str]) -> int:
    """What Deskmind's workers do, for this example."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/deskmind"
    told = {"type": "approval.requested", "data": {"proposal_id": "p1", "link": "/v1/approvals/p1"}}
    body, now, key = json.dumps(told).encode(), int(time.time()), key_of(SECRET)
    headers = signed_headers([key], "event-1", now, body)
    print(send(url, body, headers))
    print(send(url, body, headers))
    print(send(url, body.replace(b"p1", b"p2"), headers))
    print(send(url, body, signed_headers([key], "event-1", now - 3600, body)))
    server.shutdown()
    server.server_close()


main()
