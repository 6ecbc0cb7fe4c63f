"""Who is asking: the scope that every act on data happens in.

A scope is decided once, when a desk is opened or a request is authenticated, and is signed for each
transaction so that the database can verify it (see ``deskmind.database.scope_token``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

__all__ = ["EVERYONE", "NO_ONE", "OPERATOR", "Act", "Role", "Scope"]

Act = Literal["desk", "operate", "directory"]
"""What a scope may reach.

``desk``: the rows of one tenant that one principal may see. ``operate``: all rows of one tenant, for
operators, workers and authentication. ``directory``: the list of tenants and nothing inside them.
"""

Role = Literal["member", "operator"]

EVERYONE = UUID(int=0)
"""The principal in access lists that stands for every principal of the tenant."""

OPERATOR = UUID(int=2)
"""The principal under which operators, workers and the system act; what operators ingest belongs to it."""

NO_ONE = UUID(int=1)
"""Stands in for a grant that could not be resolved: nobody is it, so access fails closed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant, one principal and its groups.

    Attributes:
        act: what the scope may reach.
        tenant_id: the tenant; the nil UUID for ``directory``.
        tenant: the tenant's short name.
        principal_id: who acts.
        principal: the principal's name.
        groups: ids of the groups the principal belongs to.
        role: ``operator`` for who oversees the whole tenant.
        key_id: of the API key that was shown; its own grants, where it has any, bound what may be done.
        agent: who acts in the principal's place; nothing may be done that not both may.
        bounds: the permissions, ``resource:action``, that a token's scopes leave; None where they take none.
        widened: the act is that of one operation that concerns the whole tenant, not the desk's.
    """

    act: Act
    tenant_id: UUID
    tenant: str
    principal_id: UUID
    principal: str
    groups: tuple[UUID, ...] = ()
    role: Role = "member"
    key_id: UUID | None = None
    agent: Scope | None = None
    bounds: frozenset[str] | None = None
    widened: bool = False

    @classmethod
    def directory(cls) -> Scope:
        """The scope in which tenants are created, listed and looked up by name."""
        return cls("directory", UUID(int=0), "", OPERATOR, "system", role="operator")

    @classmethod
    def operator(cls, tenant_id: UUID, tenant: str, name: str = "operator") -> Scope:
        """The scope of the tenant's operator: the command line, workers, authentication."""
        return cls("operate", tenant_id, tenant, OPERATOR, name, role="operator")
