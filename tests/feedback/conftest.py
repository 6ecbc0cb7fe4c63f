"""A tenant with a public and a secret document, an operator, two members and a stranger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk

QUESTION = "How do I renew the parking permit?"
GUIDE = (
    b"# Parking\n\n## Permits\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros."
)


@dataclass
class Bureau:
    """Desks of one tenant, and one of another."""

    operator: Desk
    ann: Desk
    ben: Desk
    stranger: Desk


@pytest.fixture
async def bureau(app: Deskmind, operator: Desk, new_tenant: Callable[[], Awaitable[str]]) -> Bureau:
    await operator.principals.add_user("ann", groups=["board"])
    await operator.principals.add_user("ben")
    await operator.knowledge.add("parking.md", GUIDE)
    await operator.knowledge.add(
        "bays.md", b"# Secret bays\n\nThe parking permit of the director is free.", groups=["board"]
    )
    other = await app.desk(tenant=await new_tenant())
    await other.principals.add_user("ann")
    tenant = operator.scope.tenant
    return Bureau(
        operator,
        await app.desk(tenant=tenant, user="ann"),
        await app.desk(tenant=tenant, user="ben"),
        await app.desk(tenant=other.scope.tenant, user="ann"),
    )
