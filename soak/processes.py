"""What a synchronisation needs around it, each a process of its own: a vendor's sandbox, and a worker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

__all__ = ["Source", "Worker", "database_cpu_seconds", "environment_of", "sandboxed"]

_PATIENCE = 600.0
_WHOLE = {"models", "budgets"}
_TICKS = os.sysconf("SC_CLK_TCK")


class Source:
    """A sandbox and its own paths."""

    def __init__(self, vendor: str, described: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self.vendor = vendor
        self.url = described["base_url"]
        self.credentials = {name: value for name, value in described.items() if name != "base_url"}
        self.changed = 0
        self._client = client

    async def churn(self, tickets: int) -> None:
        """The vendor's users change so many tickets now."""
        self.changed += len((await self._ask("POST", "churn", {"tickets": tickets}))["changed"])

    async def log(self) -> dict[str, Any]:
        """How many requests came, and how fast."""
        return await self._ask("GET", "log?after=1000000000")

    async def forget(self) -> None:
        """Count requests from now on."""
        await self._ask("DELETE", "log")

    async def _ask(self, method: str, path: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._client.request(method, f"{self.url}/_sandbox/{path}", json=values)
        answer.raise_for_status()
        return answer.json()


@asynccontextmanager
async def sandboxed(vendor: str, size: str) -> AsyncGenerator[Source]:
    """A sandbox that is filled and answers."""
    process = await _started("sandbox", vendor, "--size", size, stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE):
            described = json.loads(await process.stdout.readline())
        async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
            yield Source(vendor, described, client)
    finally:
        await _ended(process)


class Worker:
    """``deskmind worker`` on a home."""

    def __init__(self, home: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._home = home
        self._environment = environment_of(settings)
        self._process: Process | None = None
        self._words: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        more = {**self._environment, "DESKMIND_TELEMETRY_METRICS": "none", "DESKMIND_LOG_LEVEL": "error"}
        process = await _started("worker", "--home", str(self._home), stderr=PIPE, more=more)
        self._process = process
        ready = asyncio.Event()
        self._words = asyncio.create_task(_hear(process, ready))
        try:
            async with asyncio.timeout(_PATIENCE):
                await ready.wait()
        except BaseException:  # nobody will leave what was not entered
            process.kill()
            await process.wait()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._words is not None
        await _ended(self._process)
        await self._words

    def kill(self) -> None:
        """``kill -9``."""
        assert self._process is not None
        self._process.kill()

    def stop(self) -> None:
        """Let it stand still (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on (SIGCONT)."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)

    def memory_mb(self) -> float:
        """The most memory that it has had, in MB (resident)."""
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text("utf-8").splitlines()
        (peak,) = [line for line in lines if line.startswith("VmHWM:")]
        return round(int(peak.split()[1]) / 1024, 1)

    def cpu_seconds(self) -> float:
        """The processor time that it has used."""
        assert self._process is not None
        return sum(_stat(self._process.pid)[1:3]) / _TICKS


def database_cpu_seconds(home: Path) -> float:
    """The processor time that the home's PostgreSQL has used: its processes', and those that are gone."""
    (named,) = home.glob("embedded/**/postmaster.pid")
    postmaster = int(named.read_text("utf-8").split()[0])
    spent = sum(_stat(postmaster)[1:5])
    for one in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            parent, *times = _stat(int(one.name))
            spent += sum(times[:2]) if parent == postmaster else 0
    return spent / _TICKS


def _stat(process: int) -> list[int]:
    """Its parent, and its ticks in user and system mode, then those of its children that are gone."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return [int(fields[1]), *(int(one) for one in fields[11:15])]


def environment_of(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Settings by section as variables."""
    found: dict[str, str] = {}
    for section, values in settings.items():
        if section in _WHOLE:
            found[f"DESKMIND_{section}".upper()] = json.dumps(values)
            continue
        for name, value in values.items():
            text = json.dumps(value) if isinstance(value, list | dict) else str(value)
            found[f"DESKMIND_{section}_{name}".upper()] = text
    return found


async def _hear(process: Process, ready: asyncio.Event) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(b"worker ready"):
            ready.set()
        else:
            sys.stderr.buffer.write(line)


async def _started(
    *words: str, stdout: int = DEVNULL, stderr: int | None = None, more: Mapping[str, str] | None = None
) -> Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKMIND_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deskmind.cli", *words),
        env={**environment, **(more or {})},
        stdout=stdout,
        stderr=stderr,
    )


async def _ended(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 40)
        except TimeoutError:
            process.kill()
            await process.wait()
