"""A process that has imported what is imported anyway, and forks for each program that a test starts.

Importing takes a second of CPU, and the pages of the documentation run a hundred commands. What is forked here runs the
same code with the arguments, environment, folder and standard streams of who asked, in a process of its own, to the end
of the interpreter; who asked ends with its exit code. Nothing but modules is there before: no thread, no event loop, no
connection. That programs also start by themselves, on a terminal and under signals, is tested with real ones in
``tests/cli`` and with the page README.md.

Run as ``python -P warm_process.py SOCKET MODULE…`` it imports the modules, says so, and listens until standard input
ends. ``CLIENT`` is the program that asks.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

CLIENT = """\
#!{python} -IS
import _socket, array, os, sys
asking = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
asking.connect({address!r})
texts = [os.getcwdb(), b"%d" % len(sys.argv), *map(os.fsencode, sys.argv), *(b"=".join(one) for one in os.environb.items())]
message = b"\\0".join(texts)
streams = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
asking.sendmsg([len(message).to_bytes(4, "big")], [streams])
asking.sendall(message)
code = asking.recv(1)
sys.exit(code[0] if code else "the warm process is gone")
"""
"""It imports as little as it can, and is started as often as the programs it stands for."""

_STREAMS = 3


@dataclass(frozen=True)
class Asked:
    """What a program is started with."""

    folder: bytes
    words: list[bytes]
    environment: dict[bytes, bytes]
    streams: list[int]

    @classmethod
    def read(cls, connection: socket.socket) -> Asked:
        """From who asks."""
        size = array.array("i").itemsize
        start, attached, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(_STREAMS * size))
        streams = array.array("i")
        for _, _, sent in attached:
            streams.frombytes(sent[: len(sent) - len(sent) % size])
        missing = int.from_bytes(start, "big")
        message = b""
        while len(message) < missing:
            message += connection.recv(missing - len(message))
        folder, count, *texts = message.split(b"\0")
        pairs = (text.partition(b"=") for text in texts[int(count) :])
        return cls(folder, texts[: int(count)], {name: value for name, _, value in pairs}, list(streams))

    def take(self) -> None:
        """Become that program's process, as far as there is a difference."""
        for place, stream in enumerate(self.streams):
            os.dup2(stream, place)
            os.close(stream)
        os.chdir(self.folder)
        os.environb.clear()
        os.environb.update(self.environment)
        sys.argv[:] = [os.fsdecode(word) for word in self.words]


@dataclass
class Forking:
    """The programs that run, by their process, with the connections of who waits for them."""

    listener: socket.socket
    control: int
    running: dict[int, socket.socket] = field(default_factory=dict)

    def next_program(self) -> Asked | None:
        """Serve until the control ends, which gives None; in a forked process, what it was asked for."""
        woken, waking = socket.socketpair()
        for end in (woken, waking):
            end.setblocking(False)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            for end in (self.listener, self.control, woken):
                selector.register(end, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if woken in ready:
                    woken.recv(4096)
                    self._reap()
                if self.listener in ready and (asked := self._forked()) is not None:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for end in (woken, waking):
                        end.close()
                    return asked
                if self.control in ready:
                    return None

    def _forked(self) -> Asked | None:
        connection, _ = self.listener.accept()
        asked = Asked.read(connection)
        process = os.fork()
        if process:
            self.running[process] = connection
            for stream in asked.streams:
                os.close(stream)
            return None
        for end in (self.listener, connection, *self.running.values()):
            end.close()
        os.close(self.control)
        return asked

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(ended[1])
                with self.running.pop(ended[0]) as connection, contextlib.suppress(BrokenPipeError):
                    connection.sendall(bytes([code if code >= 0 else 128 - code]))


def serve(address: str, modules: list[str]) -> Asked | None:
    """Import the modules, say so, and serve."""
    for module in modules:
        importlib.import_module(module)
    assert threading.active_count() == 1, "a thread would be missing in what is forked"
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        control = os.dup(0)
        print("warm", flush=True)
        return Forking(listener, control).next_program()


def run(asked: Asked) -> None:
    """Run ``deskmind`` with these arguments, or the Python program that is the first of them."""
    asked.take()
    if len(sys.argv) > 1 and sys.argv[1].endswith(".py"):
        del sys.argv[0]
        sys.path.insert(0, str(Path(sys.argv[0]).parent))
        runpy.run_path(sys.argv[0], run_name="__main__")
        return
    from deskmind.cli import main

    main()


if __name__ == "__main__":
    program = serve(sys.argv[1], sys.argv[2:])
    if program is not None:
        run(program)
