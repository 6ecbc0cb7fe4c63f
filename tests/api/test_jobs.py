"""Background work over HTTP, and from the command line on the same service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.client import AsyncClient
from deskmind.desk import Desk
from deskmind.errors import ConflictError


class _Serve(Protocol):
    def __call__(self, service: FastAPI) -> AbstractAsyncContextManager[str]: ...


@pytest.fixture(scope="module")
async def idle_url(app: Deskmind, desk_home: Path, serving: _Serve) -> AsyncIterator[str]:
    """A service without a worker: what is queued stays."""
    idle = Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, api={"embedded_worker": False})
    async with idle as started, serving(create_app(app=started)) as address:
        yield address


@pytest.fixture
async def key(operator: Desk) -> str:
    await operator.principals.add_user("boss", role="operator")
    return (await operator.keys.create("boss")).secret


async def test_jobs_are_paged_read_and_cancelled(operator: Desk, idle_url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=idle_url, headers=headers) as client:
        asked = await client.post("/v1/triage/trainings", json={"embed": False})
        await operator.principals.add_user("leaver")
        await operator.privacy.request_erasure("leaver")
        first = (await client.get("/v1/jobs", params={"limit": 1})).json()
        second = (await client.get("/v1/jobs", params={"limit": 1, "before": first["next"]})).json()
        assert [page["jobs"][0]["task"] for page in (first, second)] == ["privacy.erase", "triage.train"]
        (job,) = second["jobs"]
        assert job["about"]["href"] == asked.headers["location"]
        assert (await client.get(job["about"]["href"])).json()["state"] == "waiting"
        assert first["jobs"][0]["progress"]["unit"] == "stores"

        place = f"/v1/jobs/{job['job_id']}"
        assert (await client.get(place)).json() == job
        refused = await client.post(f"/v1/jobs/{first['jobs'][0]['job_id']}/cancel")
        assert (refused.status_code, "legal hold" in refused.json()["remedy"]) == (409, True)
        assert (await client.post(f"{place}/cancel")).status_code == 204
        assert (await client.get(place)).status_code == 404
        assert (await client.get(job["about"]["href"])).json()["state"] == "failed"
        assert (await client.get("/v1/jobs", params={"state": "done"})).status_code == 422


async def test_the_client_and_the_commands_do_the_same(operator: Desk, idle_url: str, key: str) -> None:
    await operator.triage.retrain(embed=False)
    async with AsyncClient(idle_url, api_key=key) as client:
        (job,) = [one async for one in client.jobs.each(task="triage.train")]
        listed = await _run(idle_url, key, "list", "--json")
        shown = await _run(idle_url, key, "show", str(job.job_id), "--json")
        assert listed == [shown] == [one.as_dict() for one in await operator.jobs.list()]
        await _run(idle_url, key, "cancel", str(job.job_id))
        assert (await client.jobs.list()).jobs == ()
        await operator.principals.add_user("leaver")
        await operator.privacy.request_erasure("leaver")
        (job,) = (await client.jobs.list()).jobs
        with pytest.raises(ConflictError, match=r"privacy\.erase"):
            await client.jobs.cancel(job.job_id)


async def _run(server: str, key: str, *words: str) -> Any:
    told = ["--server", server, "--key", key, "jobs", *words]
    done = await asyncio.to_thread(lambda: CliRunner().invoke(command, told))
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in words else None
