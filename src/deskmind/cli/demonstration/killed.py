"""The reply is approved; the worker that sends it is killed before it can say so, and another goes on: it is there once."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from deskmind.cli.demonstration.scripted import worker_environment

if TYPE_CHECKING:
    from deskmind.cli.demonstration.new_ticket import NewTicket
    from deskmind.cli.demonstration.stage import Stage
    from deskmind.cli.demonstration.triaged import Triaged

__all__ = ["send_through_a_kill", "worker"]

_JOURNAL = "sys_journal_field"
_PATIENCE = 60.0
_POLL = 0.02


@asynccontextmanager
async def worker(stage: Stage) -> AsyncGenerator[Process]:
    """``deskmind worker`` on the same home, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deskmind.cli", "worker", "--home", str(stage.app.settings.home)),
        *(("--config", str(stage.config)) if stage.config is not None else ()),
        env={**os.environ, **worker_environment(stage.app.settings)},
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def send_through_a_kill(stage: Stage, ticket: NewTicket, triaged: Triaged, process: Process) -> None:
    """Approve the reply, kill the worker once ServiceNow has it, and have the run gone on with here."""
    stage.title("7. The reply is approved; its worker is killed in mid-write; it is there once")
    _, approver = stage.technicians
    box, console = stage.servicenow, stage.console
    before = _comments(stage, ticket)
    box.faults.add(
        "slow", method="GET", path=f"/{_JOURNAL}", seconds=_PATIENCE
    )  # reading back what was written
    assert triaged.proposal_id is not None
    await (await stage.desk_of(approver)).approvals.approve(triaged.proposal_id)
    console.print(f"{approver} approves; worker {process.pid} sends it")
    async with asyncio.timeout(_PATIENCE):
        while True:  # its database is in this process, and rings no bell
            if _comments(stage, ticket) != before:
                break
            await asyncio.sleep(_POLL)
    process.kill()
    await process.wait()
    box.faults.clear()
    console.print(
        f"killed (kill -9): ServiceNow has the comment, here the write is '{await _state(stage, triaged)}'"
    )
    run = await _gone_on_with(stage, triaged)
    count = _comments(stage, ticket) - before
    console.print(
        f"taken over: the mark in the comment is found, the write is '{await _state(stage, triaged)}', nothing is sent again;"
        f" comments at ServiceNow: {count}",
        markup=False,
    )
    console.print(f"the run is {run}", markup=False)


async def _gone_on_with(stage: Stage, triaged: Triaged) -> str:
    """Work until the run is over; what it came to. That jobs are taken over is no news here."""
    with _unheard("deskmind.jobs"):
        return await _worked_on(stage, triaged)


async def _worked_on(stage: Stage, triaged: Triaged) -> str:
    async with asyncio.timeout(_PATIENCE):
        while True:
            await stage.app.jobs.drain()
            run = (await stage.desk.agents.show(triaged.run_id)).run
            if run.state not in ("queued", "running"):
                return f"{run.state}: {run.output}"
            await stage.app.background.recover_runs()
            await asyncio.sleep(_POLL)


@contextmanager
def _unheard(name: str) -> Generator[None]:
    """A logger's warnings are not shown until the block ends."""
    logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.getLogger(name).setLevel(logging.NOTSET)


async def _state(stage: Stage, triaged: Triaged) -> str:
    """Of the run's last write."""
    return (await stage.desk.agents.show(triaged.run_id)).effects[-1].state


def _comments(stage: Stage, ticket: NewTicket) -> int:
    return len(stage.servicenow.instance.store.by(_JOURNAL, "element_id", ticket.sys_id))
