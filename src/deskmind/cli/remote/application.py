"""A service elsewhere in the place of the application, and a desk on it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.agents import (
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
from deskmind.cli.remote.models import RemoteBudgets, RemoteExperiments, RemotePrompts, RemoteUsage
from deskmind.cli.remote.refusing import KEYS_OWNER, Part
from deskmind.cli.remote.systems import RemoteConnections, RemoteJobs, RemoteSync, RemoteTriage, RemoteWrites
from deskmind.cli.remote.telling import RemoteFeedback, RemoteQuality, RemoteRequests
from deskmind.errors import NotRemoteError

if TYPE_CHECKING:
    from deskmind.client import AsyncClient
    from deskmind.knowledge.models import Answer

__all__ = ["RemoteDesk", "RemoteDeskmind"]


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

    async def ask(self, question: str, *, conversation: UUID | str | None = None) -> Answer:
        """An answer with citations."""
        told = await self._client.ask(
            question, conversation=None if conversation is None else str(conversation)
        )
        return answered(told)


class RemoteDeskmind(Part):
    """The application, as far as a service is one: the key says which tenant and whose desk."""

    embedding_problem = ""
    settings = SimpleNamespace(defaults=SimpleNamespace(tenant=KEYS_OWNER, user=KEYS_OWNER))

    def __init__(self, client: AsyncClient) -> None:
        super().__init__(client)
        self.tenants = RemoteTenants(client)

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
