"""Runs one load profile against a real service, writes what was measured, and says what does not hold."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

import psutil
from soak.stage import AGENT, MODEL, Stage, staged
from tests.load.measures import Request, Sample, breaches, summary
from tests.load.plots import plot
from tests.load.profiles import PROFILES, Profile
from tests.load.report import document

ROOT = Path(__file__).parents[2]
LOCUST = ROOT / ".venv" / "load" / "bin" / "locust"


async def run(profile: Profile, results: Path, *, workers: int, embedder: str = "local") -> dict[str, Any]:
    """What was measured; ``breaches`` is empty when all limits hold. Writes ``<profile>.json`` and ``.svg``."""
    async with staged(workers=workers, knowledge={"embedder": embedder}, log={"level": "warning"}) as stage:
        await _warm(stage)
        with tempfile.TemporaryDirectory() as folder:
            requests, samples = await _drive(profile, stage, Path(folder))
    figures = summary(profile, requests, samples)
    figures = {
        **figures,
        "workers": workers,
        "cores": os.cpu_count(),
        "load_average_15_minutes": round(psutil.getloadavg()[2], 2),
        "breaches": breaches(figures, profile.limits),
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{profile.name}.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (results / f"{profile.name}.svg").write_text(plot(profile, requests, samples), "utf-8")
    return figures


async def _warm(stage: Stage) -> None:
    """Each path once, so that what is loaded on first use is loaded."""
    import httpx

    async with httpx.AsyncClient(
        base_url=stage.base_url, headers={"Authorization": f"Bearer {stage.staff}"}, timeout=60
    ) as client:
        for path, body in (
            ("/v1/search", {"query": "vpn"}),
            ("/v1/ask", {"question": "How do I connect to the VPN?"}),
            ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}),
            ("/v1/conversations", {"title": "load"}),
            (f"/v1/agents/{AGENT}/runs", {"prompt": "hello", "wait": True}),
        ):
            (await client.post(path, json=body)).raise_for_status()


async def _drive(profile: Profile, stage: Stage, folder: Path) -> tuple[list[Request], list[Sample]]:
    plan = folder / "plan.json"
    results = folder / "requests.jsonl"
    plan.write_text(
        json.dumps(
            {
                "phases": [asdict(phase) for phase in profile.phases],
                "keys": list(stage.keys.values()),
                "staff": stage.staff,
                "agent": AGENT,
                "questions": _questions(),
                "model": MODEL,
                "results": str(results),
            }
        ),
        "utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        *(str(LOCUST), "-f", str(Path(__file__).with_name("locustfile.py"))),
        *(
            "--headless",
            "--only-summary",
            "--host",
            stage.base_url,
            "--stop-timeout",
            "30",
            "--exit-code-on-error",
            "0",
        ),
        env={"PATH": os.environ["PATH"], "LOAD_PLAN": str(plan)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    watching = asyncio.create_task(_watch(stage.service.pid))
    _, told = await process.communicate()
    watching.cancel()
    samples = await watching
    if process.returncode != 0 or not results.exists():
        raise RuntimeError(f"Locust ended with {process.returncode}: {told.decode()[-2000:]}")
    head, *lines = results.read_text("utf-8").splitlines()
    started = json.loads(head)["started"]
    return [Request(*json.loads(line)) for line in lines], [
        replace(one, at=one.at - started) for one in samples
    ]


async def _watch(pid: int) -> list[Sample]:
    """Memory and processor time of the service's processes, once a second until cancelled; not the database's."""
    samples: list[Sample] = []
    try:
        while True:
            samples.append(_sample(pid))
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        return samples


def _sample(pid: int) -> Sample:
    memory = cpu = 0.0
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            if "postgres" in process.name():
                continue
            memory += process.memory_info().rss / 1e6
            times = process.cpu_times()
            cpu += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return Sample(time.time(), memory, cpu)


def _questions() -> list[str]:
    facts = json.loads(
        resources.files("deskmind.demo").joinpath("corpus").joinpath("demo.json").read_text("utf-8")
    )
    return [*(one["question"] for one in facts["questions"]), *facts["unanswerable"]]


def main() -> None:
    """Print the figures; exit code 1 when a limit does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", choices=sorted(PROFILES), nargs="?", default="smoke")
    parser.add_argument("--workers", type=int, default=1, help="processes of the service")
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "load" / "results")
    parser.add_argument("--steady", type=float, help="seconds of the phase steady, for a shorter soak")
    parser.add_argument("--document", action="store_true", help="put the results into docs/load.md")
    given = parser.parse_args()
    profile = PROFILES[given.profile]
    if given.steady is not None:
        profile = profile.lasting(given.steady)
    figures = asyncio.run(run(profile, given.results, workers=given.workers))
    if given.document:
        document(given.profile, given.results)
    print(json.dumps(figures, indent=1))
    sys.exit(1 if figures["breaches"] else 0)


if __name__ == "__main__":
    main()
