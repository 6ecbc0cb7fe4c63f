"""The load generator wrk, which takes a fiftieth of what a generator in Python takes from the machine that it shares."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Run", "installed", "wrk"]

_COUNT = """
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long micros; } moment; int gettimeofday(moment *now, void *zone);")
local clock = ffi.new("moment[1]")
function response(status)
  ffi.C.gettimeofday(clock, nil)
  last = tonumber(clock[0].seconds) + tonumber(clock[0].micros) / 1e6
  if first == 0 then first = last end
  if status >= 200 and status < 300 then admitted = admitted + 1
  elseif status == 429 then limited = limited + 1
  elseif status == 503 then shed = shed + 1
  else other = other + 1 end
end
"""
_PACE = """
local waiting = %g
function delay() return math.floor(-waiting * math.log(1 - math.random())) end
"""
_SUM = """
admitted, limited, shed, other, first, last = 0, 0, 0, 0, 0, 0
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() math.randomseed(os.time()) end
function done(summary, latency)
  local sums = {admitted = 0, limited = 0, shed = 0, other = 0, first = 0, last = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  local failed = summary.errors
  io.write(string.format(
    '\\n{"seconds": %.6f, "requests": %d, "broken": %d, "unsuccessful": %d, "p50_ms": %.3f, "p99_ms": %.3f,'
    .. ' "admitted": %d, "limited": %d, "shed": %d, "other": %d, "first": %.6f, "last": %.6f}\\n',
    summary.duration / 1e6, summary.requests, failed.connect + failed.read + failed.write + failed.timeout, failed.status,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, sums.admitted, sums.limited, sums.shed, sums.other, sums.first, sums.last))
end
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run saw.

    Attributes:
        seconds: it took.
        requests: that were answered.
        broken: connections that could not be made or broke, and requests that were not answered in time.
        unsuccessful: responses with a status of 400 and up.
        p50_ms, p99_ms: of a response.
        admitted, limited, shed, other: responses with 2xx, 429, 503 and any other status, where they were counted.
        first, last: when the first and the last response came, in seconds since the epoch, where they were counted.
    """

    seconds: float
    requests: int
    broken: int
    unsuccessful: int
    p50_ms: float
    p99_ms: float
    admitted: int
    limited: int
    shed: int
    other: int
    first: float
    last: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def installed() -> bool:
    """Whether this machine has it (Debian's package ``wrk``)."""
    return shutil.which("wrk") is not None


async def wrk(
    url: str,
    *,
    seconds: int,
    connections: int,
    headers: Mapping[str, str],
    counting: bool = False,
    pause_ms: float = 0.0,
    body: str = "",
) -> Run:
    """Send requests as fast as they are answered.

    Args:
        url: of the resource.
        seconds: how long.
        connections: kept, each with one request at a time.
        headers: of each request.
        counting: count responses by status, which takes more of the machine.
        pause_ms: of each connection before a request, on average; exponentially distributed.
        body: JSON to be posted.

    Raises:
        RuntimeError: it ended with an error.
    """
    script = _SUM + (_COUNT if counting else "") + (_PACE % pause_ms if pause_ms else "")
    if body:
        script += f"wrk.method = 'POST'\nwrk.body = {json.dumps(body)}\nwrk.headers['Content-Type'] = 'application/json'\n"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        await asyncio.to_thread(Path(file.name).write_text, script, "utf-8")
        given = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        process = await asyncio.create_subprocess_exec(
            *(
                "wrk",
                "-t1",
                f"-c{connections}",
                f"-d{seconds}s",
                "--timeout",
                "30s",
                "-s",
                file.name,
                *given,
                url,
            ),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        said, told = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"wrk ended with {process.returncode}: {told.decode()[-1000:]}")
    return Run(**json.loads(said.strip().rpartition(b"\n")[2]))
