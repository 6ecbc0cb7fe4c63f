"""Desks with a model that says what a script tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import ModelSandbox, Reply, ToolCall

Person = Callable[..., Awaitable[Desk]]


def wants(tool: str, **arguments: object) -> Reply:
    """A reply that calls a tool."""
    return Reply(tool_calls=(ToolCall(tool, arguments),))


class Brain:
    """What the model says: the script, one reply for each request, or what ``obeys`` makes of the request."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.script: list[Reply | str] = []
        self.obeys: Callable[[dict[str, Any]], Reply] | None = None

    def says(self, *replies: Reply | str) -> None:
        """Add to the script."""
        self.script += replies

    def __call__(self, request: dict[str, Any]) -> Reply:
        self.asked.append(request)
        if self.obeys is not None:
            return self.obeys(request)
        reply = self.script.pop(0)
        return Reply(text=reply) if isinstance(reply, str) else reply

    def told(self, index: int = -1) -> str:
        """All texts of a request, the last one unless told otherwise."""
        return "\n".join(str(one.get("content") or "") for one in self.asked[index]["messages"])


@pytest.fixture
def brain() -> Brain:
    """The model's."""
    return Brain()


@pytest.fixture
async def sandbox(brain: Brain) -> AsyncIterator[ModelSandbox]:
    """A model server with this brain."""
    async with ModelSandbox(reply=brain) as started:
        yield started


@pytest.fixture
async def admin(operator: Desk, modelled: Deskmind) -> Desk:
    """The operator's desk of a fresh tenant, with models."""
    return await modelled.desk(tenant=operator.scope.tenant)


@pytest.fixture
def person(admin: Desk, modelled: Deskmind) -> Person:
    """Makes a technician, or somebody with another role, and gives the desk."""

    async def make(name: str, role: str = "technician") -> Desk:
        await admin.principals.add_user(name)
        if role != "requester":
            await admin.access.grant(role, user=name)
        return await modelled.desk(tenant=admin.scope.tenant, user=name)

    return make


@pytest.fixture
async def ann(person: Person) -> Desk:
    """A technician."""
    return await person("ann")


@pytest.fixture
async def ben(person: Person) -> Desk:
    """Another technician."""
    return await person("ben")
