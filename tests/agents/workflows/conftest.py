"""A tenant's desk with workflows of the test's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from deskmind.agents.workflows import Workflow
from deskmind.app import Deskmind
from deskmind.desk import Desk

Register = Callable[[Workflow], Workflow]


@pytest.fixture
def register(modelled: Deskmind) -> Register:
    """Makes a workflow known to the application."""

    def add(one: Workflow) -> Workflow:
        modelled.register_workflow(one)
        return one

    return add


@pytest.fixture
def finish(modelled: Deskmind) -> Callable[[], Awaitable[None]]:
    """Has a worker do what is queued."""

    async def work() -> None:
        await modelled.jobs.drain()

    return work


class Counted:
    """Functions that tell how often they were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def __call__(self, said: str) -> str:
        self.calls.append(said)
        return said.upper()


@pytest.fixture
def said() -> Counted:
    """Functions that count."""
    return Counted()


async def decide(desk: Desk, *, approve: bool = True) -> int:
    """Decide on everything that waits; how many there were."""
    waiting = await desk.approvals.list()
    for one in waiting:
        act = desk.approvals.approve if approve else desk.approvals.reject
        await act(one.proposal_id)
    return len(waiting)
