"""A desk: one tenant, one principal, its groups. Everything that touches data hangs off it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from deskmind.agents import Agent, Agents, Approvals, Limits, Memories, MemoryUse, Tool
from deskmind.agents.agent import make_agent
from deskmind.agents.definitions import StoredAgents
from deskmind.agents.run import ToolCalling
from deskmind.agents.workflows import Schedules, Workflows
from deskmind.backlog import Jobs
from deskmind.errors import PermissionDeniedError, UnavailableError
from deskmind.explain import Requests
from deskmind.feedback import Feedback, Quality
from deskmind.gateway.service import Budgets, Models, Usage
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.api_keys import ApiKeys
from deskmind.governance.access.delegation import acting_for
from deskmind.governance.access.operating import Installation
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.service import Access
from deskmind.governance.audit import AuditEvent, audit_events, record
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.evidence.service import Evidence
from deskmind.governance.privacy.service import Privacy
from deskmind.governance.redaction.service import Redaction
from deskmind.knowledge.answering import AnswerEvent
from deskmind.knowledge.models import Answer
from deskmind.knowledge.retrieval import SearchFilter
from deskmind.knowledge.service import Knowledge
from deskmind.observability.metering import current_provider
from deskmind.prompts.conversations import Conversations
from deskmind.prompts.experiments import Experiments
from deskmind.prompts.store import Prompts
from deskmind.scope import Scope
from deskmind.sync.connections import Connections
from deskmind.sync.service import Sync
from deskmind.triage.service import Triage
from deskmind.webhooks.service import Webhooks
from deskmind.writes import Writes

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.database import Database
    from deskmind.settings import AgentsSettings

T = TypeVar("T")

__all__ = ["Desk"]


class Desk:
    """The scoped facade; from ``app.desk(tenant=…, user=…)``.

    Attributes:
        knowledge: documents, search, answers.
        prompts: templates, their versions and labels.
        experiments: variants of prompts, tried on users.
        conversations: one's own, turn by turn.
        principals: users and groups (operators).
        keys: API keys (operators).
        access: roles, grants, the policy; who may do what, and why.
        models: calls of language models.
        usage: what they used and cost.
        budgets: limits on it (operators).
        requests: what happened in them, explained.
        feedback: ratings of answers.
        quality: what the ratings say (operators).
        redaction: patterns, actions and names of the tenant's own (operators).
        connections: the systems the tenant is connected to (operators).
        sync: reading them, and how far that is (operators).
        writes: changing them: proposed, sent once, accounted for (operators).
        webhooks: addresses that are told of what happens (operators).
        triage: labels, duplicates and clusters of tickets.
        jobs: what works in the background for the tenant (operators).
        agents: runs of agents, one's own, and stopping their tools (operators).
        approvals: what agents propose, and who lets it pass.
        workflows: runs of workflows, one's own.
        schedules: what begins workflows by itself (operators).
        stored_agents: versions of agents, tested and published.
        memories: what is remembered for one, one's groups and the tenant.
        installation: its tenants, where this one operates it (owners).
        audit_log: who did what, and the proof of it (operators).
        privacy: export, erasure, legal holds and retention (operators).
        evidence: signed bundles for examiners (operators, auditors).
    """

    def __init__(self, app: Deskmind, scope: Scope, *, key: str = "") -> None:
        self._app = app
        self._database = app.database
        self._scope = scope
        self._metrics_tenants = app.settings.telemetry.metrics_tenants
        self.models = Models(app.database, scope, app, key=key)
        self.knowledge = Knowledge(app.database, scope, app.settings, app.jobs, app, self.models)
        self.prompts = Prompts(app.database, scope)
        self.experiments = Experiments(app.database, scope)
        self.conversations = Conversations(app.database, scope)
        self.principals = Principals(
            app.database, scope, admit=app.suppression(scope).refuse, on_changed=app.forget_redaction
        )
        self.redaction = Redaction(app.database, scope, app)
        self.keys = ApiKeys(app.database, scope, app.keyring, on_revoked=app.forget_authentication)
        self.access = Access(app.database, scope, app.authority)
        self.usage = Usage(app.database, scope, app)
        self.budgets = Budgets(app.database, scope, app)
        self.requests = Requests(app.database, scope, app.settings.explain, app)
        self.feedback = Feedback(app.database, scope, app)
        self.quality = Quality(app.database, scope, app)
        self.triage = Triage(app.database, scope, app.jobs, app, app.triage_shelf)
        self.connections = Connections(app.database, scope, app.keyring)
        self.sync = Sync(app.database, scope, app.jobs, app)
        self.writes = Writes(
            app.database, scope, app.keyring, lease_seconds=app.settings.sync.write_lease_seconds
        )
        self.webhooks = Webhooks(app.database, scope, app)
        self.jobs = Jobs(app.database, scope, app)
        self.agents = Agents(app.database, scope, app)
        self.approvals = Approvals(app.database, scope, app)
        self.workflows = Workflows(app.database, scope, app)
        self.schedules = Schedules(app.database, scope, app)
        self.stored_agents = StoredAgents(app.database, scope, app)
        self.memories = Memories(app.database, scope, app)
        self.installation = Installation(
            app.database, scope, app.tenants, app.settings.api.operator_tenants, app.desk_of
        )
        self.audit_log = AuditLog(app.database, scope)
        self.privacy = Privacy(app.database, scope, app.settings.privacy, app)
        self.evidence = Evidence(app.database, scope, app)

    @property
    def scope(self) -> Scope:
        """Tenant, principal and groups."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    async def ask(
        self,
        question: str,
        *,
        filter: SearchFilter | None = None,  # noqa: A002
        conversation: UUID | str | None = None,
    ) -> Answer:
        """An answer from what this principal may see, with citations, or an honest "not found"; see ``Knowledge.ask``.

        Raises:
            QuestionTooLongError: the question is longer than ``knowledge.max_question_chars``.
            InvalidRequestError: the question is empty, or ``conversation`` is neither an id nor ``new``.
            ConversationNotFoundError: one has no such conversation.
        """
        return await self.knowledge.ask(question, filter=filter, conversation=conversation)

    def ask_stream(
        self,
        question: str,
        *,
        filter: SearchFilter | None = None,  # noqa: A002
        conversation: UUID | str | None = None,
    ) -> AsyncIterator[AnswerEvent]:
        """The same as a stream of events; the last one carries the whole answer."""
        return self.knowledge.ask_stream(question, filter=filter, conversation=conversation)

    @property
    def agent_settings(self) -> AgentsSettings:
        """``[agents]``."""
        return self._app.settings.agents

    def agent(
        self,
        name: str,
        *,
        instructions: str,
        model: str,
        output_type: type[T] = str,
        tools: Iterable[Tool | str] = (),
        limits: Limits | None = None,
        tool_calling: ToolCalling = "native",
        memory: MemoryUse | None = None,
        checks: Iterable[str] = (),
    ) -> Agent[T]:
        """An agent that does what this principal may do and no more; ``agent.run(…)`` runs it.

        Args:
            name: for people, audit and metrics.
            instructions: for the model.
            model: the configured name.
            output_type: ``str``, a dataclass or a pydantic model; a reply of another form is asked for again, twice.
            tools: tools, or names of those that there are from the start or were registered with the application.
            limits: of one run.
            tool_calling: ``schema`` for a model without tool calling.
            memory: what it recalls before its first call, and what is made of its runs; None: nothing.
            checks: ``grounding``, ``leakage`` or checks of one's own that what it says and writes must pass.

        Raises:
            InvalidRequestError: there is no tool of a name, or the output type is not an object.
        """
        return make_agent(
            self.agents,
            dict(self._app.agent_tools),
            name,
            instructions=instructions,
            output_type=output_type,
            tools=tools,
            model=model,
            limits=limits,
            tool_calling=tool_calling,
            memory=memory,
            checks=checks,
        )

    @operation(Permission.ACCESS_DELEGATE)
    async def acting_for(self, user: str) -> Desk:
        """The desk of a user with this desk's principal in the user's place, as an agent.

        It sees what the user may see, and does what both may do: it never has more than the user, nor more than the agent.
        Audit events of it name the user, and the agent in their details.

        Raises:
            PrincipalNotFoundError: there is no such user.
        """
        scope = await acting_for(self._database, self._scope, user)
        return Desk(self._app, scope)

    @operation(Permission.AUDIT_READ)
    async def audit(self, *, limit: int = 100) -> list[AuditEvent]:
        """The newest audit events of the tenant, newest first."""
        async with self._database.transaction(self._scope) as connection:
            return await audit_events(connection, self._scope, limit=limit)

    @operation(Permission.METRICS_READ)
    async def metrics(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics of the whole service as text for Prometheus, and the media type.

        Args:
            accept: what the reader prefers, an ``Accept`` header.

        Raises:
            PermissionDeniedError: the tenant is not one whose operators may see all tenants' figures.
            UnavailableError: this process's metrics go elsewhere, or nowhere.
        """
        if self._scope.tenant not in self._metrics_tenants:
            async with self._database.transaction(self._scope) as connection:
                await record(connection, self._scope, Permission.METRICS_READ, outcome="denied")
            raise PermissionDeniedError(
                "These metrics are of the whole installation.",
                why=f"The tenant '{self._scope.tenant}' is not in telemetry.metrics_tenants.",
                remedy="Name the operating tenant there, or scrape telemetry.metrics_port.",
            )
        provider = current_provider()
        if provider is None or not provider.shows:
            raise UnavailableError(
                "This process shows no metrics.",
                why="telemetry.metrics is none or otlp, or the host application has its own meter provider.",
                remedy="Set telemetry.metrics to prometheus, or ask the host's exporter.",
            )
        return await asyncio.to_thread(provider.exposed, accept)
