"""Limits of two services on one Valkey, under more load than they admit, and when Valkey is gone.

With ``quota`` in ``window`` seconds, all of them may come at once and then one each ``window / quota``: over a time ``t`` that is
``quota + t * quota / window`` requests, whichever service they come to. Without Valkey each service counts alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deskmind.api.limits.gcra import Limit
from soak.stage import Stage, replica, staged
from soak.valkey import Valkey
from soak.wrk import Run, wrk

__all__ = ["exactness", "run", "without_valkey"]

_CONNECTIONS = 4
_ATTEMPTS = 3


async def exactness(urls: list[str], keys: list[str], limit: Limit, seconds: int) -> dict[str, Any]:
    """How many requests were admitted by services together, against how many the limit lets through.

    Args:
        urls: of the services, each under load at once.
        keys: of the callers, one for each service.
        limit: which binds them together; nothing was asked for under it for its window.
        seconds: of load.
    """
    runs = await asyncio.gather(*(_loaded(url, key, seconds) for url, key in zip(urls, keys, strict=True)))
    admitted = sum(one.admitted for one in runs)
    lasted = max(one.last for one in runs) - min(one.first for one in runs)
    allowed = limit.quota + lasted * limit.quota / limit.window
    return {
        "limit": f"{limit.quota} in {limit.window} s",
        "admitted_by_each": [one.admitted for one in runs],
        "limited": sum(one.limited for one in runs),
        "admitted": admitted,
        "allowed": round(allowed, 1),
        "off_percent": round(100 * (admitted / allowed - 1), 2),
        "failed": sum(one.broken + one.other + one.shed for one in runs),
    }


async def without_valkey(
    urls: list[str], key: str, limit: Limit, seconds: int, valkey: Valkey
) -> dict[str, Any]:
    """Kill Valkey; each service then lets through what the limit says, by itself, and says so."""
    await asyncio.to_thread(valkey.kill)
    noticing = [await _loaded(url, key, 1) for url in urls]
    runs = [await exactness([url], [key], limit, seconds) for url in urls if await _rest(limit)]
    said = [(await asyncio.to_thread(_readiness, url)).get("limits", "") for url in urls]
    await asyncio.to_thread(valkey.start)
    return {
        "failed_while_it_went": sum(one.broken + one.other + one.shed for one in noticing),
        "each_alone": runs,
        "said": said,
    }


async def _rest(limit: Limit) -> bool:
    """Until the quota is whole again."""
    await asyncio.sleep(limit.window + 0.2)
    return True


async def _loaded(url: str, key: str, seconds: int) -> Run:
    return await wrk(
        f"{url}/v1/models",
        seconds=seconds,
        connections=_CONNECTIONS,
        headers={"Authorization": f"Bearer {key}"},
        counting=True,
    )


def _readiness(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{url}/readyz", timeout=60) as answer:
        return json.load(answer)["checks"]


async def run(*, seconds: int, rate: int) -> dict[str, Any]:
    """What was found; ``right`` says whether every limit held to within one per cent."""
    valkey = Valkey()
    try:
        rates = {"tenant": f"{rate}/second"}
        async with (
            staged(
                knowledge={"embedder": "hashing"},
                log={"level": "warning"},
                limits={"rates": rates},
                redis={"url": valkey.url},
            ) as stage,
            replica(stage) as second,
        ):
            return await _found(stage, second, Limit.parse("tenant", rates["tenant"]), seconds, valkey)
    finally:
        valkey.kill()


async def _found(stage: Stage, second: str, limit: Limit, seconds: int, valkey: Valkey) -> dict[str, Any]:
    urls, keys = [stage.base_url, second], list(stage.keys.values())[:2]
    shared = await _together(stage, urls, keys, limit, seconds)
    alone = await without_valkey(urls, keys[0], limit, seconds, valkey)
    await _rest(limit)
    for url in urls:  # until the pause after the last failure is over
        while (await asyncio.to_thread(_readiness, url)).get("limits"):
            await _loaded(url, keys[0], 1)
    again = await _together(stage, urls, keys, limit, seconds)
    found = {"shared": shared, "without_valkey": alone, "shared_again": again}
    return {**found, "right": _right(found)}


async def _together(
    stage: Stage, urls: list[str], keys: list[str], limit: Limit, seconds: int
) -> dict[str, Any]:
    """While Valkey answers within the time that a request may wait for it; a busy machine may need several attempts."""
    found: dict[str, Any] = {}
    for attempt in range(1, _ATTEMPTS + 1):
        await _rest(limit)
        before = _times_alone(stage)
        found = await exactness(urls, keys, limit, seconds)
        found |= {"attempt": attempt, "times_alone": _times_alone(stage) - before}
        if not found["times_alone"]:
            break
    return found


def _times_alone(stage: Stage) -> int:
    logs = Path(stage.settings["home"]).glob("service-*.log")
    return sum(log.read_text("utf-8").count("limits.alone") for log in logs)


def _right(found: Mapping[str, Any]) -> bool:
    counted = [found["shared"], found["shared_again"], *found["without_valkey"]["each_alone"]]
    return (
        all(abs(one["off_percent"]) <= 1 and one["failed"] == 0 for one in counted)
        and found["without_valkey"]["failed_while_it_went"] == 0
        and all(found["without_valkey"]["said"])
    )


def main() -> None:
    """Print what was found; exit code 1 when a limit did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=200, help="requests a second that the tenant may make")
    given = parser.parse_args()
    found = asyncio.run(run(seconds=given.seconds, rate=given.rate))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["right"] else 1)


if __name__ == "__main__":
    main()
