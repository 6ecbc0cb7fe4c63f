"""An answer whose stream breaks in the middle and begins anew: whoever follows it reads the new text alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from fastapi import FastAPI

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.client import AsyncClient
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

_QUESTION = "How do I renew the parking permit?"
_GUIDE = b"# Parking\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros a year."
_BROKEN = "Renew the parking permit in the portal before 15 May and bring a photograph along [1]."
_WHOLE = "The fee is 40 euros a year [1]."


@pytest.fixture
async def restarting(desk_home: Path, app: Deskmind, sandbox: ModelSandbox) -> AsyncIterator[Deskmind]:
    """A second application on the session's home, whose model begins anew when a stream breaks."""
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.0, "model": "fast"},
        api={"embedded_worker": False},
        models={"fast": {"deployments": [deployment], "retries": 0, "restart_broken_streams": True}},
    ) as started:
        yield started


@pytest.fixture
async def desk(operator: Desk, restarting: Deskmind) -> Desk:
    await operator.knowledge.add("parking.md", _GUIDE)
    await operator.principals.add_user("req1")
    return await restarting.desk(tenant=operator.scope.tenant, user="req1")


async def test_the_text_begins_anew(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script([_BROKEN, _WHOLE])
    sandbox.faults.add("cut_after", after=9, at=(1,))
    shown, void = "", ""
    async for event in desk.ask_stream(_QUESTION):
        if event.restarted:
            shown, void = "", shown
        shown += event.text
    assert _BROKEN.startswith(void)
    assert void
    assert shown == _WHOLE
    assert event.answer is not None
    assert event.answer.text == "The fee is 40 euros a year. [1]"


async def test_nothing_that_was_shown_stands_before_not_found(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script([_BROKEN, "NOT_FOUND"])
    sandbox.faults.add("cut_after", after=9, at=(1,))
    shown = ""
    async for event in desk.ask_stream(_QUESTION):
        shown = event.text if event.restarted else shown + event.text
    assert event.answer is not None
    assert (event.answer.found, shown) == (False, event.answer.text)


async def test_over_http_a_delta_says_so(
    operator: Desk,
    desk: Desk,
    restarting: Deskmind,
    sandbox: ModelSandbox,
    serving: Callable[[FastAPI], AbstractAsyncContextManager[str]],
) -> None:
    key = await operator.keys.create("req1")
    sandbox.script([_BROKEN, _WHOLE])
    sandbox.faults.add("cut_after", after=9, at=(1,))
    shown, restarts = "", 0
    async with (
        serving(create_app(app=restarting)) as address,
        AsyncClient(address, api_key=key.secret) as client,
    ):
        async for event in client.ask_stream(_QUESTION):
            if event.name == "delta":
                restarts += event.data.restarted
                shown = event.data.text if event.data.restarted else shown + event.data.text
    assert (shown, restarts) == (_WHOLE, 1)
    assert event.data.text == "The fee is 40 euros a year. [1]"
