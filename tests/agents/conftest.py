"""Desks with a model that says what a script tells it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk

Person = Callable[..., Awaitable[Desk]]


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
