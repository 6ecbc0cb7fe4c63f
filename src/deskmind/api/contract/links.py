"""Where an operation leads: what was made can be read, changed and removed by the id in the response."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["LINKS", "Lead", "add_links"]


class Lead(NamedTuple):
    """One parameter that is known from a response, or from the request, and the operations that take it.

    Attributes:
        parameter: its name.
        value: a runtime expression; a bare name is a field of the response.
        targets: ids of operations.
    """

    parameter: str
    value: str
    targets: tuple[str, ...]


_OF_RUN = ("getRun", "followRun", "pauseRun", "resumeRun", "cancelRun", "forkRun", "replayRun")
_OF_AGENT = ("getAgent", "listAgentVersions", "publishAgent", "testAgent", "runAgent")
_OF_AGENT_RUN = ("getAgentRun", "cancelAgentRun", "resumeAgentRun")
_OF_APPROVAL = ("getApproval", "approve", "reject", "editApproval")
_OF_CONNECTOR = (
    *("getConnector", "syncConnector", "proposeWrite", "testConnector", "previewSync", "resetSync"),
    *("showConnectorSecret", "removeConnector"),
)
_OF_CONVERSATION = (
    *("getConversation", "renameConversation", "appendTurns"),
    *("summariseConversation", "eraseConversation"),
)
_OF_DOCUMENT = ("getDocument", "deleteDocument")
_OF_EXPERIMENT = ("getExperimentReport", "weighExperiment", "stopExperiment")
_OF_MEMORY = ("getMemory", "correctMemory", "forgetMemory")
_OF_PROMPT = ("getPrompt", "listPromptVersions", "exportPrompt", "renderPrompt")
_OF_WEBHOOK = (
    *("getWebhook", "changeWebhook", "testWebhook", "listDeliveries", "rotateWebhookSecret"),
    *("disableWebhook", "enableWebhook", "deleteWebhook"),
)
_OF_WRITE = ("getWrite", "sendWrite", "rejectWrite", "reconcileWrite", "resolveWrite")

LINKS: dict[str, tuple[Lead, ...]] = {
    "search": (Lead("document_id", "passages/0/document_id", _OF_DOCUMENT),),
    "ask": (Lead("request_id", "request_id", ("explainRequest",)),),
    "listDocuments": (Lead("document_id", "documents/0/document_id", _OF_DOCUMENT),),
    "setBudget": (Lead("name", "$request.path.name", ("deleteBudget",)),),
    "defineRole": (Lead("name", "$request.path.name", ("deleteRole",)),),
    "grantRole": (Lead("role", "role", ("revokeRole",)),),
    "createTenant": (Lead("slug", "tenant/slug", ("getTenant", "eraseTenant")),),
    "listTenants": (Lead("slug", "tenants/0/slug", ("getTenant",)),),
    "addUser": (Lead("name", "name", ("setUserGroups",)),),
    "createKey": (Lead("key_id", "key_id", ("rotateKey", "revokeKey")),),
    "searchAuditEvents": (Lead("event_id", "events/0/event_id", ("proveAuditEvent",)),),
    "addDocument": (Lead("ingest_id", "ingest_id", ("getIngest",)),),
    "uploadDocument": (Lead("ingest_id", "ingest_id", ("getIngest",)),),
    "setRedactionPattern": (Lead("name", "$request.path.name", ("removeRedactionPattern",)),),
    "listPrompts": (Lead("name", "prompts/0/name", _OF_PROMPT),),
    "savePrompt": (Lead("name", "name", _OF_PROMPT),),
    "listExperiments": (Lead("name", "experiments/0/name", _OF_EXPERIMENT),),
    "startExperiment": (Lead("name", "name", _OF_EXPERIMENT),),
    "listConversations": (Lead("conversation_id", "conversations/0/conversation_id", _OF_CONVERSATION),),
    "createConversation": (Lead("conversation_id", "conversation_id", _OF_CONVERSATION),),
    "listRequests": (Lead("request_id", "requests/0/request_id", ("explainRequest",)),),
    "erasePerson": (Lead("erasure_id", "erasure_id", ("getErasure",)),),
    "placeHold": (Lead("hold_id", "hold_id", ("releaseHold",)),),
    "trainTriage": (Lead("training_id", "training_id", ("getTriageTraining",)),),
    "listConnectors": (Lead("name", "connectors/0/name", _OF_CONNECTOR),),
    "addConnector": (Lead("name", "name", _OF_CONNECTOR),),
    "listJobs": (Lead("job_id", "jobs/0/job_id", ("getJob", "cancelJob")),),
    "proposeWrite": (Lead("write_id", "write_id", _OF_WRITE),),
    "listWrites": (Lead("write_id", "writes/0/write_id", _OF_WRITE),),
    "listAgentRuns": (Lead("run_id", "runs/0/run_id", _OF_AGENT_RUN),),
    "startAgentRun": (Lead("run_id", "run_id", _OF_AGENT_RUN),),
    "stopTool": (Lead("tool", "$request.path.tool", ("allowTool",)),),
    "listAgentBlocks": (Lead("subject", "blocks/0/subject", ("liftAgentBlock",)),),
    "listApprovals": (Lead("proposal_id", "proposals/0/proposal_id", _OF_APPROVAL),),
    "listWorkflows": (Lead("name", "workflows/0/name", ("startWorkflow",)),),
    "startWorkflow": (Lead("run_id", "run_id", _OF_RUN),),
    "forkRun": (Lead("run_id", "run_id", _OF_RUN),),
    "listRuns": (Lead("run_id", "runs/0/run_id", _OF_RUN),),
    "addSchedule": (Lead("name", "name", ("removeSchedule", "enableSchedule", "disableSchedule")),),
    "listAgents": (Lead("name", "agents/0/name", _OF_AGENT),),
    "defineAgent": (Lead("name", "name", _OF_AGENT),),
    "runAgent": (Lead("run_id", "run_id", _OF_AGENT_RUN),),
    "listMemories": (Lead("memory_id", "memories/0/memory_id", _OF_MEMORY),),
    "addMemory": (Lead("memory_id", "memory_id", _OF_MEMORY),),
    "addWebhook": (Lead("webhook_id", "webhook_id", _OF_WEBHOOK),),
    "listWebhooks": (Lead("webhook_id", "webhooks/0/webhook_id", _OF_WEBHOOK),),
    "testWebhook": (Lead("delivery_id", "delivery_id", ("getDelivery", "replayDelivery")),),
    "listModels": (Lead("model", "data/0/id", ("getModel",)),),
}


def add_links(said: dict[str, Any]) -> None:
    """Say where the successful response of an operation leads."""
    leads = LINKS.get(said["operationId"], ())
    if not leads:
        return
    made = [said["responses"][status] for status in sorted(said["responses"]) if status.startswith("2")]
    made[-1]["links"] = {
        target: {
            "operationId": target,
            "parameters": {
                lead.parameter: lead.value if lead.value.startswith("$") else f"$response.body#/{lead.value}"
            },
        }
        for lead in leads
        for target in lead.targets
    }
