"""The operations of the HTTP API, by their resources.

Written by scripts/client_code.py from the OpenAPI document; changes made here are lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from deskmind.client._call import Call, part
from deskmind.client._call import given as sent
from deskmind.client._events import Event
from deskmind.client._paging import every
from deskmind.client._sender import Sender
from deskmind.client._streams import told
from deskmind.client._uploads import Content, File, Upload
from deskmind.client.made import bodies, given

__all__ = ["OPERATIONS", "AsyncResources"]

OPERATIONS: Mapping[str, str] = {
    "ask": "ask",
    "search": "search",
    "checkAccess": "access.check",
    "getPolicy": "access.get_policy",
    "getPolicySchema": "access.get_policy_schema",
    "reviewAccess": "access.review",
    "setPolicy": "access.set_policy",
    "allowTool": "agents.allow_tool",
    "cancelAgentRun": "agents.cancel_run",
    "defineAgent": "agents.define",
    "getAgent": "agents.get",
    "getAgentRun": "agents.get_run",
    "liftAgentBlock": "agents.lift_block",
    "listAgents": "agents.list",
    "listAgentBlocks": "agents.list_blocks",
    "listAgentRuns": "agents.list_runs",
    "listStoppedTools": "agents.list_stopped_tools",
    "listAgentVersions": "agents.list_versions",
    "publishAgent": "agents.publish",
    "resumeAgentRun": "agents.resume_run",
    "runAgent": "agents.run",
    "startAgentRun": "agents.start_run",
    "stopTool": "agents.stop_tool",
    "testAgent": "agents.test",
    "approve": "approvals.approve",
    "editApproval": "approvals.edit",
    "getApproval": "approvals.get",
    "listApprovals": "approvals.list",
    "reject": "approvals.reject",
    "exportAudit": "audit.export",
    "forgetAuditPerson": "audit.forget_person",
    "getAuditCheckpoint": "audit.get_checkpoint",
    "proveAuditEvent": "audit.prove_event",
    "searchAuditEvents": "audit.search_events",
    "verifyAudit": "audit.verify",
    "deleteBudget": "budgets.delete",
    "listBudgets": "budgets.list",
    "setBudget": "budgets.set",
    "createChatCompletion": "chat.create_completion",
    "addConnector": "connectors.add",
    "getConnector": "connectors.get",
    "listConnectors": "connectors.list",
    "listRecords": "connectors.list_records",
    "previewSync": "connectors.preview_sync",
    "removeConnector": "connectors.remove",
    "resetSync": "connectors.reset_sync",
    "showConnectorSecret": "connectors.show_secret",
    "syncConnector": "connectors.sync",
    "testConnector": "connectors.test",
    "appendTurns": "conversations.append_turns",
    "createConversation": "conversations.create",
    "eraseConversation": "conversations.erase",
    "getConversation": "conversations.get",
    "listConversations": "conversations.list",
    "renameConversation": "conversations.rename",
    "summariseConversation": "conversations.summarise",
    "getDelivery": "deliveries.get",
    "replayDelivery": "deliveries.replay",
    "listDeployments": "deployments.list",
    "testDeployments": "deployments.test",
    "addDocument": "documents.add",
    "deleteDocument": "documents.delete",
    "getDocument": "documents.get",
    "listDocuments": "documents.list",
    "uploadDocument": "documents.upload",
    "createEmbeddings": "embeddings.create",
    "listEvidenceKeys": "evidence.list_keys",
    "makeEvidence": "evidence.make",
    "getExperimentReport": "experiments.get_report",
    "listExperiments": "experiments.list",
    "startExperiment": "experiments.start",
    "stopExperiment": "experiments.stop",
    "weighExperiment": "experiments.weigh",
    "giveFeedback": "feedback.give",
    "listFeedback": "feedback.list",
    "grantRole": "grants.grant_role",
    "revokeRole": "grants.revoke_role",
    "addGroup": "groups.add",
    "listGroups": "groups.list",
    "getIngest": "ingests.get",
    "listInstallationActs": "installation.list_acts",
    "listClosedAccounts": "installation.list_closed_accounts",
    "cancelJob": "jobs.cancel",
    "getJob": "jobs.get",
    "listJobs": "jobs.list",
    "createKey": "keys.create",
    "listKeys": "keys.list",
    "revokeKey": "keys.revoke",
    "rotateKey": "keys.rotate",
    "addMemory": "memories.add",
    "correctMemory": "memories.correct",
    "forgetMemory": "memories.forget",
    "getMemory": "memories.get",
    "listMemories": "memories.list",
    "recallMemories": "memories.recall",
    "getModel": "models.get",
    "listModels": "models.list",
    "health": "operations.health",
    "metrics": "operations.metrics",
    "ready": "operations.ready",
    "applyRetention": "privacy.apply_retention",
    "erasePerson": "privacy.erase_person",
    "exportPerson": "privacy.export_person",
    "getErasure": "privacy.get_erasure",
    "listErasures": "privacy.list_erasures",
    "listHolds": "privacy.list_holds",
    "placeHold": "privacy.place_hold",
    "readmitPerson": "privacy.readmit_person",
    "releaseHold": "privacy.release_hold",
    "showDataMap": "privacy.show_data_map",
    "verifyReceipt": "privacy.verify_receipt",
    "diffPrompt": "prompts.diff",
    "exportPrompt": "prompts.export",
    "getPrompt": "prompts.get",
    "getPromptLabel": "prompts.get_label",
    "listPrompts": "prompts.list",
    "listPromptVersions": "prompts.list_versions",
    "movePromptLabel": "prompts.move_label",
    "renderPrompt": "prompts.render",
    "rollbackPromptLabel": "prompts.rollback_label",
    "savePrompt": "prompts.save",
    "reportQuality": "quality.report",
    "addRedactionNames": "redaction.add_names",
    "forgetRedactionNames": "redaction.forget_names",
    "listRedactionActions": "redaction.list_actions",
    "listRedactionNames": "redaction.list_names",
    "listRedactionPatterns": "redaction.list_patterns",
    "redactTexts": "redaction.redact_texts",
    "removeRedactionPattern": "redaction.remove_pattern",
    "setRedactionAction": "redaction.set_action",
    "setRedactionPattern": "redaction.set_pattern",
    "explainRequest": "requests.explain",
    "listRequests": "requests.list",
    "defineRole": "roles.define",
    "deleteRole": "roles.delete",
    "listRoles": "roles.list",
    "cancelRun": "runs.cancel",
    "followRun": "runs.follow",
    "forkRun": "runs.fork",
    "getRun": "runs.get",
    "listRuns": "runs.list",
    "pauseRun": "runs.pause",
    "replayRun": "runs.replay",
    "resumeRun": "runs.resume",
    "createTenant": "tenants.create",
    "eraseTenant": "tenants.erase",
    "getTenant": "tenants.get",
    "listTenants": "tenants.list",
    "findDuplicateTickets": "triage.find_duplicate_tickets",
    "findSimilarTickets": "triage.find_similar_tickets",
    "findTicketClusters": "triage.find_ticket_clusters",
    "getTriageTraining": "triage.get_training",
    "listTriageModels": "triage.list_models",
    "listTriageTrainings": "triage.list_trainings",
    "predictTriage": "triage.predict",
    "trainTriage": "triage.train",
    "reportUsage": "usage.report",
    "addUser": "users.add",
    "listUsers": "users.list",
    "setUserGroups": "users.set_groups",
    "addWebhook": "webhooks.add",
    "changeWebhook": "webhooks.change",
    "deleteWebhook": "webhooks.delete",
    "disableWebhook": "webhooks.disable",
    "enableWebhook": "webhooks.enable",
    "getWebhook": "webhooks.get",
    "listWebhooks": "webhooks.list",
    "listDeliveries": "webhooks.list_deliveries",
    "listEventTypes": "webhooks.list_event_types",
    "replayDeadLetters": "webhooks.replay_dead_letters",
    "rotateWebhookSecret": "webhooks.rotate_secret",
    "testWebhook": "webhooks.test",
    "addSchedule": "workflows.add_schedule",
    "disableSchedule": "workflows.disable_schedule",
    "enableSchedule": "workflows.enable_schedule",
    "listWorkflows": "workflows.list",
    "listSchedules": "workflows.list_schedules",
    "removeSchedule": "workflows.remove_schedule",
    "startWorkflow": "workflows.start",
    "getWrite": "writes.get",
    "listWrites": "writes.list",
    "proposeWrite": "writes.propose",
    "reconcileWrite": "writes.reconcile",
    "rejectWrite": "writes.reject",
    "resolveWrite": "writes.resolve",
    "sendWrite": "writes.send",
}
"""The method of each operation of the OpenAPI document."""


class AsyncAccess:
    """``client.access``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def check(
        self,
        permission: Literal[
            "knowledge:search",
            "knowledge:ask",
            "knowledge:ingest",
            "documents:read",
            "documents:delete",
            "principals:read",
            "principals:write",
            "keys:read",
            "keys:write",
            "models:call",
            "models:test",
            "usage:read",
            "usage:survey",
            "budgets:read",
            "budgets:write",
            "audit:read",
            "audit:seal",
            "audit:forget",
            "metrics:read",
            "requests:read",
            "feedback:give",
            "feedback:read",
            "feedback:erase",
            "quality:read",
            "prompts:read",
            "prompts:write",
            "experiments:read",
            "experiments:write",
            "experiments:join",
            "conversations:read",
            "conversations:write",
            "conversations:erase",
            "access:check",
            "access:read",
            "access:grant",
            "access:define",
            "access:delegate",
            "access:own",
            "privacy:read",
            "privacy:export",
            "privacy:erase",
            "privacy:hold",
            "privacy:retain",
            "evidence:make",
            "redaction:read",
            "redaction:write",
            "triage:train",
            "triage:read",
            "triage:predict",
            "triage:similar",
            "triage:compare",
            "connections:read",
            "connections:write",
            "sync:read",
            "sync:run",
            "writes:propose",
            "writes:read",
            "writes:send",
            "webhooks:read",
            "webhooks:write",
            "jobs:read",
            "jobs:cancel",
            "agents:run",
            "agents:read",
            "agents:stop",
            "workflows:run",
            "workflows:read",
            "workflows:schedule",
            "connections:use",
            "agents:define",
            "memories:read",
            "memories:write",
            "approvals:read",
            "approvals:decide",
            "tickets:read",
            "tickets:write",
            "notifications:send",
            "diagnostics:run",
            "installation:read",
            "installation:create",
            "installation:erase",
            "tenants:read",
            "tenants:write",
            "tenants:delete",
            "database:read",
        ],
        *,
        user: str | None = None,
    ) -> bodies.DecisionBody:
        """Whether one, or a user, may do something, and why (``GET /v1/access/check``)."""
        call = Call("GET", "/v1/access/check", query={"permission": permission, "user": user})
        return bodies.DecisionBody(*await self._sender.tagged(call))

    async def get_policy(self) -> bodies.PolicyState:
        """The tenant's policy (``GET /v1/access/policy``)."""
        call = Call("GET", "/v1/access/policy")
        return bodies.PolicyState(*await self._sender.tagged(call))

    async def get_policy_schema(self) -> bodies.PolicySchema:
        """What policies may go by (``GET /v1/access/policy/schema``)."""
        call = Call("GET", "/v1/access/policy/schema")
        return bodies.PolicySchema(*await self._sender.tagged(call))

    async def review(self) -> bodies.Review:
        """Who may do what, and why (``GET /v1/access/review``)."""
        call = Call("GET", "/v1/access/review")
        return bodies.Review(*await self._sender.tagged(call))

    async def set_policy(self, text: str, *, if_match: str | None = None) -> bodies.PolicyState:
        """Check and save a policy (``PUT /v1/access/policy``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("PUT", "/v1/access/policy", body={"text": text}, if_match=if_match)
        return bodies.PolicyState(await self._sender.json(call))


class AsyncAgents:
    """``client.agents``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def allow_tool(self, tool: str) -> None:
        """Allow what was stopped; for admins (``DELETE /v1/agents/stopped/{tool}``).

        Args:
            tool: `*` is all of them
        """
        call = Call("DELETE", f"/v1/agents/stopped/{part(tool)}")
        await self._sender.nothing(call)

    async def cancel_run(self, run_id: UUID | str) -> None:
        """End a run: nothing more is begun (``POST /v1/agents/runs/{run_id}/cancel``)."""
        call = Call("POST", f"/v1/agents/runs/{part(run_id)}/cancel")
        await self._sender.nothing(call)

    async def define(self, agent: given.AgentSpec, *, note: str | None = None) -> bodies.AgentVersionBody:
        """Keep an agent as a new version (``POST /v1/agents``)."""
        call = Call("POST", "/v1/agents", body={"agent": agent, **sent({"note": note})})
        return bodies.AgentVersionBody(await self._sender.json(call))

    async def get(
        self, name: str, *, version: int | None = None, label: str | None = None
    ) -> bodies.AgentVersionBody:
        """A version of an agent, the published one unless another is named (``GET /v1/agents/{name}``)."""
        call = Call("GET", f"/v1/agents/{part(name)}", query={"version": version, "label": label})
        return bodies.AgentVersionBody(*await self._sender.tagged(call))

    async def get_run(self, run_id: UUID | str) -> bodies.RunDetailsBody:
        """A run with its transcript and its writes (``GET /v1/agents/runs/{run_id}``)."""
        call = Call("GET", f"/v1/agents/runs/{part(run_id)}")
        return bodies.RunDetailsBody(*await self._sender.tagged(call))

    async def lift_block(self, subject: str) -> None:
        """Lift a block; for admins (``DELETE /v1/agents/blocks/{subject}``)."""
        call = Call("DELETE", f"/v1/agents/blocks/{part(subject)}")
        await self._sender.nothing(call)

    async def list(self) -> bodies.AgentList:
        """Stored agents, by name (``GET /v1/agents``)."""
        call = Call("GET", "/v1/agents")
        return bodies.AgentList(*await self._sender.tagged(call))

    async def list_blocks(self) -> bodies.BlockList:
        """What agents may not do beyond one run, the newest first (``GET /v1/agents/blocks``)."""
        call = Call("GET", "/v1/agents/blocks")
        return bodies.BlockList(*await self._sender.tagged(call))

    async def list_runs(
        self,
        *,
        state: Literal["queued", "running", "waiting", "done", "failed", "cancelled"] | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> bodies.RunList:
        """Runs, newest first (``GET /v1/agents/runs``).

        Args:
            before: `next` of the page before
        """
        call = Call("GET", "/v1/agents/runs", query={"state": state, "limit": limit, "before": before})
        return bodies.RunList(*await self._sender.tagged(call))

    def each_runs(
        self,
        *,
        state: Literal["queued", "running", "waiting", "done", "failed", "cancelled"] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.RunBody]:
        """Runs, newest first: all of them, page by page (``GET /v1/agents/runs``)."""
        return every(
            lambda cursor: self.list_runs(state=state, limit=limit, before=cursor), lambda page: page.runs
        )

    async def list_stopped_tools(self) -> bodies.StoppedList:
        """The tools that agents may not call now, and why (``GET /v1/agents/stopped``)."""
        call = Call("GET", "/v1/agents/stopped")
        return bodies.StoppedList(*await self._sender.tagged(call))

    async def list_versions(self, name: str) -> bodies.AgentVersionList:
        """All versions of an agent, newest first (``GET /v1/agents/{name}/versions``)."""
        call = Call("GET", f"/v1/agents/{part(name)}/versions")
        return bodies.AgentVersionList(*await self._sender.tagged(call))

    async def publish(
        self, name: str, *, version: int | None = None, label: str | None = None
    ) -> bodies.AgentVersionBody:
        """Put a version to use (``POST /v1/agents/{name}/publish``).

        Args:
            version: default: the newest
        """
        call = Call(
            "POST", f"/v1/agents/{part(name)}/publish", body={**sent({"version": version, "label": label})}
        )
        return bodies.AgentVersionBody(await self._sender.json(call))

    async def resume_run(self, run_id: UUID | str, *, wait: bool | None = None) -> bodies.RunBody:
        """Go on with a run of one's own here, until it is done or waits for a person (``POST
        /v1/agents/runs/{run_id}/resume``).

        Args:
            wait: false leaves it to a worker, and answers with the run as it stands
        """
        call = Call("POST", f"/v1/agents/runs/{part(run_id)}/resume", query={"wait": wait})
        return bodies.RunBody(await self._sender.json(call))

    async def run(
        self,
        name: str,
        prompt: str,
        *,
        untrusted: str | None = None,
        version: int | None = None,
        label: str | None = None,
        conversation: str | None = None,
        wait: bool | None = None,
    ) -> bodies.StartedBody:
        """Begin a run of a stored agent; a worker does it, unless it is waited for (``POST
        /v1/agents/{name}/runs``).

        Args:
            untrusted: text that others wrote
            version: default: the label's
            label: default: production
            conversation: id of a conversation to go on with
            wait: run it here and answer when it is done, or waits for a person
        """
        call = Call(
            "POST",
            f"/v1/agents/{part(name)}/runs",
            body={
                "prompt": prompt,
                **sent(
                    {
                        "untrusted": untrusted,
                        "version": version,
                        "label": label,
                        "conversation": conversation,
                        "wait": wait,
                    }
                ),
            },
        )
        return bodies.StartedBody(await self._sender.json(call))

    async def start_run(
        self,
        prompt: str,
        instructions: str,
        model: str,
        *,
        name: str | None = None,
        tools: Sequence[str] | None = None,
        untrusted: str | None = None,
        steps: int | None = None,
        wait: bool | None = None,
    ) -> bodies.StartedBody:
        """Begin a run of an agent that is described here; a worker does it, unless it is waited for (``POST
        /v1/agents/runs``).

        Args:
            instructions: for the model
            model: the configured name
            name: for people, audit and metrics
            tools: names of those that the service knows
            untrusted: text that others wrote
            steps: most replies of the model
            wait: run it here and answer when it is done, or waits for a person
        """
        call = Call(
            "POST",
            "/v1/agents/runs",
            body={
                "prompt": prompt,
                "instructions": instructions,
                "model": model,
                **sent({"name": name, "tools": tools, "untrusted": untrusted, "steps": steps, "wait": wait}),
            },
        )
        return bodies.StartedBody(await self._sender.json(call))

    async def stop_tool(self, tool: str, *, reason: str | None = None) -> None:
        """Stop a tool, or with * all of them, for the tenant's agents from their next call on; for admins
        (``PUT /v1/agents/stopped/{tool}``).

        Args:
            tool: `*` is all of them
            reason: told to whoever is refused it
        """
        call = Call("PUT", f"/v1/agents/stopped/{part(tool)}", body={**sent({"reason": reason})})
        await self._sender.nothing(call)

    async def test(
        self, name: str, cases: Sequence[given.Case], *, version: int | None = None
    ) -> bodies.ReportBody:
        """Run cases with a scripted model; nothing is written outside (``POST /v1/agents/{name}/test``).

        Args:
            version: default: the newest
        """
        call = Call(
            "POST", f"/v1/agents/{part(name)}/test", body={"cases": cases, **sent({"version": version})}
        )
        return bodies.ReportBody(await self._sender.json(call))


class AsyncApprovals:
    """``client.approvals``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def approve(
        self, proposal_id: UUID | str, *, answer: str | None = None, revision: int | None = None
    ) -> bodies.ProposalBody:
        """Let a proposal pass, or answer a question; never one of one's own run (``POST
        /v1/approvals/{proposal_id}/approve``).

        Args:
            answer: to a question; to a write, a note
            revision: that was looked at: 409 when somebody has changed the values since
        """
        call = Call(
            "POST",
            f"/v1/approvals/{part(proposal_id)}/approve",
            body={**sent({"answer": answer, "revision": revision})},
        )
        return bodies.ProposalBody(await self._sender.json(call))

    async def edit(
        self, proposal_id: UUID | str, values: Mapping[str, Any], *, reason: str | None = None
    ) -> bodies.ProposalBody:
        """Change what is proposed and approve that; never of one's own run (``POST
        /v1/approvals/{proposal_id}/edit``).

        Args:
            values: by the names of the tool's parameters
            reason: a note
        """
        call = Call(
            "POST",
            f"/v1/approvals/{part(proposal_id)}/edit",
            body={"values": values, **sent({"reason": reason})},
        )
        return bodies.ProposalBody(await self._sender.json(call))

    async def get(self, proposal_id: UUID | str) -> bodies.ProposalBody:
        """A proposal with its difference (``GET /v1/approvals/{proposal_id}``)."""
        call = Call("GET", f"/v1/approvals/{part(proposal_id)}")
        return bodies.ProposalBody(*await self._sender.tagged(call))

    async def list(
        self, *, waiting: bool | None = None, limit: int | None = None, after: str | None = None
    ) -> bodies.ProposalList:
        """What waits for a person, the oldest first; for technicians (``GET /v1/approvals``).

        Args:
            waiting: false adds what is decided
            after: `next` of the page before
        """
        call = Call("GET", "/v1/approvals", query={"waiting": waiting, "limit": limit, "after": after})
        return bodies.ProposalList(*await self._sender.tagged(call))

    def each(
        self, *, waiting: bool | None = None, limit: int | None = None
    ) -> AsyncIterator[bodies.ProposalBody]:
        """What waits for a person, the oldest first; for technicians: all of them, page by page (``GET
        /v1/approvals``).

        Args:
            waiting: false adds what is decided
        """
        return every(
            lambda cursor: self.list(waiting=waiting, limit=limit, after=cursor), lambda page: page.proposals
        )

    async def reject(
        self,
        proposal_id: UUID | str,
        *,
        reason: str | None = None,
        lasting: bool | None = None,
        revision: int | None = None,
    ) -> bodies.ProposalBody:
        """Forbid a proposal; the run goes on and is told (``POST /v1/approvals/{proposal_id}/reject``).

        Args:
            reason: told to the agent
            lasting: refuse the same call to every agent from now on
            revision: that was looked at: 409 when somebody has changed the values since
        """
        call = Call(
            "POST",
            f"/v1/approvals/{part(proposal_id)}/reject",
            body={**sent({"reason": reason, "lasting": lasting, "revision": revision})},
        )
        return bodies.ProposalBody(await self._sender.json(call))


class AsyncAudit:
    """``client.audit``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def export(self, *, form: Literal["bundle", "readable"] | None = None) -> bytes:
        """All sealed events: a bundle that is checked without a database, or with people by name (``GET
        /v1/audit/export``)."""
        call = Call("GET", "/v1/audit/export", query={"form": form})
        return await self._sender.content(call)

    async def forget_person(self, person: str) -> bodies.ForgottenPerson:
        """Destroy the key of a person whom the log names, for good: the log stays whole; for operators
        (``POST /v1/audit/forget``).

        Args:
            person: name, or the id of the user
        """
        call = Call("POST", "/v1/audit/forget", body={"person": person})
        return bodies.ForgottenPerson(await self._sender.json(call))

    async def get_checkpoint(self) -> bodies.CheckpointBody:
        """The newest checkpoint, to be kept elsewhere (``GET /v1/audit/checkpoint``)."""
        call = Call("GET", "/v1/audit/checkpoint")
        return bodies.CheckpointBody(*await self._sender.tagged(call))

    async def prove_event(self, event_id: UUID | str) -> bodies.ProofBody:
        """The proof that an event is in the log, for who holds the public key (``GET
        /v1/audit/events/{event_id}/proof``)."""
        call = Call("GET", f"/v1/audit/events/{part(event_id)}/proof")
        return bodies.ProofBody(*await self._sender.tagged(call))

    async def search_events(
        self,
        *,
        action: str | None = None,
        principal: str | None = None,
        resource: str | None = None,
        outcome: str | None = None,
        request_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> bodies.EventList:
        """Who did what: the events that fit, newest first; for operators and auditors (``GET
        /v1/audit/events``).

        Args:
            action: what it begins with
            before: `next` of the page before
        """
        call = Call(
            "GET",
            "/v1/audit/events",
            query={
                "action": action,
                "principal": principal,
                "resource": resource,
                "outcome": outcome,
                "request_id": request_id,
                "since": since,
                "until": until,
                "limit": limit,
                "before": before,
            },
        )
        return bodies.EventList(*await self._sender.tagged(call))

    def each_events(
        self,
        *,
        action: str | None = None,
        principal: str | None = None,
        resource: str | None = None,
        outcome: str | None = None,
        request_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.EventBody]:
        """Who did what: the events that fit, newest first; for operators and auditors: all of them, page by
        page (``GET /v1/audit/events``).

        Args:
            action: what it begins with
        """
        return every(
            lambda cursor: self.search_events(
                action=action,
                principal=principal,
                resource=resource,
                outcome=outcome,
                request_id=request_id,
                since=since,
                until=until,
                limit=limit,
                before=cursor,
            ),
            lambda page: page.events,
        )

    async def verify(
        self, *, keys: Sequence[str] | None = None, checkpoints: Sequence[str] | None = None
    ) -> bodies.VerifyReport:
        """Compare the log with its checkpoints, and with those that were kept elsewhere (``POST
        /v1/audit/verify``).

        Args:
            keys: public keys from elsewhere; without them those that the database names
            checkpoints: notes that were kept elsewhere
        """
        call = Call("POST", "/v1/audit/verify", body={**sent({"keys": keys, "checkpoints": checkpoints})})
        return bodies.VerifyReport(await self._sender.json(call))


class AsyncBudgets:
    """``client.budgets``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def delete(self, name: str) -> None:
        """Remove a budget (``DELETE /v1/budgets/{name}``)."""
        call = Call("DELETE", f"/v1/budgets/{part(name)}")
        await self._sender.nothing(call)

    async def list(self) -> bodies.BudgetList:
        """List budgets (``GET /v1/budgets``)."""
        call = Call("GET", "/v1/budgets")
        return bodies.BudgetList(*await self._sender.tagged(call))

    async def set(
        self,
        name: str,
        window: Literal["minute", "day", "month"],
        *,
        usd: float | str | None = None,
        tokens: int | None = None,
        per: Sequence[Literal["user", "key", "feature", "model"]] | None = None,
        user: str | None = None,
        key: str | None = None,
        feature: str | None = None,
        model: str | None = None,
    ) -> None:
        """Make or replace a budget (``PUT /v1/budgets/{name}``).

        Args:
            window: in UTC
        """
        call = Call(
            "PUT",
            f"/v1/budgets/{part(name)}",
            body={
                "window": window,
                **sent(
                    {
                        "usd": usd,
                        "tokens": tokens,
                        "per": per,
                        "user": user,
                        "key": key,
                        "feature": feature,
                        "model": model,
                    }
                ),
            },
        )
        await self._sender.nothing(call)


class AsyncChat:
    """``client.chat``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create_completion(
        self,
        model: str,
        messages: Sequence[given.ChatMessage],
        *,
        stream: bool | None = None,
        max_completion_tokens: int | None = None,
        temperature: float | None = None,
    ) -> bodies.ChatCompletion:
        """Have a model go on with a conversation, as OpenAI's API does; with `stream` as server-sent events
        (``POST /v1/chat/completions``)."""
        call = Call(
            "POST",
            "/v1/chat/completions",
            body={
                "model": model,
                "messages": messages,
                **sent(
                    {
                        "stream": stream,
                        "max_completion_tokens": max_completion_tokens,
                        "temperature": temperature,
                    }
                ),
            },
        )
        return bodies.ChatCompletion(await self._sender.json(call))


class AsyncConnectors:
    """``client.connectors``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add(
        self,
        name: str,
        vendor: Literal["servicenow", "jira", "freshservice"],
        url: str,
        credentials: Mapping[str, str],
        *,
        kinds: Sequence[
            Literal[
                "ticket",
                "article",
                "person",
                "group",
                "membership",
                "organisation",
                "service",
                "configuration-item",
                "catalog-item",
            ]
        ]
        | None = None,
        every_seconds: int | None = None,
        networks: Literal["any", "public"] | None = None,
        replace: bool | None = None,
    ) -> bodies.ConnectionBody:
        """Connect a system; nothing is read yet; for operators (``POST /v1/connectors``).

        Args:
            name: unique in the tenant
            url: of the instance
            credentials: by name, see the vendor's page; kept encrypted and never shown
            kinds: read only these; empty for all
            every_seconds: between runs; 0 for only when asked
            networks: public refuses private addresses; any where the installation allows it
            replace: change the connection of this name, and keep what was read
        """
        call = Call(
            "POST",
            "/v1/connectors",
            body={
                "name": name,
                "vendor": vendor,
                "url": url,
                "credentials": credentials,
                **sent(
                    {"kinds": kinds, "every_seconds": every_seconds, "networks": networks, "replace": replace}
                ),
            },
        )
        return bodies.ConnectionBody(await self._sender.json(call))

    async def get(self, name: str) -> bodies.ConnectorBody:
        """A connected system, and how far a run is; for operators (``GET /v1/connectors/{name}``)."""
        call = Call("GET", f"/v1/connectors/{part(name)}")
        return bodies.ConnectorBody(*await self._sender.tagged(call))

    async def list(self) -> bodies.ConnectorList:
        """The connected systems, how far they are read and what is missing; for operators (``GET
        /v1/connectors``)."""
        call = Call("GET", "/v1/connectors")
        return bodies.ConnectorList(*await self._sender.tagged(call))

    async def list_records(
        self,
        name: str,
        kind: Literal[
            "ticket",
            "article",
            "person",
            "group",
            "membership",
            "organisation",
            "service",
            "configuration-item",
            "catalog-item",
        ],
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> bodies.RecordList:
        """Tickets and other records as they were read from a connected system, by id; for operators (``GET
        /v1/connectors/{name}/records``)."""
        call = Call(
            "GET",
            f"/v1/connectors/{part(name)}/records",
            query={"kind": kind, "limit": limit, "after": after},
        )
        return bodies.RecordList(*await self._sender.tagged(call))

    def each_records(
        self,
        name: str,
        kind: Literal[
            "ticket",
            "article",
            "person",
            "group",
            "membership",
            "organisation",
            "service",
            "configuration-item",
            "catalog-item",
        ],
        *,
        limit: int | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Tickets and other records as they were read from a connected system, by id; for operators: all of
        them, page by page (``GET /v1/connectors/{name}/records``)."""
        return every(
            lambda cursor: self.list_records(name, kind=kind, limit=limit, after=cursor),
            lambda page: page.records,
        )

    async def preview_sync(self, name: str, *, full: bool | None = None) -> bodies.PreviewBody:
        """What reading a connected system now would bring; nothing is stored; for operators (``POST
        /v1/connectors/{name}/preview``).

        Args:
            full: of everything, not only of what has changed
        """
        call = Call("POST", f"/v1/connectors/{part(name)}/preview", query={"full": full}, reads=True)
        return bodies.PreviewBody(await self._sender.json(call))

    async def remove(self, name: str, *, if_match: str | None = None) -> None:
        """Disconnect a system and remove all that was read from it; for operators (``DELETE
        /v1/connectors/{name}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("DELETE", f"/v1/connectors/{part(name)}", if_match=if_match)
        await self._sender.nothing(call)

    async def reset_sync(self, name: str) -> None:
        """Have the next run read everything; what was read stays until then; for operators (``POST
        /v1/connectors/{name}/reset``)."""
        call = Call("POST", f"/v1/connectors/{part(name)}/reset")
        await self._sender.nothing(call)

    async def show_secret(self, name: str) -> bodies.SecretBody:
        """Where the vendor may call, and the secret that it signs calls with; it is recorded; for operators
        (``POST /v1/connectors/{name}/webhook-secret``)."""
        call = Call("POST", f"/v1/connectors/{part(name)}/webhook-secret")
        return bodies.SecretBody(await self._sender.json(call))

    async def sync(
        self, name: str, *, full: bool | None = None, sweep: bool | None = None
    ) -> bodies.ConnectorBody:
        """Have workers read a connected system now; for operators (``POST /v1/connectors/{name}/sync``).

        Args:
            sweep: look for what is gone at the vendor, even if that was done lately
        """
        call = Call("POST", f"/v1/connectors/{part(name)}/sync", query={"full": full, "sweep": sweep})
        return bodies.ConnectorBody(await self._sender.json(call))

    async def test(self, name: str) -> bodies.TestBody:
        """Reach a connected system and name each right that the credentials need; for operators (``POST
        /v1/connectors/{name}/test``)."""
        call = Call("POST", f"/v1/connectors/{part(name)}/test")
        return bodies.TestBody(await self._sender.json(call))


class AsyncConversations:
    """``client.conversations``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def append_turns(
        self, conversation_id: UUID | str, turns: Sequence[given.NewTurn]
    ) -> bodies.ConversationSummaryBody:
        """Add turns at the end (``POST /v1/conversations/{conversation_id}/turns``)."""
        call = Call("POST", f"/v1/conversations/{part(conversation_id)}/turns", body={"turns": turns})
        return bodies.ConversationSummaryBody(await self._sender.json(call))

    async def create(
        self,
        *,
        title: str | None = None,
        turns: Sequence[given.NewTurn] | None = None,
        expires_at: datetime | None = None,
    ) -> bodies.ConversationBody:
        """Begin a conversation (``POST /v1/conversations``)."""
        call = Call(
            "POST",
            "/v1/conversations",
            body={**sent({"title": title, "turns": turns, "expires_at": expires_at})},
        )
        return bodies.ConversationBody(await self._sender.json(call))

    async def erase(self, conversation_id: UUID | str, *, if_match: str | None = None) -> None:
        """Erase a conversation for good (``DELETE /v1/conversations/{conversation_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("DELETE", f"/v1/conversations/{part(conversation_id)}", if_match=if_match)
        await self._sender.nothing(call)

    async def get(self, conversation_id: UUID | str) -> bodies.ConversationBody:
        """Read a conversation of one's own (``GET /v1/conversations/{conversation_id}``)."""
        call = Call("GET", f"/v1/conversations/{part(conversation_id)}")
        return bodies.ConversationBody(*await self._sender.tagged(call))

    async def list(self, *, limit: int | None = None, before: str | None = None) -> bodies.ConversationList:
        """List one's own conversations, the last changed first (``GET /v1/conversations``).

        Args:
            before: `next` of the page before
        """
        call = Call("GET", "/v1/conversations", query={"limit": limit, "before": before})
        return bodies.ConversationList(*await self._sender.tagged(call))

    def each(self, *, limit: int | None = None) -> AsyncIterator[bodies.ConversationSummaryBody]:
        """List one's own conversations, the last changed first: all of them, page by page (``GET
        /v1/conversations``)."""
        return every(lambda cursor: self.list(limit=limit, before=cursor), lambda page: page.conversations)

    async def rename(
        self, conversation_id: UUID | str, title: str, *, if_match: str | None = None
    ) -> bodies.ConversationSummaryBody:
        """Give a conversation another title (``PATCH /v1/conversations/{conversation_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call(
            "PATCH", f"/v1/conversations/{part(conversation_id)}", body={"title": title}, if_match=if_match
        )
        return bodies.ConversationSummaryBody(await self._sender.json(call))

    async def summarise(
        self, conversation_id: UUID | str, *, keep: int | None = None
    ) -> bodies.ConversationSummaryBody:
        """Let a summary stand for the older turns (``POST
        /v1/conversations/{conversation_id}/summary``)."""
        call = Call("POST", f"/v1/conversations/{part(conversation_id)}/summary", query={"keep": keep})
        return bodies.ConversationSummaryBody(await self._sender.json(call))


class AsyncDeliveries:
    """``client.deliveries``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get(self, delivery_id: UUID | str) -> bodies.DeliveryBody:
        """What became of an event on its way to a webhook (``GET /v1/deliveries/{delivery_id}``)."""
        call = Call("GET", f"/v1/deliveries/{part(delivery_id)}")
        return bodies.DeliveryBody(*await self._sender.tagged(call))

    async def replay(self, delivery_id: UUID | str) -> bodies.DeliveryBody:
        """Have an event be sent again, with the id it has (``POST
        /v1/deliveries/{delivery_id}/replay``)."""
        call = Call("POST", f"/v1/deliveries/{part(delivery_id)}/replay")
        return bodies.DeliveryBody(await self._sender.json(call))


class AsyncDeployments:
    """``client.deployments``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def list(self) -> bodies.DeployedModelList:
        """The configured models with their deployments and prices (``GET /v1/deployments``)."""
        call = Call("GET", "/v1/deployments")
        return bodies.DeployedModelList(*await self._sender.tagged(call))

    async def test(self, *, models: Sequence[str] | None = None) -> bodies.TriedList:
        """Call each deployment once with a few tokens; for operators (``POST /v1/deployments/test``).

        Args:
            models: names; all of them when empty
        """
        call = Call("POST", "/v1/deployments/test", body={**sent({"models": models})})
        return bodies.TriedList(await self._sender.json(call))


class AsyncDocuments:
    """``client.documents``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add(
        self,
        name: str,
        text: str,
        *,
        uri: str | None = None,
        media_type: str | None = None,
        groups: Sequence[str] | None = None,
    ) -> bodies.IngestBody:
        """Add or replace a document given as text (``POST /v1/documents``).

        Args:
            name: its suffix tells the format
        """
        call = Call(
            "POST",
            "/v1/documents",
            body={
                "name": name,
                "text": text,
                **sent({"uri": uri, "media_type": media_type, "groups": groups}),
            },
        )
        return bodies.IngestBody(await self._sender.json(call))

    async def delete(self, document_id: UUID | str, *, if_match: str | None = None) -> None:
        """Delete a document (``DELETE /v1/documents/{document_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("DELETE", f"/v1/documents/{part(document_id)}", if_match=if_match)
        await self._sender.nothing(call)

    async def get(self, document_id: UUID | str) -> bodies.DocumentText:
        """Read a document (``GET /v1/documents/{document_id}``)."""
        call = Call("GET", f"/v1/documents/{part(document_id)}")
        return bodies.DocumentText(*await self._sender.tagged(call))

    async def list(self, *, limit: int | None = None, after: UUID | str | None = None) -> bodies.DocumentList:
        """List documents (``GET /v1/documents``)."""
        call = Call("GET", "/v1/documents", query={"limit": limit, "after": after})
        return bodies.DocumentList(*await self._sender.tagged(call))

    def each(self, *, limit: int | None = None) -> AsyncIterator[bodies.DocumentSummaryBody]:
        """List documents: all of them, page by page (``GET /v1/documents``)."""
        return every(lambda cursor: self.list(limit=limit, after=cursor), lambda page: page.documents)

    async def upload(
        self,
        file: File,
        *,
        groups: Sequence[str] | None = None,
        uri: str | None = None,
        source: str | None = None,
    ) -> bodies.IngestBody:
        """Add or replace a document given as a file (``POST /v1/documents/upload``).

        Args:
            uri: where it came from; else its name
            source: the same file in it is replaced
        """
        call = Call(
            "POST",
            "/v1/documents/upload",
            query={"groups": groups, "uri": uri, "source": source},
            upload=Upload(file),
        )
        return bodies.IngestBody(await self._sender.json(call))


class AsyncEmbeddings:
    """``client.embeddings``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create(
        self,
        model: str,
        input: str | Sequence[str],
        *,
        encoding_format: Literal["float", "base64"] | None = None,
    ) -> bodies.EmbeddingList:
        """Embed texts, as OpenAI's API does (``POST /v1/embeddings``)."""
        call = Call(
            "POST",
            "/v1/embeddings",
            body={"model": model, "input": input, **sent({"encoding_format": encoding_format})},
        )
        return bodies.EmbeddingList(await self._sender.json(call))


class AsyncEvidence:
    """``client.evidence``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def list_keys(self) -> bodies.EvidenceKeyList:
        """The keys that sign bundles (``GET /v1/evidence/keys``)."""
        call = Call("GET", "/v1/evidence/keys")
        return bodies.EvidenceKeyList(*await self._sender.tagged(call))

    async def make(
        self,
        about: Literal["soc2", "article30"],
        since: datetime,
        *,
        until: datetime | None = None,
        dated: datetime | None = None,
    ) -> bytes:
        """A signed bundle of evidence, as a ZIP file (``POST /v1/evidence/bundles``).

        Args:
            since: the period's beginning, with a time zone
            until: its end, which is not in it; now when left out
            dated: the bundle's date, to make one again
        """
        call = Call(
            "POST",
            "/v1/evidence/bundles",
            body={"about": about, "since": since, **sent({"until": until, "dated": dated})},
            reads=True,
        )
        return await self._sender.content(call)


class AsyncExperiments:
    """``client.experiments``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get_report(self, name: str, *, confidence: float | None = None) -> bodies.ExperimentReportBody:
        """What came of an experiment so far, with confidence intervals (operators) (``GET
        /v1/experiments/{name}``)."""
        call = Call("GET", f"/v1/experiments/{part(name)}", query={"confidence": confidence})
        return bodies.ExperimentReportBody(*await self._sender.tagged(call))

    async def list(self) -> bodies.ExperimentList:
        """List experiments (operators) (``GET /v1/experiments``)."""
        call = Call("GET", "/v1/experiments")
        return bodies.ExperimentList(*await self._sender.tagged(call))

    async def start(
        self, name: str, prompt: str, variants: Sequence[given.VariantBody]
    ) -> bodies.ExperimentBody:
        """Give versions of a prompt to shares of the users (operators) (``POST /v1/experiments``).

        Args:
            name: never used again
            variants: the first is what the others are compared with
        """
        call = Call("POST", "/v1/experiments", body={"name": name, "prompt": prompt, "variants": variants})
        return bodies.ExperimentBody(await self._sender.json(call))

    async def stop(self, name: str) -> bodies.ExperimentBody:
        """End an experiment; everyone gets what is in production (operators) (``POST
        /v1/experiments/{name}/stop``)."""
        call = Call("POST", f"/v1/experiments/{part(name)}/stop")
        return bodies.ExperimentBody(await self._sender.json(call))

    async def weigh(self, name: str, weights: Mapping[str, float]) -> bodies.ExperimentBody:
        """Change weights; only users of a variant whose weight changed are moved (operators) (``PUT
        /v1/experiments/{name}/weights``)."""
        call = Call("PUT", f"/v1/experiments/{part(name)}/weights", body={"weights": weights})
        return bodies.ExperimentBody(await self._sender.json(call))


class AsyncFeedback:
    """``client.feedback``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def give(
        self,
        request_id: str,
        rating: Literal["up", "down"],
        *,
        reason: Literal["", "wrong", "outdated", "incomplete", "not_found_but_exists", "unclear", "other"]
        | None = None,
        correction: str | None = None,
    ) -> bodies.FeedbackBody:
        """Rate an answer one was given; replaces an earlier rating of it (``POST /v1/feedback``).

        Args:
            request_id: of the answer
            correction: what the answer should have been
        """
        call = Call(
            "POST",
            "/v1/feedback",
            body={
                "request_id": request_id,
                "rating": rating,
                **sent({"reason": reason, "correction": correction}),
            },
        )
        return bodies.FeedbackBody(await self._sender.json(call))

    async def list(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        rating: Literal["up", "down"] | None = None,
    ) -> bodies.FeedbackList:
        """List ratings, newest first: one's own, or all as an operator (``GET /v1/feedback``).

        Args:
            before: `next` of the page before
        """
        call = Call("GET", "/v1/feedback", query={"limit": limit, "before": before, "rating": rating})
        return bodies.FeedbackList(*await self._sender.tagged(call))

    def each(
        self, *, limit: int | None = None, rating: Literal["up", "down"] | None = None
    ) -> AsyncIterator[bodies.FeedbackBody]:
        """List ratings, newest first: one's own, or all as an operator: all of them, page by page (``GET
        /v1/feedback``)."""
        return every(
            lambda cursor: self.list(limit=limit, rating=rating, before=cursor), lambda page: page.feedback
        )


class AsyncGrants:
    """``client.grants``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def grant_role(
        self,
        role: str,
        *,
        user: str | None = None,
        group: str | None = None,
        key: UUID | str | None = None,
        until: datetime | None = None,
        reason: str | None = None,
    ) -> bodies.GrantState:
        """Give a role (``POST /v1/grants``).

        Args:
            until: when it ends
        """
        call = Call(
            "POST",
            "/v1/grants",
            body={
                "role": role,
                **sent({"user": user, "group": group, "key": key, "until": until, "reason": reason}),
            },
        )
        return bodies.GrantState(await self._sender.json(call))

    async def revoke_role(
        self, role: str, *, user: str | None = None, group: str | None = None, key: UUID | str | None = None
    ) -> None:
        """Take a role from one of a user, a group and an API key (``DELETE /v1/grants``)."""
        call = Call("DELETE", "/v1/grants", query={"role": role, "user": user, "group": group, "key": key})
        await self._sender.nothing(call)


