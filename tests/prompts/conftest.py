"""A tenant with an operator and two members."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk


@dataclass
class Office:
    """Desks of one tenant, and a member's desk of another."""

    operator: Desk
    ann: Desk
    ben: Desk
    stranger: Desk


@pytest.fixture
async def office(app: Deskmind, operator: Desk, new_tenant) -> Office:
    for name in ("ann", "ben"):
        await operator.principals.add_user(name)
    tenant = operator.scope.tenant
    other = await app.desk(tenant=await new_tenant())
    await other.principals.add_user("ann")
    return Office(
        operator,
        await app.desk(tenant=tenant, user="ann"),
        await app.desk(tenant=tenant, user="ben"),
        await app.desk(tenant=other.scope.tenant, user="ann"),
    )
