"""Every operation of the OpenAPI document, tried by those who may not: nobody's key, a lesser role, another tenant, another user.

A new operation fails here until it is said what it is about: put its id beside the kind of object that its path names.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deskmind.agents import ToolContext, tool
from deskmind.agents.definitions.spec import AgentSpec
from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.prompts.experiments import Variant
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall
from deskmind.sandbox.servicenow import ServiceNowSandbox

_UNSIGNED = {"receiveWebhook", "health", "ready"}
_OF_OBJECTS: dict[str, set[str]] = {
    "agent": {"getAgent", "listAgentVersions", "publishAgent", "testAgent", "runAgent"},
    "agent run": {"getAgentRun", "cancelAgentRun", "resumeAgentRun"},
    "block": {"liftAgentBlock"},
    "connector": {
        *("getConnector", "listRecords", "syncConnector", "proposeWrite", "removeConnector"),
        *("showConnectorSecret", "testConnector", "previewSync", "resetSync"),
    },
    "conversation": {
        *(
            "getConversation",
            "renameConversation",
            "eraseConversation",
            "appendTurns",
            "summariseConversation",
        ),
    },
    "document": {"getDocument", "deleteDocument"},
    "erasure": {"getErasure"},
    "event": {"proveAuditEvent"},
    "experiment": {"getExperimentReport", "weighExperiment", "stopExperiment"},
    "hold": {"releaseHold"},
    "ingest": {"getIngest"},
    "job": {"getJob", "cancelJob"},
    "key": {"rotateKey", "revokeKey"},
    "memory": {"getMemory", "correctMemory", "forgetMemory"},
    "model": {"getModel"},
    "pattern": {"removeRedactionPattern"},
    "prompt": {
        *("getPrompt", "listPromptVersions", "exportPrompt", "diffPrompt", "renderPrompt"),
        *("movePromptLabel", "rollbackPromptLabel"),
    },
    "proposal": {"getApproval", "approve", "reject", "editApproval"},
    "request": {"explainRequest"},
    "role": {"deleteRole"},
    "run": {"getRun", "followRun", "pauseRun", "resumeRun", "cancelRun", "forkRun", "replayRun"},
    "schedule": {"removeSchedule", "enableSchedule", "disableSchedule"},
    "training": {"getTriageTraining"},
    "user": {"setUserGroups"},
    "webhook": {
        *("getWebhook", "changeWebhook", "deleteWebhook", "rotateWebhookSecret", "enableWebhook"),
        *("disableWebhook", "testWebhook", "listDeliveries", "replayDeadLetters"),
    },
    "delivery": {"getDelivery", "replayDelivery"},
    "write": {"getWrite", "sendWrite", "rejectWrite", "reconcileWrite", "resolveWrite"},
}
_OF_ONE = {"agent run", "conversation", "ingest", "memory", "request", "run"}
"""Of one user, and not of the tenant."""

_OWN_NAMES = {
    *("getTenant", "eraseTenant"),
    *("setBudget", "deleteBudget", "defineRole", "addGroup", "getPromptLabel", "startWorkflow"),
    *("stopTool", "allowTool", "setRedactionPattern", "setRedactionAction"),
}
"""A name in them is the caller's own tenant's, or the installation's, whatever others have by it."""

_OF_REQUESTERS = {
    *("search", "ask", "listDocuments", "addDocument", "uploadDocument", "getDocument", "deleteDocument"),
    *("getIngest", "reportUsage", "checkAccess", "listPrompts", "getPrompt", "listPromptVersions"),
    *("exportPrompt", "diffPrompt", "renderPrompt", "getPromptLabel", "listConversations"),
    *("createConversation", "getConversation", "renameConversation", "eraseConversation", "appendTurns"),
    *("summariseConversation", "listRequests", "explainRequest", "giveFeedback", "listFeedback"),
    *("predictTriage", "listTriageModels", "findSimilarTickets", "listMemories", "addMemory", "getMemory"),
    *("correctMemory", "forgetMemory", "recallMemories", "listModels", "getModel", "createChatCompletion"),
    *("createEmbeddings", "listEventTypes", "listDeployments"),
}
"""What every requester may do, with what is their own."""


