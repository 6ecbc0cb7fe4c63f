"""A service under load that is told to end, and one of whose processes is killed.

Told to end (SIGTERM): every request that was sent is answered. A connection may be refused, which a client sees before it
has sent anything. Killed (``kill -9``, one of two): only what that process had under way is lost, and every request with an
``Idempotency-Key`` that is sent again is done once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import psutil

from deskmind import Deskmind
from deskmind.settings import load_settings
from soak.clients import Client, Fate, request_bytes
from soak.stage import staged

__all__ = ["ended_under_load", "killed_under_load", "serving_processes"]

_SEARCH = {"query": "vpn"}


async def ended_under_load(pid: int, port: int, key: str, *, at_once: int, seconds: float) -> dict[str, Any]:
    """SIGTERM after some seconds of load; the load ends when connections are refused.

    Args:
        pid: of the service's first process.
        port: where it listens.
        key: an API key.
        at_once: kept connections.
        seconds: of load before the signal.
    """
    fate, noticed = Fate(), asyncio.Event()
    requests = [
        request_bytes("GET", "/v1/documents?limit=5", key),
        request_bytes("POST", "/v1/search", key, _SEARCH),
        request_bytes("GET", "/v1/models", key),
    ]
    clients = [asyncio.create_task(_until_refused(Client(port, fate), requests, n)) for n in range(at_once)]
    probing = asyncio.create_task(_not_ready(port, noticed))
    await asyncio.sleep(seconds)
    before, told = fate.answered, time.monotonic()
    psutil.Process(pid).send_signal(signal.SIGTERM)
    await asyncio.gather(*clients)
    refused_after = time.monotonic() - told
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    return {
        "connections": at_once,
        "answered_before": before,
        "answered_after_sigterm": fate.answered - before,
        "failed": fate.failed,
        "failures": [*map(str, fate.errors), *(what for _, what in fate.lost)],
        "connections_refused": fate.refused,
        "refused_after_seconds": round(refused_after, 2),
        "said_not_ready_before": noticed.is_set(),
    }


async def _until_refused(client: Client, requests: Sequence[bytes], number: int) -> None:
    try:
        while True:
            await client.send(requests[number % len(requests)])
            number += 1
    except ConnectionRefusedError:
        return


async def _not_ready(port: int, noticed: asyncio.Event) -> None:
    """What a balancer sees."""
    client, probe = Client(port, Fate()), request_bytes("GET", "/readyz", "none")
    try:
        while not noticed.is_set():
            answer = await client.send(probe)
            if answer is not None and answer.status == 503:
                noticed.set()
            await asyncio.sleep(0.1)
    finally:
        client.close()


async def killed_under_load(pid: int, port: int, key: str, *, at_once: int, seconds: float) -> dict[str, Any]:
    """``kill -9`` of one of the processes in the middle of writes, each of which has a key of its own.

    Returns what was seen; the caller compares ``keys`` with what is in the database.
    """
    fate, ending = Fate(), asyncio.Event()
    done: dict[str, tuple[int, str]] = {}

    async def write(client: Client) -> None:
        while not ending.is_set():
            mine = str(uuid4())
            request = request_bytes("POST", "/v1/conversations", key, {"title": mine}, Idempotency_Key=mine)
            answer = await client.until_done(request)
            done[mine] = answer.status, json.loads(answer.body).get("conversation_id", "")
        client.close()

    clients = [asyncio.create_task(write(Client(port, fate))) for _ in range(at_once)]
    await asyncio.sleep(seconds / 2)
    killed = max(serving_processes(pid), key=lambda one: len(_held(one)))
    killed.suspend()  # so that it takes on no connection between the look at them and the end
    held = _held(killed)
    killed.kill()
    await asyncio.sleep(seconds / 2)
    ending.set()
    await asyncio.gather(*clients)
    return {
        "connections": at_once,
        "connections_of_the_killed": len(held),
        "keys": len(done),
        "lost_with_the_killed": sum(1 for at, _ in fate.lost if at in held),
        "lost_elsewhere": sum(1 for at, _ in fate.lost if at not in held),
        "errors": fate.errors,
        "made": len({made for status, made in done.values() if status == 201}),
        "done_but_answer_lost": sum(1 for status, _ in done.values() if status != 201),
        "statuses": sorted({status for status, _ in done.values()}),
    }


def _held(process: psutil.Process) -> set[int]:
    """The clients' ports of the connections that a process has."""
    return {one.raddr.port for one in process.net_connections("tcp") if one.raddr}


def serving_processes(pid: int) -> list[psutil.Process]:
    """Those of a service that answer, by its first process."""
    return [
        child
        for child in psutil.Process(pid).children()
        if child.is_running() and any("spawn_main" in word for word in child.cmdline())
    ]


async def run(*, at_once: int, seconds: float) -> dict[str, Any]:
    """Both, with one process and with two."""
    found: dict[str, Any] = {}
    quiet = {"knowledge": {"embedder": "hashing"}, "log": {"level": "warning"}}
    for workers in (1, 2):
        async with staged(workers=workers, api={"drain_seconds": 2}, **quiet) as stage:
            port, key = int(stage.base_url.rpartition(":")[2]), next(iter(stage.keys.values()))
            found[f"sigterm_{workers}"] = told = await ended_under_load(
                stage.service.pid, port, key, at_once=at_once, seconds=seconds
            )
            told["exit_code"] = await stage.service.wait()
    async with staged(workers=2, api={"claim_seconds": 2}, **quiet) as stage:
        port, key = int(stage.base_url.rpartition(":")[2]), next(iter(stage.keys.values()))
        before = await _conversations(stage.settings)
        found["kill"] = await killed_under_load(
            stage.service.pid, port, key, at_once=at_once, seconds=seconds * 2
        )
        found["kill"]["effects"] = await _conversations(stage.settings) - before
    return {**found, "right": _right(found)}


async def _conversations(settings: Mapping[str, Any]) -> int:
    async with Deskmind.open(load_settings(**settings)) as app:
        assert app.database.endpoints.admin is not None
        from psycopg import AsyncConnection, sql

        async with await AsyncConnection.connect(app.database.endpoints.admin) as connection:
            table = sql.Identifier(app.database.endpoints.schema, "conversations")
            cursor = await connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table))
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])


def _right(found: Mapping[str, Any]) -> bool:
    ends = [found["sigterm_1"], found["sigterm_2"]]
    kill = found["kill"]
    return (
        all(one["failed"] == one["exit_code"] == 0 and one["said_not_ready_before"] for one in ends)
        and kill["lost_elsewhere"] == 0
        and kill["errors"] == []
        and kill["effects"] == kill["keys"]
    )


def main() -> None:
    """Print what was found; exit code 1 when a request was lost that must not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    found = asyncio.run(run(at_once=given.at_once, seconds=given.seconds))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["right"] else 1)


if __name__ == "__main__":
    main()