class AsyncGroups:
    """``client.groups``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add(self, name: str) -> None:
        """Make a group; nothing happens where it is; for operators (``PUT /v1/groups/{name}``)."""
        call = Call("PUT", f"/v1/groups/{part(name)}")
        await self._sender.nothing(call)

    async def list(self) -> bodies.GroupList:
        """Groups, by name; for operators (``GET /v1/groups``)."""
        call = Call("GET", "/v1/groups")
        return bodies.GroupList(*await self._sender.tagged(call))


class AsyncIngests:
    """``client.ingests``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get(self, ingest_id: UUID | str) -> bodies.IngestBody:
        """How far an upload of one's own is (``GET /v1/ingests/{ingest_id}``)."""
        call = Call("GET", f"/v1/ingests/{part(ingest_id)}")
        return bodies.IngestBody(*await self._sender.tagged(call))


class AsyncInstallation:
    """``client.installation``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def list_acts(self, *, limit: int | None = None, before: str | None = None) -> bodies.ActList:
        """The newest acts on the installation: tenants created and erased; for owners of an operating
        tenant (``GET /v1/installation/acts``).

        Args:
            before: `next` of the page before
        """
        call = Call("GET", "/v1/installation/acts", query={"limit": limit, "before": before})
        return bodies.ActList(*await self._sender.tagged(call))

    def each_acts(self, *, limit: int | None = None) -> AsyncIterator[bodies.ActBody]:
        """The newest acts on the installation: tenants created and erased; for owners of an operating
        tenant: all of them, page by page (``GET /v1/installation/acts``)."""
        return every(lambda cursor: self.list_acts(limit=limit, before=cursor), lambda page: page.acts)

    async def list_closed_accounts(self) -> bodies.AccountList:
        """What erased tenants spent, by month and model; for owners of an operating tenant (``GET
        /v1/installation/accounts``)."""
        call = Call("GET", "/v1/installation/accounts")
        return bodies.AccountList(*await self._sender.tagged(call))


class AsyncJobs:
    """``client.jobs``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def cancel(self, job_id: int) -> None:
        """Cancel a job that waits; for operators (``POST /v1/jobs/{job_id}/cancel``)."""
        call = Call("POST", f"/v1/jobs/{part(job_id)}/cancel")
        await self._sender.nothing(call)

    async def get(self, job_id: int) -> bodies.JobBody:
        """A job that is not done, and how far it is; for operators (``GET /v1/jobs/{job_id}``)."""
        call = Call("GET", f"/v1/jobs/{part(job_id)}")
        return bodies.JobBody(*await self._sender.tagged(call))

    async def list(
        self,
        *,
        state: Literal["waiting", "running", "failed"] | None = None,
        task: str | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> bodies.JobList:
        """What works in the background for the tenant and is not done, newest first; for operators (``GET
        /v1/jobs``).

        Args:
            task: such as knowledge.ingest
            before: `next` of the page before
        """
        call = Call("GET", "/v1/jobs", query={"state": state, "task": task, "limit": limit, "before": before})
        return bodies.JobList(*await self._sender.tagged(call))

    def each(
        self,
        *,
        state: Literal["waiting", "running", "failed"] | None = None,
        task: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.JobBody]:
        """What works in the background for the tenant and is not done, newest first; for operators: all of
        them, page by page (``GET /v1/jobs``).

        Args:
            task: such as knowledge.ingest
        """
        return every(
            lambda cursor: self.list(state=state, task=task, limit=limit, before=cursor),
            lambda page: page.jobs,
        )


class AsyncKeys:
    """``client.keys``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create(
        self, user: str, *, name: str | None = None, expires_at: datetime | None = None
    ) -> bodies.MadeKey:
        """Make an API key with which a user acts; its secret is shown this once; for operators (``POST
        /v1/keys``).

        Args:
            user: printable
            name: for people
        """
        call = Call("POST", "/v1/keys", body={"user": user, **sent({"name": name, "expires_at": expires_at})})
        return bodies.MadeKey(await self._sender.json(call))

    async def list(self) -> bodies.KeyList:
        """API keys, oldest first; for operators (``GET /v1/keys``)."""
        call = Call("GET", "/v1/keys")
        return bodies.KeyList(*await self._sender.tagged(call))

    async def revoke(self, key_id: UUID | str) -> None:
        """End an API key: here at once, on other replicas within a second; for operators (``DELETE
        /v1/keys/{key_id}``)."""
        call = Call("DELETE", f"/v1/keys/{part(key_id)}")
        await self._sender.nothing(call)

    async def rotate(self, key_id: UUID | str, *, overlap_hours: float | None = None) -> bodies.MadeKey:
        """A new secret for an API key, shown this once; the old one is taken until the overlap is over; for
        operators (``POST /v1/keys/{key_id}/rotate``).

        Args:
            overlap_hours: 0 where it has leaked
        """
        call = Call(
            "POST", f"/v1/keys/{part(key_id)}/rotate", body={**sent({"overlap_hours": overlap_hours})}
        )
        return bodies.MadeKey(await self._sender.json(call))


class AsyncMemories:
    """``client.memories``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add(
        self,
        text: str,
        *,
        kind: Literal["episodic", "semantic", "procedural"] | None = None,
        subject: str | None = None,
        importance: float | None = None,
        audience: Literal["user", "group", "tenant"] | None = None,
        group: str | None = None,
        pinned: bool | None = None,
    ) -> bodies.MemoryBody:
        """Remember something (``POST /v1/memories``)."""
        call = Call(
            "POST",
            "/v1/memories",
            body={
                "text": text,
                **sent(
                    {
                        "kind": kind,
                        "subject": subject,
                        "importance": importance,
                        "audience": audience,
                        "group": group,
                        "pinned": pinned,
                    }
                ),
            },
        )
        return bodies.MemoryBody(await self._sender.json(call))

    async def correct(
        self,
        memory_id: UUID | str,
        *,
        if_match: str | None = None,
        text: str | None = None,
        pinned: bool | None = None,
    ) -> bodies.MemoryBody:
        """Say what is right, or pin it; the text so far stays in the history (``PATCH
        /v1/memories/{memory_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call(
            "PATCH",
            f"/v1/memories/{part(memory_id)}",
            body={**sent({"text": text, "pinned": pinned})},
            if_match=if_match,
        )
        return bodies.MemoryBody(await self._sender.json(call))

    async def forget(self, memory_id: UUID | str, *, if_match: str | None = None) -> None:
        """Remove a memory with its history, for good (``DELETE /v1/memories/{memory_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("DELETE", f"/v1/memories/{part(memory_id)}", if_match=if_match)
        await self._sender.nothing(call)

    async def get(self, memory_id: UUID | str) -> bodies.MemoryHistory:
        """A memory with its history; the one that counts is first (``GET /v1/memories/{memory_id}``)."""
        call = Call("GET", f"/v1/memories/{part(memory_id)}")
        return bodies.MemoryHistory(*await self._sender.tagged(call))

    async def list(
        self,
        *,
        kind: Literal["episodic", "semantic", "procedural"] | None = None,
        audience: Literal["user", "group", "tenant"] | None = None,
        history: bool | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> bodies.MemoryList:
        """One's own memories, those of one's groups and of the tenant, newest first (``GET
        /v1/memories``).

        Args:
            history: those that were superseded, too
            before: `next` of the page before
        """
        call = Call(
            "GET",
            "/v1/memories",
            query={"kind": kind, "audience": audience, "history": history, "limit": limit, "before": before},
        )
        return bodies.MemoryList(*await self._sender.tagged(call))

    def each(
        self,
        *,
        kind: Literal["episodic", "semantic", "procedural"] | None = None,
        audience: Literal["user", "group", "tenant"] | None = None,
        history: bool | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.MemoryBody]:
        """One's own memories, those of one's groups and of the tenant, newest first: all of them, page by
        page (``GET /v1/memories``).

        Args:
            history: those that were superseded, too
        """
        return every(
            lambda cursor: self.list(
                kind=kind, audience=audience, history=history, limit=limit, before=cursor
            ),
            lambda page: page.memories,
        )

    async def recall(
        self,
        question: str,
        *,
        tokens: int | None = None,
        kinds: Sequence[Literal["episodic", "semantic", "procedural"]] | None = None,
    ) -> bodies.RecalledBody:
        """What is remembered about a question, within a budget of tokens (``POST /v1/memories/recall``)."""
        call = Call(
            "POST",
            "/v1/memories/recall",
            body={"question": question, **sent({"tokens": tokens, "kinds": kinds})},
            reads=True,
        )
        return bodies.RecalledBody(await self._sender.json(call))


class AsyncModels:
    """``client.models``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get(self, model: str) -> bodies.Model:
        """One model (``GET /v1/models/{model}``)."""
        call = Call("GET", f"/v1/models/{part(model, slashes=True)}")
        return bodies.Model(await self._sender.json(call))

    async def list(self) -> bodies.ModelList:
        """The models that may be called (``GET /v1/models``)."""
        call = Call("GET", "/v1/models")
        return bodies.ModelList(await self._sender.json(call))


class AsyncOperations:
    """``client.operations``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def health(self) -> bodies.Health:
        """The process answers (``GET /healthz``)."""
        call = Call("GET", "/healthz")
        return bodies.Health(await self._sender.json(call))

    async def metrics(self) -> str:
        """All processes' metrics, for Prometheus (``GET /metrics``)."""
        call = Call("GET", "/metrics")
        return await self._sender.text(call)

    async def ready(self) -> bodies.Readiness:
        """Requests can be served (``GET /readyz``)."""
        call = Call("GET", "/readyz", also=(503,))
        return bodies.Readiness(await self._sender.json(call))


class AsyncPrivacy:
    """``client.privacy``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def apply_retention(self) -> bodies.RemovedList:
        """Remove what is older than the retention policies say, now; workers do it each hour (``POST
        /v1/privacy/retention``)."""
        call = Call("POST", "/v1/privacy/retention")
        return bodies.RemovedList(await self._sender.json(call))

    async def erase_person(
        self,
        subject: str,
        *,
        also: Sequence[str] | None = None,
        owned: Literal["redact", "delete"] | None = None,
        dry_run: bool | None = None,
    ) -> bodies.ErasureBody:
        """Have a person erased by a worker; poll the erasure (``POST /v1/privacy/erasures``).

        Args:
            subject: user name or id; without an account an e-mail address or full name
            also: further identifiers
            owned: what becomes of documents of theirs
        """
        call = Call(
            "POST",
            "/v1/privacy/erasures",
            body={"subject": subject, **sent({"also": also, "owned": owned, "dry_run": dry_run})},
        )
        return bodies.ErasureBody(await self._sender.json(call))

    async def export_person(self, subject: str, *, also: Sequence[str] | None = None) -> bodies.ExportBody:
        """What is kept of a person (``POST /v1/privacy/export``).

        Args:
            subject: user name or id; without an account an e-mail address or full name
            also: further identifiers
        """
        call = Call(
            "POST", "/v1/privacy/export", body={"subject": subject, **sent({"also": also})}, reads=True
        )
        return bodies.ExportBody(await self._sender.json(call))

    async def get_erasure(self, erasure_id: UUID | str) -> bodies.ErasureBody:
        """One erasure as it stands (``GET /v1/privacy/erasures/{erasure_id}``)."""
        call = Call("GET", f"/v1/privacy/erasures/{part(erasure_id)}")
        return bodies.ErasureBody(*await self._sender.tagged(call))

    async def list_erasures(
        self, *, limit: int | None = None, before: str | None = None
    ) -> bodies.ErasureList:
        """Erasures with their receipts (``GET /v1/privacy/erasures``).

        Args:
            before: `next` of the page before
        """
        call = Call("GET", "/v1/privacy/erasures", query={"limit": limit, "before": before})
        return bodies.ErasureList(*await self._sender.tagged(call))

    def each_erasures(self, *, limit: int | None = None) -> AsyncIterator[bodies.ErasureBody]:
        """Erasures with their receipts: all of them, page by page (``GET /v1/privacy/erasures``)."""
        return every(
            lambda cursor: self.list_erasures(limit=limit, before=cursor), lambda page: page.erasures
        )

    async def list_holds(self, *, released: bool | None = None) -> bodies.HoldList:
        """Legal holds that stand (``GET /v1/privacy/holds``)."""
        call = Call("GET", "/v1/privacy/holds", query={"released": released})
        return bodies.HoldList(*await self._sender.tagged(call))

    async def place_hold(
        self, reason: str, *, subject: str | None = None, also: Sequence[str] | None = None
    ) -> bodies.HoldBody:
        """Place a legal hold (``POST /v1/privacy/holds``).

        Args:
            reason: a reference to the case, naming nobody
        """
        call = Call(
            "POST", "/v1/privacy/holds", body={"reason": reason, **sent({"subject": subject, "also": also})}
        )
        return bodies.HoldBody(await self._sender.json(call))

    async def readmit_person(
        self, subject: str, *, also: Sequence[str] | None = None
    ) -> bodies.ReadmittedBody:
        """Let a person who was erased be added and taken in again (``POST /v1/privacy/readmissions``).

        Args:
            subject: user name or id; without an account an e-mail address or full name
            also: further identifiers
        """
        call = Call("POST", "/v1/privacy/readmissions", body={"subject": subject, **sent({"also": also})})
        return bodies.ReadmittedBody(await self._sender.json(call))

    async def release_hold(self, hold_id: UUID | str) -> None:
        """Release a legal hold (``DELETE /v1/privacy/holds/{hold_id}``)."""
        call = Call("DELETE", f"/v1/privacy/holds/{part(hold_id)}")
        await self._sender.nothing(call)

    async def show_data_map(self) -> bodies.DataMapBody:
        """The data map (``GET /v1/privacy/map``)."""
        call = Call("GET", "/v1/privacy/map")
        return bodies.DataMapBody(*await self._sender.tagged(call))

    async def verify_receipt(self, receipt: str) -> bodies.ReceiptBody:
        """Check that this installation signed the receipt of an erasure (``POST
        /v1/privacy/receipts/verify``).

        Args:
            receipt: its whole text
        """
        call = Call("POST", "/v1/privacy/receipts/verify", body={"receipt": receipt}, reads=True)
        return bodies.ReceiptBody(await self._sender.json(call))


class AsyncPrompts:
    """``client.prompts``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def diff(self, name: str, old: str, new: str) -> bodies.TextBody:
        """What changed between two versions, given by number or label (``GET /v1/prompts/{name}/diff``)."""
        call = Call("GET", f"/v1/prompts/{part(name)}/diff", query={"old": old, "new": new})
        return bodies.TextBody(*await self._sender.tagged(call))

    async def export(
        self, name: str, *, version: int | None = None, label: str | None = None
    ) -> bodies.TextBody:
        """A version as a YAML file (``GET /v1/prompts/{name}/file``).

        Args:
            version: 0 is the prompt that comes with Deskmind
            label: production when left out
        """
        call = Call("GET", f"/v1/prompts/{part(name)}/file", query={"version": version, "label": label})
        return bodies.TextBody(*await self._sender.tagged(call))

    async def get(
        self, name: str, *, version: int | None = None, label: str | None = None
    ) -> bodies.PromptBody:
        """Read a version (``GET /v1/prompts/{name}``).

        Args:
            version: 0 is the prompt that comes with Deskmind
            label: production when left out
        """
        call = Call("GET", f"/v1/prompts/{part(name)}", query={"version": version, "label": label})
        return bodies.PromptBody(*await self._sender.tagged(call))

    async def get_label(self, name: str, label: str) -> bodies.LabelHistory:
        """Where a label has been (``GET /v1/prompts/{name}/labels/{label}``)."""
        call = Call("GET", f"/v1/prompts/{part(name)}/labels/{part(label)}")
        return bodies.LabelHistory(*await self._sender.tagged(call))

    async def list(self) -> bodies.PromptList:
        """List prompts (``GET /v1/prompts``)."""
        call = Call("GET", "/v1/prompts")
        return bodies.PromptList(*await self._sender.tagged(call))

    async def list_versions(self, name: str) -> bodies.PromptVersions:
        """List the versions of a prompt (``GET /v1/prompts/{name}/versions``)."""
        call = Call("GET", f"/v1/prompts/{part(name)}/versions")
        return bodies.PromptVersions(*await self._sender.tagged(call))

    async def move_label(
        self, name: str, label: str, version: int, *, if_match: str | None = None
    ) -> bodies.LabelMoveBody:
        """Point a label at a version (``PUT /v1/prompts/{name}/labels/{label}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call(
            "PUT",
            f"/v1/prompts/{part(name)}/labels/{part(label)}",
            body={"version": version},
            if_match=if_match,
        )
        return bodies.LabelMoveBody(await self._sender.json(call))

    async def render(
        self,
        name: str,
        *,
        values: Mapping[str, Any] | None = None,
        version: int | None = None,
        label: str | None = None,
    ) -> bodies.RenderedMessages:
        """Fill in the variables (``POST /v1/prompts/{name}/render``)."""
        call = Call(
            "POST",
            f"/v1/prompts/{part(name)}/render",
            body={**sent({"values": values, "version": version, "label": label})},
            reads=True,
        )
        return bodies.RenderedMessages(await self._sender.json(call))

    async def rollback_label(self, name: str, label: str) -> bodies.LabelMoveBody:
        """Point a label at where it was before (``POST /v1/prompts/{name}/labels/{label}/rollback``)."""
        call = Call("POST", f"/v1/prompts/{part(name)}/labels/{part(label)}/rollback")
        return bodies.LabelMoveBody(await self._sender.json(call))

    async def save(
        self,
        *,
        prompt: Mapping[str, Any] | None = None,
        file: str | None = None,
        note: str | None = None,
        label: str | None = None,
    ) -> bodies.PromptBody:
        """Save a version; content that is there already gets no second one (``POST /v1/prompts``)."""
        call = Call(
            "POST",
            "/v1/prompts",
            body={**sent({"prompt": prompt, "file": file, "note": note, "label": label})},
        )
        return bodies.PromptBody(await self._sender.json(call))


class AsyncQuality:
    """``client.quality``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def report(
        self,
        by: Literal["document", "prompt", "experiment", "group", "mode", "day"],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> bodies.QualityReport:
        """How answers are rated and how often nothing is found (``GET /v1/quality``)."""
        call = Call("GET", "/v1/quality", query={"by": by, "since": since, "until": until})
        return bodies.QualityReport(*await self._sender.tagged(call))


class AsyncRedaction:
    """``client.redaction``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add_names(
        self,
        names: Sequence[str],
        *,
        type: Literal[
            "PERSON",
            "USERNAME",
            "EMAIL_ADDRESS",
            "PHONE_NUMBER",
            "LOCATION",
            "STREET_ADDRESS",
            "ZIP_CODE",
            "DATE_OF_BIRTH",
            "NATIONAL_ID",
            "US_SSN",
            "US_DRIVER_LICENSE",
            "CREDIT_CARD",
            "IBAN_CODE",
            "IP_ADDRESS",
            "MAC_ADDRESS",
            "HOST_NAME",
            "URL",
            "SECRET",
            "PASSWORD",
            "EMPLOYEE_ID",
            "ASSET_NUMBER",
            "ORGANIZATION",
        ]
        | None = None,
        source: str | None = None,
        replace: bool | None = None,
    ) -> bodies.KnownBody:
        """Have names of people, devices and organisations be found in texts; for operators (``POST
        /v1/redaction/names``).

        Args:
            type: what they all are
            source: where the names come from
            replace: forget what this source said before
        """
        call = Call(
            "POST",
            "/v1/redaction/names",
            body={"names": names, **sent({"type": type, "source": source, "replace": replace})},
        )
        return bodies.KnownBody(await self._sender.json(call))

    async def forget_names(self, names: Sequence[str], *, source: str | None = None) -> bodies.ForgottenBody:
        """Take names of a source out again; for operators (``POST /v1/redaction/names/forget``).

        Args:
            source: where the names come from
        """
        call = Call("POST", "/v1/redaction/names/forget", body={"names": names, **sent({"source": source})})
        return bodies.ForgottenBody(await self._sender.json(call))

    async def list_actions(self) -> bodies.ActionList:
        """What is done with each type; for operators and auditors (``GET /v1/redaction/actions``)."""
        call = Call("GET", "/v1/redaction/actions")
        return bodies.ActionList(*await self._sender.tagged(call))

    async def list_names(self, *, source: str | None = None, limit: int | None = None) -> bodies.NameList:
        """The names that the tenant knows beside those of its users; for operators and auditors (``GET
        /v1/redaction/names``)."""
        call = Call("GET", "/v1/redaction/names", query={"source": source, "limit": limit})
        return bodies.NameList(*await self._sender.tagged(call))

    async def list_patterns(self) -> bodies.PatternList:
        """The tenant's own patterns, by name; for operators and auditors (``GET
        /v1/redaction/patterns``)."""
        call = Call("GET", "/v1/redaction/patterns")
        return bodies.PatternList(*await self._sender.tagged(call))

    async def redact_texts(self, texts: Sequence[str]) -> bodies.RedactedList:
        """Texts as models would be told them, by the tenant's rules; for operators and auditors (``POST
        /v1/redaction/redact``)."""
        call = Call("POST", "/v1/redaction/redact", body={"texts": texts}, reads=True)
        return bodies.RedactedList(await self._sender.json(call))

    async def remove_pattern(self, name: str) -> None:
        """Remove a pattern; for operators (``DELETE /v1/redaction/patterns/{name}``)."""
        call = Call("DELETE", f"/v1/redaction/patterns/{part(name)}")
        await self._sender.nothing(call)

    async def set_action(
        self,
        type: Literal[
            "PERSON",
            "USERNAME",
            "EMAIL_ADDRESS",
            "PHONE_NUMBER",
            "LOCATION",
            "STREET_ADDRESS",
            "ZIP_CODE",
            "DATE_OF_BIRTH",
            "NATIONAL_ID",
            "US_SSN",
            "US_DRIVER_LICENSE",
            "CREDIT_CARD",
            "IBAN_CODE",
            "IP_ADDRESS",
            "MAC_ADDRESS",
            "HOST_NAME",
            "URL",
            "SECRET",
            "PASSWORD",
            "EMPLOYEE_ID",
            "ASSET_NUMBER",
            "ORGANIZATION",
        ],
        action: Literal["mask", "placeholder", "hash", "allow", "block"] | None,
    ) -> None:
        """Say what is done with a type in this tenant; for operators (``PUT
        /v1/redaction/actions/{type}``).

        Args:
            action: null for what the settings say
        """
        call = Call("PUT", f"/v1/redaction/actions/{part(type)}", body={"action": action})
        await self._sender.nothing(call)

    async def set_pattern(
        self,
        name: str,
        regex: str,
        *,
        type: Literal[
            "PERSON",
            "USERNAME",
            "EMAIL_ADDRESS",
            "PHONE_NUMBER",
            "LOCATION",
            "STREET_ADDRESS",
            "ZIP_CODE",
            "DATE_OF_BIRTH",
            "NATIONAL_ID",
            "US_SSN",
            "US_DRIVER_LICENSE",
            "CREDIT_CARD",
            "IBAN_CODE",
            "IP_ADDRESS",
            "MAC_ADDRESS",
            "HOST_NAME",
            "URL",
            "SECRET",
            "PASSWORD",
            "EMPLOYEE_ID",
            "ASSET_NUMBER",
            "ORGANIZATION",
        ]
        | None = None,
        score: float | None = None,
    ) -> bodies.PatternBody:
        """Add a pattern, or put another in its place; one that could be slow is refused; for operators
        (``PUT /v1/redaction/patterns/{name}``).

        Args:
            regex: as Python has them; a group `value` is what is found
            type: what is found
            score: how sure a match is
        """
        call = Call(
            "PUT",
            f"/v1/redaction/patterns/{part(name)}",
            body={"regex": regex, **sent({"type": type, "score": score})},
        )
        return bodies.PatternBody(await self._sender.json(call))


class AsyncRequests:
    """``client.requests``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def explain(self, request_id: str) -> bodies.ExplanationBody:
        """Explain a request: scope, passages, caches, model calls, cost, timings (``GET
        /v1/requests/{request_id}``)."""
        call = Call("GET", f"/v1/requests/{part(request_id)}")
        return bodies.ExplanationBody(*await self._sender.tagged(call))

    async def list(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        operation: str | None = None,
        failed: bool | None = None,
    ) -> bodies.RequestList:
        """List requests, newest first: one's own, or all as an operator (``GET /v1/requests``).

        Args:
            before: `next` of the page before
        """
        call = Call(
            "GET",
            "/v1/requests",
            query={"limit": limit, "before": before, "operation": operation, "failed": failed},
        )
        return bodies.RequestList(*await self._sender.tagged(call))

    def each(
        self, *, limit: int | None = None, operation: str | None = None, failed: bool | None = None
    ) -> AsyncIterator[bodies.RequestBody]:
        """List requests, newest first: one's own, or all as an operator: all of them, page by page (``GET
        /v1/requests``)."""
        return every(
            lambda cursor: self.list(limit=limit, operation=operation, failed=failed, before=cursor),
            lambda page: page.requests,
        )


class AsyncRoles:
    """``client.roles``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def define(self, name: str, permissions: Sequence[str], *, description: str | None = None) -> None:
        """Make or replace a role of the tenant's own (``PUT /v1/roles/{name}``)."""
        call = Call(
            "PUT",
            f"/v1/roles/{part(name)}",
            body={"permissions": permissions, **sent({"description": description})},
        )
        await self._sender.nothing(call)

    async def delete(self, name: str) -> None:
        """Remove a role that nobody has (``DELETE /v1/roles/{name}``)."""
        call = Call("DELETE", f"/v1/roles/{part(name)}")
        await self._sender.nothing(call)

    async def list(self) -> bodies.RoleList:
        """List roles (``GET /v1/roles``)."""
        call = Call("GET", "/v1/roles")
        return bodies.RoleList(*await self._sender.tagged(call))


class AsyncRuns:
    """``client.runs``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def cancel(self, run_id: UUID | str, *, undo: bool | None = None) -> None:
        """End a run and those below it (``POST /v1/runs/{run_id}/cancel``)."""
        call = Call("POST", f"/v1/runs/{part(run_id)}/cancel", query={"undo": undo})
        await self._sender.nothing(call)

    def follow(
        self, run_id: UUID | str
    ) -> AsyncIterator[Event[bodies.WorkflowStepBody | bodies.WorkflowRunBody]]:
        """What happened in a run and what happens, as server-sent events until it has ended: as events
        step, run (``GET /v1/runs/{run_id}/events``)."""
        call = Call("GET", f"/v1/runs/{part(run_id)}/events", resumes=True)
        return told(
            self._sender.events(call, until=""),
            {"step": bodies.WorkflowStepBody, "run": bodies.WorkflowRunBody},
        )

    async def fork(self, run_id: UUID | str, step: int) -> bodies.RunIdBody:
        """Do a run anew from a step on, as a new run (``POST /v1/runs/{run_id}/fork``).

        Args:
            step: the first step to be done anew
        """
        call = Call("POST", f"/v1/runs/{part(run_id)}/fork", body={"step": step})
        return bodies.RunIdBody(await self._sender.json(call))

    async def get(self, run_id: UUID | str) -> bodies.WorkflowRunDetailsBody:
        """A run with its steps (``GET /v1/runs/{run_id}``)."""
        call = Call("GET", f"/v1/runs/{part(run_id)}")
        return bodies.WorkflowRunDetailsBody(*await self._sender.tagged(call))

    async def list(
        self,
        *,
        workflow: str | None = None,
        state: Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"] | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> bodies.WorkflowRunList:
        """Runs of workflows, newest first (``GET /v1/runs``).

        Args:
            before: `next` of the page before
        """
        call = Call(
            "GET", "/v1/runs", query={"workflow": workflow, "state": state, "limit": limit, "before": before}
        )
        return bodies.WorkflowRunList(*await self._sender.tagged(call))

    def each(
        self,
        *,
        workflow: str | None = None,
        state: Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.WorkflowRunBody]:
        """Runs of workflows, newest first: all of them, page by page (``GET /v1/runs``)."""
        return every(
            lambda cursor: self.list(workflow=workflow, state=state, limit=limit, before=cursor),
            lambda page: page.runs,
        )

    async def pause(self, run_id: UUID | str) -> None:
        """Begin no further step (``POST /v1/runs/{run_id}/pause``)."""
        call = Call("POST", f"/v1/runs/{part(run_id)}/pause")
        await self._sender.nothing(call)

    async def replay(self, run_id: UUID | str, *, version: int | None = None) -> bodies.ReplayBody:
        """Whether the workflow still does the recorded steps; nothing is done (``POST
        /v1/runs/{run_id}/replay``).

        Args:
            version: of the workflow, instead of the run's
        """
        call = Call("POST", f"/v1/runs/{part(run_id)}/replay", query={"version": version}, reads=True)
        return bodies.ReplayBody(await self._sender.json(call))

    async def resume(self, run_id: UUID | str) -> None:
        """Have a worker go on with a paused run (``POST /v1/runs/{run_id}/resume``)."""
        call = Call("POST", f"/v1/runs/{part(run_id)}/resume")
        await self._sender.nothing(call)


class AsyncTenants:
    """``client.tenants``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create(
        self, slug: str, *, name: str | None = None, owner: str | None = None
    ) -> bodies.NewTenantBody:
        """Add a tenant, with its first owner where one is named; for owners of an operating tenant (``POST
        /v1/tenants``).

        Args:
            slug: its short name, for good
            name: for people
            owner: a user to begin it with, its owner
        """
        call = Call("POST", "/v1/tenants", body={"slug": slug, **sent({"name": name, "owner": owner})})
        return bodies.NewTenantBody(await self._sender.json(call))

    async def erase(self, slug: str, confirm: str, *, if_match: str | None = None) -> bodies.ErasedBody:
        """Erase a tenant with everything in it, which cannot be undone; for owners of an operating tenant
        (``DELETE /v1/tenants/{slug}``).

        Args:
            confirm: its name again
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("DELETE", f"/v1/tenants/{part(slug)}", query={"confirm": confirm}, if_match=if_match)
        return bodies.ErasedBody(await self._sender.json(call))

    async def get(self, slug: str) -> bodies.TenantBody:
        """One tenant; for owners of an operating tenant (``GET /v1/tenants/{slug}``)."""
        call = Call("GET", f"/v1/tenants/{part(slug)}")
        return bodies.TenantBody(*await self._sender.tagged(call))

    async def list(self) -> bodies.TenantList:
        """Tenants, by name; for owners of an operating tenant (``GET /v1/tenants``)."""
        call = Call("GET", "/v1/tenants")
        return bodies.TenantList(*await self._sender.tagged(call))


class AsyncTriage:
    """``client.triage``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def find_duplicate_tickets(
        self, tickets: Sequence[given.NewTicket], *, least: float | None = None
    ) -> bodies.DuplicatesResponse:
        """Which of these tickets say the same; for operators (``POST /v1/triage/duplicates``)."""
        call = Call(
            "POST", "/v1/triage/duplicates", body={"tickets": tickets, **sent({"least": least})}, reads=True
        )
        return bodies.DuplicatesResponse(await self._sender.json(call))

    async def find_similar_tickets(
        self,
        text: str,
        *,
        limit: int | None = None,
        least: float | None = None,
        resolved_only: bool | None = None,
    ) -> bodies.SimilarResponse:
        """Tickets of the past that are like a new one, among those you may see (``POST
        /v1/triage/similar``).

        Args:
            text: summary first
            least: similarity; from 0.8 on two tickets say the same
        """
        call = Call(
            "POST",
            "/v1/triage/similar",
            body={"text": text, **sent({"limit": limit, "least": least, "resolved_only": resolved_only})},
            reads=True,
        )
        return bodies.SimilarResponse(await self._sender.json(call))

    async def find_ticket_clusters(
        self,
        tickets: Sequence[given.NewTicket],
        *,
        window_minutes: float | None = None,
        least: int | None = None,
        similarity: float | None = None,
    ) -> bodies.ClustersResponse:
        """Major incidents among these tickets, the largest first; for operators (``POST
        /v1/triage/clusters``).

        Args:
            least: tickets that make a cluster
        """
        call = Call(
            "POST",
            "/v1/triage/clusters",
            body={
                "tickets": tickets,
                **sent({"window_minutes": window_minutes, "least": least, "similarity": similarity}),
            },
            reads=True,
        )
        return bodies.ClustersResponse(await self._sender.json(call))

    async def get_training(self, training_id: UUID | str) -> bodies.TrainingBody:
        """How far a training is; for operators (``GET /v1/triage/trainings/{training_id}``)."""
        call = Call("GET", f"/v1/triage/trainings/{part(training_id)}")
        return bodies.TrainingBody(*await self._sender.tagged(call))

    async def list_models(self) -> bodies.TriageModelList:
        """The trained models, newest first, with how good they are (``GET /v1/triage/models``)."""
        call = Call("GET", "/v1/triage/models")
        return bodies.TriageModelList(*await self._sender.tagged(call))

    async def list_trainings(self) -> bodies.TrainingList:
        """The last trainings by workers, newest first; for operators (``GET /v1/triage/trainings``)."""
        call = Call("GET", "/v1/triage/trainings")
        return bodies.TrainingList(*await self._sender.tagged(call))

    async def predict(
        self, texts: Sequence[str], *, threshold: float | None = None
    ) -> bodies.PredictResponse:
        """What people would choose for these tickets, how sure that is, and why (``POST
        /v1/triage/predict``).

        Args:
            threshold: abstain below this; default the model's
        """
        call = Call(
            "POST", "/v1/triage/predict", body={"texts": texts, **sent({"threshold": threshold})}, reads=True
        )
        return bodies.PredictResponse(await self._sender.json(call))

    async def train(
        self, *, threshold: float | None = None, embed: bool | None = None
    ) -> bodies.TrainingBody:
        """Have a worker learn from the synchronised tickets; for operators (``POST
        /v1/triage/trainings``).

        Args:
            threshold: confidence below which is abstained
            embed: let meaning count beside words, where an embedder is
        """
        call = Call("POST", "/v1/triage/trainings", body={**sent({"threshold": threshold, "embed": embed})})
        return bodies.TrainingBody(await self._sender.json(call))


class AsyncUsage:
    """``client.usage``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def report(
        self,
        by: Sequence[Literal["tenant", "user", "key", "feature", "model", "deployment", "day", "outcome"]],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> bodies.UsageReport:
        """What model calls used and cost (``GET /v1/usage``)."""
        call = Call("GET", "/v1/usage", query={"by": by, "since": since, "until": until})
        return bodies.UsageReport(*await self._sender.tagged(call))


class AsyncUsers:
    """``client.users``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add(
        self,
        name: str,
        *,
        display_name: str | None = None,
        kind: Literal["user", "service"] | None = None,
        groups: Sequence[str] | None = None,
        role: Literal["operator", "member"] | None = None,
    ) -> bodies.UserBody:
        """Add a user; groups that do not exist are made; for operators (``POST /v1/users``).

        Args:
            name: printable
            role: operator: an admin, which only who is one may add
        """
        call = Call(
            "POST",
            "/v1/users",
            body={
                "name": name,
                **sent({"display_name": display_name, "kind": kind, "groups": groups, "role": role}),
            },
        )
        return bodies.UserBody(await self._sender.json(call))

    async def list(self) -> bodies.UserList:
        """Users, by name; for operators (``GET /v1/users``)."""
        call = Call("GET", "/v1/users")
        return bodies.UserList(*await self._sender.tagged(call))

    async def set_groups(self, name: str, groups: Sequence[str]) -> bodies.UserBody:
        """Replace a user's memberships; for operators (``PUT /v1/users/{name}/groups``)."""
        call = Call("PUT", f"/v1/users/{part(name)}/groups", body={"groups": groups})
        return bodies.UserBody(await self._sender.json(call))


class AsyncWebhooks:
    """``client.webhooks``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add(
        self, url: str, *, types: Sequence[str] | None = None, description: str | None = None
    ) -> bodies.NewWebhookBody:
        """Have an address be told of events; the secret is shown this once (``POST /v1/webhooks``).

        Args:
            url: of https, in public networks, or a host the installation allows
            types: of events; run.* for all that begin so, * for all
        """
        call = Call(
            "POST", "/v1/webhooks", body={"url": url, **sent({"types": types, "description": description})}
        )
        return bodies.NewWebhookBody(await self._sender.json(call))

    async def change(
        self,
        webhook_id: UUID | str,
        *,
        if_match: str | None = None,
        url: str | None = None,
        types: Sequence[str] | None = None,
        description: str | None = None,
    ) -> bodies.WebhookBody:
        """Change the address, the types or the description (``PATCH /v1/webhooks/{webhook_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call(
            "PATCH",
            f"/v1/webhooks/{part(webhook_id)}",
            body={**sent({"url": url, "types": types, "description": description})},
            if_match=if_match,
        )
        return bodies.WebhookBody(await self._sender.json(call))

    async def delete(self, webhook_id: UUID | str, *, if_match: str | None = None) -> None:
        """Delete a webhook with its deliveries (``DELETE /v1/webhooks/{webhook_id}``).

        Args:
            if_match: `etag` of what was read: act only while it is the same
        """
        call = Call("DELETE", f"/v1/webhooks/{part(webhook_id)}", if_match=if_match)
        await self._sender.nothing(call)

    async def disable(self, webhook_id: UUID | str) -> bodies.WebhookBody:
        """Send nothing more (``POST /v1/webhooks/{webhook_id}/disable``)."""
        call = Call("POST", f"/v1/webhooks/{part(webhook_id)}/disable")
        return bodies.WebhookBody(await self._sender.json(call))

    async def enable(self, webhook_id: UUID | str) -> bodies.WebhookBody:
        """Send again, what waits first (``POST /v1/webhooks/{webhook_id}/enable``)."""
        call = Call("POST", f"/v1/webhooks/{part(webhook_id)}/enable")
        return bodies.WebhookBody(await self._sender.json(call))

    async def get(self, webhook_id: UUID | str) -> bodies.WebhookBody:
        """A webhook, without its secret (``GET /v1/webhooks/{webhook_id}``)."""
        call = Call("GET", f"/v1/webhooks/{part(webhook_id)}")
        return bodies.WebhookBody(*await self._sender.tagged(call))

    async def list(self) -> bodies.WebhookList:
        """Webhooks; for operators (``GET /v1/webhooks``)."""
        call = Call("GET", "/v1/webhooks")
        return bodies.WebhookList(*await self._sender.tagged(call))

    async def list_deliveries(
        self,
        webhook_id: UUID | str,
        *,
        state: Literal["pending", "delivered", "dead"] | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> bodies.DeliveryList:
        """What was sent to a webhook or waits, newest first (``GET
        /v1/webhooks/{webhook_id}/deliveries``).

        Args:
            before: `next` of the page before
        """
        call = Call(
            "GET",
            f"/v1/webhooks/{part(webhook_id)}/deliveries",
            query={"state": state, "limit": limit, "before": before},
        )
        return bodies.DeliveryList(*await self._sender.tagged(call))

    def each_deliveries(
        self,
        webhook_id: UUID | str,
        *,
        state: Literal["pending", "delivered", "dead"] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.DeliveryBody]:
        """What was sent to a webhook or waits, newest first: all of them, page by page (``GET
        /v1/webhooks/{webhook_id}/deliveries``)."""
        return every(
            lambda cursor: self.list_deliveries(webhook_id, state=state, limit=limit, before=cursor),
            lambda page: page.deliveries,
        )

    async def list_event_types(self) -> bodies.EventTypeList:
        """The types of events that webhooks can be told of (``GET /v1/webhooks/types``)."""
        call = Call("GET", "/v1/webhooks/types")
        return bodies.EventTypeList(*await self._sender.tagged(call))

    async def replay_dead_letters(self, webhook_id: UUID | str, since: datetime) -> bodies.ReplayedBody:
        """Have the dead letters of a webhook be sent again, the oldest first (``POST
        /v1/webhooks/{webhook_id}/replay``).

        Args:
            since: those that were given up from then on
        """
        call = Call("POST", f"/v1/webhooks/{part(webhook_id)}/replay", body={"since": since})
        return bodies.ReplayedBody(await self._sender.json(call))

    async def rotate_secret(
        self, webhook_id: UUID | str, *, overlap_hours: float | None = None
    ) -> bodies.NewWebhookBody:
        """A new secret, shown this once; both sign until the overlap is over (``POST
        /v1/webhooks/{webhook_id}/rotate``).

        Args:
            overlap_hours: 0 where the old one has leaked
        """
        call = Call(
            "POST", f"/v1/webhooks/{part(webhook_id)}/rotate", body={**sent({"overlap_hours": overlap_hours})}
        )
        return bodies.NewWebhookBody(await self._sender.json(call))

    async def test(self, webhook_id: UUID | str) -> bodies.DeliveryBody:
        """Have a worker send a test event; its delivery (``POST /v1/webhooks/{webhook_id}/test``)."""
        call = Call("POST", f"/v1/webhooks/{part(webhook_id)}/test")
        return bodies.DeliveryBody(await self._sender.json(call))


class AsyncWorkflows:
    """``client.workflows``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def add_schedule(
        self,
        name: str,
        workflow: str,
        *,
        input: Mapping[str, Any] | None = None,
        cron: str | None = None,
        zone: str | None = None,
        on: Literal["ticket.created", "ticket.updated", "sla.at_risk", "webhook"] | None = None,
        connection: str | None = None,
        minutes: int | None = None,
    ) -> bodies.ScheduleBody:
        """Have a workflow begin at times or on events (``POST /v1/workflows/schedules``).

        Args:
            cron: five fields
        """
        call = Call(
            "POST",
            "/v1/workflows/schedules",
            body={
                "name": name,
                "workflow": workflow,
                **sent(
                    {
                        "input": input,
                        "cron": cron,
                        "zone": zone,
                        "on": on,
                        "connection": connection,
                        "minutes": minutes,
                    }
                ),
            },
        )
        return bodies.ScheduleBody(await self._sender.json(call))

    async def disable_schedule(self, name: str) -> None:
        """Have a schedule begin nothing (``POST /v1/workflows/schedules/{name}/disable``)."""
        call = Call("POST", f"/v1/workflows/schedules/{part(name)}/disable")
        await self._sender.nothing(call)

    async def enable_schedule(self, name: str) -> None:
        """Let a schedule begin runs again; what was due meanwhile is passed over (``POST
        /v1/workflows/schedules/{name}/enable``)."""
        call = Call("POST", f"/v1/workflows/schedules/{part(name)}/enable")
        await self._sender.nothing(call)

    async def list(self) -> bodies.WorkflowList:
        """Workflows that can be run (``GET /v1/workflows``)."""
        call = Call("GET", "/v1/workflows")
        return bodies.WorkflowList(*await self._sender.tagged(call))

    async def list_schedules(self) -> bodies.ScheduleList:
        """What begins workflows by itself; for operators (``GET /v1/workflows/schedules``)."""
        call = Call("GET", "/v1/workflows/schedules")
        return bodies.ScheduleList(*await self._sender.tagged(call))

    async def remove_schedule(self, name: str) -> None:
        """Remove a schedule; its runs stay (``DELETE /v1/workflows/schedules/{name}``)."""
        call = Call("DELETE", f"/v1/workflows/schedules/{part(name)}")
        await self._sender.nothing(call)

    async def start(
        self, name: str, *, input: Mapping[str, Any] | None = None, untrusted: bool | None = None
    ) -> bodies.RunIdBody:
        """Have a worker run a workflow (``POST /v1/workflows/{name}/runs``).

        Args:
            untrusted: whether others wrote the input
        """
        call = Call(
            "POST",
            f"/v1/workflows/{part(name)}/runs",
            body={**sent({"input": input, "untrusted": untrusted})},
        )
        return bodies.RunIdBody(await self._sender.json(call))


class AsyncWrites:
    """``client.writes``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get(self, write_id: UUID | str) -> bodies.WriteBody:
        """A write with its difference and what became of it (``GET /v1/writes/{write_id}``)."""
        call = Call("GET", f"/v1/writes/{part(write_id)}")
        return bodies.WriteBody(*await self._sender.tagged(call))

    async def list(
        self,
        *,
        state: Sequence[Literal["proposed", "sending", "applied", "absent", "uncertain", "rejected"]]
        | None = None,
        connection: str | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> bodies.WriteList:
        """Writes of people and agents, newest first; for operators (``GET /v1/writes``).

        Args:
            before: `next` of the page before
        """
        call = Call(
            "GET",
            "/v1/writes",
            query={"state": state, "connection": connection, "limit": limit, "before": before},
        )
        return bodies.WriteList(*await self._sender.tagged(call))

    def each(
        self,
        *,
        state: Sequence[Literal["proposed", "sending", "applied", "absent", "uncertain", "rejected"]]
        | None = None,
        connection: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bodies.WriteBody]:
        """Writes of people and agents, newest first; for operators: all of them, page by page (``GET
        /v1/writes``)."""
        return every(
            lambda cursor: self.list(state=state, connection=connection, limit=limit, before=cursor),
            lambda page: page.writes,
        )

    async def propose(
        self,
        name: str,
        act: Literal["create", "comment", "update", "assign", "transition", "attach", "publish"],
        *,
        target: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> bodies.WriteBody:
        """What would be written, as a difference in the vendor's terms; nothing is sent; for operators
        (``POST /v1/connectors/{name}/writes``).

        Args:
            target: the record; empty to create one
            values: of the act, see the vendor's page; of a file name, content_type, size and digest
                (SHA-256 in hex)
        """
        call = Call(
            "POST",
            f"/v1/connectors/{part(name)}/writes",
            body={"act": act, **sent({"target": target, "values": values})},
        )
        return bodies.WriteBody(await self._sender.json(call))

    async def reconcile(self, write_id: UUID | str) -> bodies.WriteBody:
        """Ask the vendor what became of a write whose outcome is not known (``POST
        /v1/writes/{write_id}/reconcile``)."""
        call = Call("POST", f"/v1/writes/{part(write_id)}/reconcile")
        return bodies.WriteBody(await self._sender.json(call))

    async def reject(self, write_id: UUID | str) -> bodies.WriteBody:
        """Decide that a write is not sent (``POST /v1/writes/{write_id}/reject``)."""
        call = Call("POST", f"/v1/writes/{part(write_id)}/reject")
        return bodies.WriteBody(await self._sender.json(call))

    async def resolve(self, write_id: UUID | str, written: bool) -> bodies.WriteBody:
        """Say what a person has seen at the vendor of a write that is uncertain (``POST
        /v1/writes/{write_id}/resolve``)."""
        call = Call("POST", f"/v1/writes/{part(write_id)}/resolve", body={"written": written})
        return bodies.WriteBody(await self._sender.json(call))

    async def send(self, write_id: UUID | str, *, content: File | None = None) -> bodies.WriteBody:
        """Send a write once and read it back; the body is the file that is attached, none for other acts
        (``POST /v1/writes/{write_id}/send``).

        Args:
            content: the file that is sent
        """
        call = Call(
            "POST", f"/v1/writes/{part(write_id)}/send", upload=None if content is None else Content(content)
        )
        return bodies.WriteBody(await self._sender.json(call))


class AsyncResources:
    """All resources of a service."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.access = AsyncAccess(sender)
        self.agents = AsyncAgents(sender)
        self.approvals = AsyncApprovals(sender)
        self.audit = AsyncAudit(sender)
        self.budgets = AsyncBudgets(sender)
        self.chat = AsyncChat(sender)
        self.connectors = AsyncConnectors(sender)
        self.conversations = AsyncConversations(sender)
        self.deliveries = AsyncDeliveries(sender)
        self.deployments = AsyncDeployments(sender)
        self.documents = AsyncDocuments(sender)
        self.embeddings = AsyncEmbeddings(sender)
        self.evidence = AsyncEvidence(sender)
        self.experiments = AsyncExperiments(sender)
        self.feedback = AsyncFeedback(sender)
        self.grants = AsyncGrants(sender)
        self.groups = AsyncGroups(sender)
        self.ingests = AsyncIngests(sender)
        self.installation = AsyncInstallation(sender)
        self.jobs = AsyncJobs(sender)
        self.keys = AsyncKeys(sender)
        self.memories = AsyncMemories(sender)
        self.models = AsyncModels(sender)
        self.operations = AsyncOperations(sender)
        self.privacy = AsyncPrivacy(sender)
        self.prompts = AsyncPrompts(sender)
        self.quality = AsyncQuality(sender)
        self.redaction = AsyncRedaction(sender)
        self.requests = AsyncRequests(sender)
        self.roles = AsyncRoles(sender)
        self.runs = AsyncRuns(sender)
        self.tenants = AsyncTenants(sender)
        self.triage = AsyncTriage(sender)
        self.usage = AsyncUsage(sender)
        self.users = AsyncUsers(sender)
        self.webhooks = AsyncWebhooks(sender)
        self.workflows = AsyncWorkflows(sender)
        self.writes = AsyncWrites(sender)

    async def ask(
        self, question: str, *, filter: given.FilterBody | None = None, conversation: str | None = None
    ) -> bodies.AnswerBody:
        """Get a cited answer; as server-sent events with `Accept: text/event-stream` (``POST /v1/ask``).

        Args:
            conversation: id of a conversation of your own that the question continues, or `new`
        """
        call = Call(
            "POST",
            "/v1/ask",
            body={"question": question, **sent({"filter": filter, "conversation": conversation})},
        )
        return bodies.AnswerBody(await self._sender.json(call))

    def ask_stream(
        self, question: str, *, filter: given.FilterBody | None = None, conversation: str | None = None
    ) -> AsyncIterator[Event[bodies.AnswerDelta | bodies.AnswerBody]]:
        """Get a cited answer; as server-sent events with `Accept: text/event-stream`: as events delta,
        answer (``POST /v1/ask``).

        Args:
            conversation: id of a conversation of your own that the question continues, or `new`
        """
        call = Call(
            "POST",
            "/v1/ask",
            body={"question": question, **sent({"filter": filter, "conversation": conversation})},
            resumes=True,
        )
        return told(
            self._sender.events(call, until="answer"),
            {"delta": bodies.AnswerDelta, "answer": bodies.AnswerBody},
        )

    async def search(
        self, query: str, *, limit: int | None = None, filter: given.FilterBody | None = None
    ) -> bodies.SearchResponse:
        """Find passages (``POST /v1/search``)."""
        call = Call(
            "POST",
            "/v1/search",
            body={"query": query, **sent({"limit": limit, "filter": filter})},
            reads=True,
        )
        return bodies.SearchResponse(await self._sender.json(call))
