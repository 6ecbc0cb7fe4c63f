"""Acting for a user: with no more than both may."""

from __future__ import annotations

from dataclasses import replace

from deskmind.database import Database
from deskmind.governance.access.permissions import Permission
from deskmind.governance.access.principals import Principals
from deskmind.governance.audit import record_alone
from deskmind.scope import Scope

__all__ = ["acting_for"]


async def acting_for(database: Database, agent: Scope, user: str) -> Scope:
    """The scope of a user with an agent in its place.

    It reaches what the user may see, all of the tenant only where both oversee it, and permits what both hold.

    Raises:
        PrincipalNotFoundError: there is no such user.
    """
    operator = Scope.operator(agent.tenant_id, agent.tenant)
    scope = replace(await Principals(database, operator).scope_of(name=user), agent=agent)
    if agent.act != "operate":
        scope = replace(scope, act="desk", role="member")
    # by its id: an agent may not make the key of another's name
    await record_alone(database, agent, Permission.ACCESS_DELEGATE, resource=f"users/{scope.principal_id}")
    return scope
