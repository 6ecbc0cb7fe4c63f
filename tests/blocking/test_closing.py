"""Leaving the ``with`` of a blocking application while another thread waits in it."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

from deskmind import BlockingDeskmind
from deskmind.app import Deskmind
from deskmind.errors import ClosedError

_MINUTE = 60


async def test_a_call_of_another_thread_ends_with_the_application(desk_home: Path, app: Deskmind) -> None:
    """The model never answers; the session's application holds the home open."""
    await app.tenants.create("closing")
    told: list[BaseException] = []

    def script() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
            deployment = {"model": "echo", "base_url": address, "api_key": "k"}
            opened = BlockingDeskmind.open(
                home=desk_home,
                knowledge={"embedder": "hashing"},
                models={"fast": {"deployments": [deployment], "retries": 0}},
            )
            with opened:
                desk = opened.desk(tenant="closing")

                def inside() -> None:
                    try:
                        desk.models.chat("fast", [{"role": "user", "content": "hello"}])
                    except BaseException as error:
                        told.append(error)

                thread = threading.Thread(target=inside, daemon=True)
                thread.start()
                silent.settimeout(_MINUTE)
                connection, _ = silent.accept()
            thread.join(_MINUTE)
            connection.close()

    await asyncio.to_thread(script)
    assert [type(error) for error in told] == [ClosedError]