@tool(effect="write")
async def jot(context: ToolContext, text: str) -> str:
    """Write a note."""
    del context, text
    return "written"


@dataclass(frozen=True)
class Stage:
    """A tenant with something of each kind, most of it of ann, and who may not have it."""

    client: httpx.AsyncClient
    operations: list[tuple[str, str, dict[str, Any]]]
    keys: dict[str, str]
    objects: dict[str, str]

    async def send(
        self, path: str, method: str, said: dict[str, Any], key: str | None, named: dict[str, str]
    ) -> httpx.Response:
        """One request as the document's example has it, about one object."""
        query: dict[str, Any] = {}
        for one in said.get("parameters", ()):
            if one["in"] == "path":
                path = path.replace(f"{{{one['name']}}}", named.get(one["name"], str(one["example"])))
            elif one["in"] == "query" and "example" in one:
                query[one["name"]] = one["example"]
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        content = said.get("requestBody", {}).get("content", {})
        more: dict[str, Any] = {}
        if "application/json" in content:
            more["json"] = content["application/json"]["example"]
        elif "multipart/form-data" in content:
            more["files"] = {"file": ("a.md", b"# A\n\nprinter toner")}
        return await self.client.request(method.upper(), path, params=query, headers=headers, **more)

    def about(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """The operations whose path names an object, with its kind."""
        kinds = {name: kind for kind, names in _OF_OBJECTS.items() for name in names}
        for path, method, said in self.operations:
            if said["operationId"] in kinds:
                yield kinds[said["operationId"]], path, method, said


@pytest.fixture(scope="module")
async def stage(app: Deskmind, desk_home: Path, serving: Any) -> AsyncIterator[Stage]:
    """One for all tests of the file: what they try is denied, and changes nothing."""
    async with (
        ModelSandbox() as sandbox,
        ServiceNowSandbox(size="tiny") as box,
        _with_models(desk_home, sandbox) as modelled,
        serving(create_app(app=modelled)) as address,
        httpx.AsyncClient(base_url=address, timeout=60) as client,
    ):
        for name in ("walked", "elsewhere"):
            await app.tenants.create(name)
        operator = await modelled.desk(tenant="walked")
        keys = await _keys(modelled, operator, "elsewhere")
        await operator.connections.add("now", box.vendor, box.url, box.credentials, every_seconds=0)
        objects = await _objects(modelled, operator, sandbox)
        document = (await client.get("/openapi.json")).json()
        operations = [
            (path, method, said)
            for path, methods in document["paths"].items()
            for method, said in methods.items()
            if said["operationId"] not in _UNSIGNED
        ]
        yield Stage(client, operations, keys, objects)


def _with_models(home: Path, sandbox: ModelSandbox) -> Deskmind:
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    return Deskmind.open(
        home=home,
        knowledge={"embedder": "hashing"},
        api={"embedded_worker": False},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        limits={"refused": ""},
    )


async def _keys(app: Deskmind, operator: Desk, elsewhere: str) -> dict[str, str]:
    stranger = await app.desk(tenant=elsewhere)
    await stranger.principals.add_user("spy", role="operator")
    for name in ("ann", "ben", "req"):
        await operator.principals.add_user(name)
    for name in ("ann", "ben"):
        await operator.access.grant("technician", user=name)
    keys = {name: (await operator.keys.create(name)).secret for name in ("ann", "ben", "req")}
    keys["spy"] = (await stranger.keys.create("spy")).secret
    ended = datetime.now(UTC) - timedelta(seconds=1)
    keys["expired"] = (await operator.keys.create("ann", expires_at=ended)).secret
    gone = await operator.keys.create("ann")
    await operator.keys.revoke(gone.key_id)
    keys["revoked"] = gone.secret
    mine, theirs = keys["ann"].split("_"), keys["spy"].split("_")
    keys["of another tenant"] = "_".join((mine[0], theirs[1], *mine[2:]))
    return keys


async def _objects(app: Deskmind, operator: Desk, sandbox: ModelSandbox) -> dict[str, str]:
    ann = await app.desk(tenant=operator.scope.tenant, user="ann")
    return {
        **await _of_the_tenant(app, operator),
        **await _of_ann(ann),
        **await _of_agents(ann, app, sandbox),
    }


async def _of_the_tenant(app: Deskmind, operator: Desk) -> dict[str, str]:
    await operator.principals.add_user("leaver")
    await operator.access.define_role("reader", ["audit:read"])
    await operator.redaction.add_pattern("staff-number", "EMP-[0-9]{6}")
    prompt = "name: greeting\nmessages:\n- {role: user, content: Hello.}\n"
    await operator.prompts.import_(prompt, label="production")
    await operator.experiments.start(
        "brevity", "greeting", [Variant("control", 1, 1), Variant("again", 1, 1)]
    )
    agent = {"name": "welcomer", "instructions": "Greet.", "model": "fast"}
    await operator.stored_agents.save(AgentSpec.model_validate(agent))
    await operator.stored_agents.publish("welcomer")
    await operator.schedules.add("nightly", "shift-handover", {"connection": "now"}, cron="0 6 * * *")
    written = await operator.writes.propose("now", "create", "", {"title": "Printer on fire"})
    training = await operator.triage.retrain(embed=False)
    erasure = await operator.privacy.request_erasure("leaver")
    hold = await operator.privacy.hold("somebody@example.com", "case 7")
    key = await operator.keys.create("ann")
    webhook = (await operator.webhooks.add("https://hooks.example.com/deskmind")).webhook
    delivery = await operator.webhooks.test(webhook.webhook_id)
    await app.sealing.seal()
    event = (await operator.audit_log.search())[-1]
    return {
        **{"role": "reader", "prompt": "greeting", "experiment": "brevity", "agent": "welcomer"},
        **{"schedule": "nightly", "connector": "now", "user": "ann", "model": "nobody's"},
        "pattern": "staff-number",
        "write": str(written.write_id),
        "training": str(training.training_id),
        "job": str((await operator.jobs.list(task="triage.train"))[0].job_id),
        "erasure": str(erasure.erasure_id),
        "hold": str(hold.hold_id),
        "key": str(key.key_id),
        "webhook": str(webhook.webhook_id),
        "delivery": str(delivery.delivery_id),
        "event": str(event.event_id),
    }


async def _of_ann(ann: Desk) -> dict[str, str]:
    taken = await ann.knowledge.add("fee.md", b"# Fee\n\nThe parking fee is 40 euros.")
    (document, *_) = await ann.knowledge.documents()
    answer = await ann.ask("What is the parking fee?")
    conversation = await ann.conversations.create("parking")
    from deskmind.agents.memory import Draft

    memory = await ann.memories.add(Draft("My printer is HP-22.", "semantic", "printer", 0.5))
    return {
        "ingest": str(taken.ingest_id),
        "document": str(document.document_id),
        "request": answer.request_id,
        "conversation": str(conversation.about.conversation_id),
        "memory": str(memory.memory_id),
        "run": str(await ann.workflows.start("shift-handover", {"connection": "now"})),
    }


async def _of_agents(ann: Desk, app: Deskmind, sandbox: ModelSandbox) -> dict[str, str]:
    sandbox.script([Reply(tool_calls=(ToolCall("jot", {"text": text}),)) for text in ("one", "two")])
    agent = ann.agent("noter", instructions="Note.", tools=[jot], model="fast")
    run = await agent.run("Note one.")
    await agent.run("Note two.")
    ben = await app.desk(tenant=ann.scope.tenant, user="ben")
    first, second = (one.proposal_id for one in await ben.approvals.list())
    await ben.approvals.reject(second, lasting=True)
    (block,) = await ben.agents.blocks()
    return {"agent run": str(run.run_id), "proposal": str(first), "block": block.subject}


async def test_every_operation_is_placed(stage: Stage) -> None:
    placed = set().union(*_OF_OBJECTS.values()) | _OWN_NAMES
    named = {said["operationId"] for path, _, said in stage.operations if "{" in path}
    assert named - placed == set(), "say which kind of object the operation is about"
    assert placed - named == set()
    assert stage.objects.keys() == _OF_OBJECTS.keys()


async def test_without_a_key_that_is_valid_nothing_is_done(stage: Stage) -> None:
    for path, method, said in stage.operations:
        for name in (None, "expired", "revoked", "of another tenant"):
            key = None if name is None else stage.keys[name]
            answer = await stage.send(path, method, said, key, {})
            assert answer.status_code == 401, (said["operationId"], name, answer.text)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "401" in said["responses"]


async def test_a_requester_does_what_requesters_may(stage: Stage) -> None:
    for path, method, said in stage.operations:
        if said["operationId"] not in _OF_REQUESTERS:
            answer = await stage.send(path, method, said, stage.keys["req"], {})
            assert answer.status_code == 403, (said["operationId"], answer.text)
            assert answer.json()["permission"]


async def test_what_is_another_tenants_does_not_exist(stage: Stage) -> None:
    await _denied(stage, "spy", set(_OF_OBJECTS))


async def test_what_is_another_users_does_not_exist(stage: Stage) -> None:
    await _denied(stage, "ben", _OF_ONE)


async def _denied(stage: Stage, who: str, kinds: set[str]) -> None:
    """What is there and what is not are answered with the same words."""
    walked: set[str] = set()
    for kind, path, method, said in stage.about():
        if kind not in kinds:
            continue
        walked.add(kind)
        there = stage.objects[kind]
        absent = str(uuid4()) if re.fullmatch(r"[0-9a-f-]{36}", there) else "absent"
        absent = str(2**62) if there.isdigit() else absent
        answers: list[tuple[int, Any]] = []
        for name in (there, absent):
            parameter = re.search(r"\{(\w+)\}", path)
            assert parameter is not None
            answer = await stage.send(path, method, said, stage.keys[who], {parameter[1]: name})
            body = answer.text.replace(answer.headers["x-request-id"], "…")
            # a number may stand for something else, too
            answers.append((answer.status_code, body if name.isdigit() else body.replace(name, "…")))
        assert answers[0][0] == 404, (said["operationId"], answers[0])
        assert answers[0] == answers[1], said["operationId"]
        assert "404" in said["responses"], said["operationId"]
    assert walked == kinds


async def test_who_is_asking_is_known_before_the_body_is_read(stage: Stage) -> None:
    broken = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert (await stage.client.post("/v1/search", **broken)).status_code == 401
    conditional = {"If-Match": '"x"'}
    assert (await stage.client.put("/v1/access/policy", headers=conditional)).status_code == 401
    broken["headers"] |= {"Authorization": f"Bearer {stage.keys['req']}"}
    assert (await stage.client.post("/v1/search", **broken)).status_code == 422


async def test_another_method_is_told_which_there_are(stage: Stage) -> None:
    for path, methods in (
        ("/v1/documents/upload", "POST"),
        (f"/v1/documents/{uuid4()}", "GET, DELETE"),
        ("/v1/memories/recall", "POST"),
        ("/v1/roles/x", "PUT, DELETE"),
        ("/v1/models", "GET"),
        ("/healthz", "GET"),
    ):
        answer = await stage.client.request("TRACE", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods), path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_requests_as_the_document_shows_them_are_read(stage: Stage) -> None:
    """Last, because the stranger's tenant is another one after it."""
    for path, method, said in stage.operations:
        answer = await stage.send(path, method, said, stage.keys["spy"], {})
        status = answer.status_code
        assert str(status) in said["responses"], (said["operationId"], answer.text)
        assert status < 300 or status in {403, 404, 409}, (said["operationId"], answer.text)
