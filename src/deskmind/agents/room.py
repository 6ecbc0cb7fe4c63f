"""What agents need of the application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from deskmind.agents.tool import Tool
from deskmind.scope import Scope
from deskmind.settings import Settings

if TYPE_CHECKING:
    from deskmind.agents.safety.checks import Check
    from deskmind.database import Database
    from deskmind.desk import Desk
    from deskmind.governance.redaction import Redactor
    from deskmind.keyring import Keyring

__all__ = ["AgentRoom"]


class AgentRoom(Protocol):
    """The application, as far as agents see it."""

    settings: Settings
    database: Database
    keyring: Keyring
    agent_checks: dict[str, Check]

    @property
    def agent_tools(self) -> Mapping[str, Tool]:
        """The tools that stored runs may name."""
        ...

    def desk_of(self, scope: Scope) -> Desk:
        """The desk of a scope."""
        ...

    async def tenant_redactor(self, tenant_id: UUID) -> Redactor:
        """What finds personal data in a tenant's texts."""
        ...
