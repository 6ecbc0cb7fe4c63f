"""A large file to a vendor and back: how much memory the connector takes, whatever the file's size.

The vendor is the ServiceNow sandbox in a process of its own, which does hold the file. Printed are the most that Python
allocated while the file went each way, and by how much the process grew.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
import tracemalloc
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from deskmind.connectors import Act, Kind, Ticket
from deskmind.connectors.opening import open_connector

_MOST = 32 * 2**20


async def run(megabytes: int) -> dict[str, Any]:
    """What was measured; ``wrong`` is empty when the file came back and memory stayed small."""
    process, given = await _vendor()
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "dump.bin"
            digest = await asyncio.to_thread(_make, file, megabytes)
            return await _there_and_back(given, file, digest)
    finally:
        process.terminate()
        await process.wait()


async def _there_and_back(given: dict[str, str], file: Path, digest: str) -> dict[str, Any]:
    url = given.pop("base_url")
    async with open_connector("servicenow", url, given) as source:
        made = await source.apply(await source.propose(Act.CREATE, title="A large file"))
        tracemalloc.start()
        before, begun = _resident(), time.process_time()
        proposal = await source.propose(Act.ATTACH, made.id, name=file.name, content=file)
        await source.apply(proposal, content=file)
        up, spent = tracemalloc.get_traced_memory()[1], time.process_time() - begun
        tracemalloc.reset_peak()
        ticket = await source.get(Kind.TICKET, made.id)
        assert isinstance(ticket, Ticket)
        begun, came = time.process_time(), hashlib.sha256()
        async for piece in source.download(ticket.attachments[0]):
            came.update(piece)
        down = tracemalloc.get_traced_memory()[1]
        spent_down = time.process_time() - begun
    grown = _resident() - before
    wrong = [
        what
        for what, is_so in (
            ("the file came back changed", came.hexdigest() != digest),
            (f"more than {_MOST:,} bytes were allocated", max(up, down) > _MOST),
        )
        if is_so
    ]
    return {
        "bytes": file.stat().st_size,
        "upload": {"peak_allocated": up, "cpu_seconds": round(spent, 2)},
        "download": {"peak_allocated": down, "cpu_seconds": round(spent_down, 2)},
        "process_grew": grown,
        "wrong": wrong,
    }


async def _vendor() -> tuple[Process, dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deskmind.cli", "sandbox", "servicenow", "--size", "small", stdout=PIPE
    )
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


def _make(file: Path, megabytes: int) -> str:
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for number in range(megabytes):
            piece = number.to_bytes(4) * (2**18)
            stream.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _resident() -> int:
    """The most memory the process has held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Run it and print what was measured."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=500)
    found = asyncio.run(run(options.parse_args().megabytes))
    sys.stdout.write(json.dumps(found, indent=2) + os.linesep)
    sys.exit(1 if found["wrong"] else 0)


if __name__ == "__main__":
    main()
