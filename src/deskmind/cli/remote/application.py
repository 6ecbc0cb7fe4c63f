"""A service elsewhere in the place of the application, and a desk on it."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.agents import (
    RemoteAgent,
    RemoteAgents,
    RemoteApprovals,
    RemoteMemories,
    RemoteSchedules,
    RemoteStoredAgents,
    RemoteWorkflows,
)
from deskmind.cli.remote.directory import (
    RemoteAuditLog,
    RemoteKeys,
    RemotePrincipals,
    RemoteTenants,
    RemoteWebhooks,
)
from deskmind.cli.remote.governance import RemoteAccess, RemoteEvidence, RemotePrivacy
from deskmind.cli.remote.knowledge import RemoteKnowledge, answered
from deskmind.cli.remote.models import (
    RemoteBudgets,
    RemoteExperiments,
    RemoteModels,
    RemotePrompts,
    RemoteUsage,
)
from deskmind.cli.remote.redaction import RemoteRedaction
from deskmind.cli.remote.refusing import KEYS_OWNER, Part
from deskmind.cli.remote.systems import RemoteConnections, RemoteJobs, RemoteSync, RemoteTriage, RemoteWrites
from deskmind.cli.remote.telling import RemoteFeedback, RemoteQuality, RemoteRequests
from deskmind.cli.server import command_name, not_remote
from deskmind.errors import NotRemoteError

if TYPE_CHECKING:
    from deskmind.agents import Limits
    from deskmind.client import AsyncClient
    from deskmind.knowledge.models import Answer

__all__ = ["RemoteDesk", "RemoteDeskmind"]

_OF_OPTIONS = {"audit_log": "--installation", "usage": "--all-tenants"}
"""Parts of the application that a command asks for by an option."""


class RemoteDesk(Part):
    """A desk of the key's owner. Its parts have the methods that the HTTP API has a counterpart of."""

    def __init__(self, client: AsyncClient) -> None:
        super().__init__(client)
        self.knowledge = RemoteKnowledge(client)
        self.principals = RemotePrincipals(client)
        self.keys = RemoteKeys(client)
        self.audit_log = RemoteAuditLog(client)
        self.webhooks = RemoteWebhooks(client)
        self.prompts = RemotePrompts(client)
        self.experiments = RemoteExperiments(client)
        self.models = RemoteModels(client)
        self.redaction = RemoteRedaction(client)
        self.usage = RemoteUsage(client)
        self.budgets = RemoteBudgets(client)
        self.requests = RemoteRequests(client)
        self.feedback = RemoteFeedback(client)
        self.quality = RemoteQuality(client)
        self.access = RemoteAccess(client)
        self.privacy = RemotePrivacy(client)
        self.evidence = RemoteEvidence(client)
        self.connections = RemoteConnections(client)
        self.sync = RemoteSync(client)
        self.writes = RemoteWrites(client)
        self.triage = RemoteTriage(client)
        self.jobs = RemoteJobs(client)
        self.agents = RemoteAgents(client)
        self.stored_agents = RemoteStoredAgents(client)
        self.approvals = RemoteApprovals(client)
        self.workflows = RemoteWorkflows(client)
        self.schedules = RemoteSchedules(client)
        self.memories = RemoteMemories(client)

    def agent(
        self, name: str, *, instructions: str, model: str, tools: Iterable[str] = (), limits: Limits
    ) -> RemoteAgent:
        """An agent that is described with each run of it."""
        return RemoteAgent(
            self._client,
            name,
            instructions=instructions,
            model=model,
            tools=list(tools),
            steps=limits.steps,
        )

    async def ask(self, question: str, *, conversation: UUID | str | None = None) -> Answer:
        """An answer with citations."""
        told = await self._client.ask(
            question, conversation=None if conversation is None else str(conversation)
        )
        return answered(told)


class _Settings(Part):
    """Of a service nobody is told more than who is meant where nobody is named: the key's owner."""

    defaults = SimpleNamespace(tenant=KEYS_OWNER, user=KEYS_OWNER)


class RemoteDeskmind(Part):
    """The application, as far as a service is one: the key says which tenant and whose desk."""

    embedding_problem = ""

    def __init__(self, client: AsyncClient) -> None:
        super().__init__(client)
        self.settings = _Settings(client)
        self.tenants = RemoteTenants(client)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_OPTIONS:
            raise not_remote(f"`{command_name()} {_OF_OPTIONS[name]}`")
        return super().__getattr__(name)

    async def desk(self, *, tenant: str, user: str | None = None) -> Any:
        """The desk of the key's owner.

        Raises:
            NotRemoteError: a tenant or a user was named.
        """
        if tenant != KEYS_OWNER or user not in {KEYS_OWNER, None}:
            raise NotRemoteError(
                "A server knows by the key whose desk is meant.",
                why="--tenant and --user say the same otherwise, and may say something else.",
                remedy="Leave them out, and give the key of that user.",
            )
        return RemoteDesk(self._client)
