"""Personal data goes through every public operation, library, HTTP and command line, with redaction on.

None of it is in a model's request, a log line, a span, a metric, a key of the cache, a job or the audit log's plaintext.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.api.conftest import Serve
from tests.cache.conftest import Valkey, shared_valkey, valkey  # noqa: F401
from tests.gateway.test_redacted_desks import (  # noqa: F401
    _TOOLS,
    BADGE,
    CANARIES,
    MAIL,
    NAME,
    PHONE,
    SAID,
    OpenApp,
    Wire,
    logged,
    open_app,
    wire,
)
from tests.isolation.test_operations import _operations
from tests.triage.tickets import tickets

from deskmind.agents import MemoryUse, ToolContext, tool
from deskmind.agents.definitions import AgentSpec, Case, ScriptedReply
from deskmind.agents.memory import Draft
from deskmind.agents.workflows import Flow, workflow
from deskmind.agents.workflows.systems import Systems
from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import DeskmindError, StepFailedError
from deskmind.governance.redaction import DirectoryEntry, EntityType
from deskmind.knowledge.ingest.staging import StagedFile
from deskmind.observability import correlation
from deskmind.observability.content import capture_content, use_redaction
from deskmind.observability.masking import masked
from deskmind.observability.metering import start_metrics
from deskmind.prompts import PromptTemplate, Variable
from deskmind.prompts.messages import Message
from deskmind.prompts.trials import Variant
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.settings import TelemetrySettings

USER = "zorblax.quillfeather"
TEXT = f"# Printing\n\n{SAID}: restart the spooler of the printer.\n"

EXCUSED = {
    "Tenants.create": "a tenant is a customer, its name is public in metrics and logs",
    "Tenants.delete": "as create; what it leaves is tested with erasure of tenants",
    "Tenants.named": "as create",
}
"""Operations that are not driven, and why."""

_SOUGHT = {"900318": r"7700900318|(?<![\w.])900318(?!\w)"}
"""Digits, where they are of a telephone number and not of an id or of a time."""

GROUP = "night-shift"
"""The name of a group stands in the audit log as it is: it is of no person."""
UNTRACED = {"GET /healthz", "GET /readyz", "GET /metrics"}
"""Routes without a span; they are called all the same."""


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the operations that were called."""
    called: set[str] = set()

    def watched(name: str, method: Any) -> Any:
        @functools.wraps(method)
        def calling(*args: Any, **kwargs: Any) -> Any:
            called.add(name)
            return method(*args, **kwargs)

        return calling

    classes = {kind.__qualname__: kind for kind in _classes()}
    for name, method in _operations().items():
        kind, _, attribute = name.partition(".")
        monkeypatch.setattr(classes[kind], attribute, watched(name, method))
    return called


def _classes() -> set[type]:
    modules = {sys.modules[str(method.__module__)] for method in _operations().values()}
    wanted = {name.partition(".")[0] for name in _operations()}
    return {kind for module in modules for name, kind in vars(module).items() if name in wanted}


async def test_canaries_are_nowhere_but_where_they_belong(
    open_app: OpenApp,  # noqa: F811
    wire: Wire,  # noqa: F811
    sandbox: ModelSandbox,
    operator: Desk,
    logged: io.StringIO,  # noqa: F811
    traced: InMemorySpanExporter,
    valkey: Valkey,  # noqa: F811
    serving: Serve,
    desk_home: Path,
    tmp_path: Path,
    driven: set[str],
) -> None:
    start_metrics(TelemetrySettings(), release="test")
    app = await open_app(
        {"ingest": True},
        redis={"url": valkey.url},
        telemetry={"capture_content": True},
        gateway={"flush_seconds": 0.05},
        api={"operator_tenants": [operator.scope.tenant]},
    )
    capture_content(True)
    try:
        desk = await app.desk(tenant=operator.scope.tenant)
        with correlation("canaries-together"):
            await _people(desk)
            await _hooked(desk, app)
            person = await app.desk(tenant=operator.scope.tenant, user=USER)
            await _knowledge(desk, person, sandbox, tmp_path)
            await _models(desk)
            await _prompts(desk, person)
            await _talks(desk, person)
            await _triage(desk)
            await _connected(desk, app)
            await _governance(desk, person)
            await _agents(desk, person, sandbox)
            await _workflows(desk, person, sandbox, app)
            boss = await app.desk(tenant=operator.scope.tenant, user="boss")
            await (await boss.acting_for(USER)).knowledge.search(SAID)
        await _installation(app)
        await _operating(boss)
        async with serving(create_app(app=app)) as address:
            routes = await _http(desk, address)
        await desk.requests.explain("canaries-together")
        command_line = await asyncio.to_thread(_command_line, desk, desk_home, wire, tmp_path)
        await _erasing(desk)
        await app.sealing.seal()
        places = {
            "wire": wire.sent.decode(errors="replace"),
            "log": logged.getvalue(),
            "log of the command line": command_line,
            "spans": "\n".join(span.to_json(indent=None) for span in traced.get_finished_spans()),
            "metrics": _metrics(),
            "keys in memory": repr(list(app.cache._tiers.memory._index)),
            "keys in Valkey": repr(valkey.client.keys("*")),
            **await _stored(app, desk),
        }
    finally:
        capture_content(False)
        use_redaction(masked)
    assert set(_operations()) - driven - set(EXCUSED) == set(), "operations that no canary went through"
    assert set(EXCUSED) <= set(_operations())
    seen = {span.name for span in traced.get_finished_spans()}
    assert routes - seen == UNTRACED, "routes that no canary went through"
    assert all(places.values()), [name for name, text in places.items() if not text]
    assert "EMPLOYEE_ID_1" in places["wire"]
    assert "<PERSON_1>" in places["spans"] or "<PERSON>" in places["spans"]
    leaks = {
        name: [
            text[max(0, found.start() - 150) :][:300]
            for canary in CANARIES
            if (found := re.search(_SOUGHT.get(canary, re.escape(canary)), text, re.IGNORECASE))
        ]
        for name, text in places.items()
    }
    assert not any(leaks.values()), {name: found for name, found in leaks.items() if found}


async def _people(desk: Desk) -> None:
    await desk.principals.add_user(USER, display_name=NAME, groups=["hr"])
    await desk.principals.add_user("boss", role="operator")
    await desk.principals.add_group("night")
    await desk.principals.set_groups(USER, ["hr", "night"])
    await desk.principals.users()
    await desk.principals.groups()
    await desk.principals.scope_of(name=USER)
    await _refused(desk.principals.add_user(USER))
    await _refused(desk.principals.set_groups(f"nobody {NAME}", []))
    key = await desk.keys.create(USER, name=f"laptop of {NAME}")
    await desk.keys.all()
    await desk.keys.rotate(key.key_id)
    await desk.keys.revoke(key.key_id)
    await desk.redaction.know([DirectoryEntry(NAME, EntityType.PERSON)], source="hr")
    await desk.redaction.directory()
    await desk.redaction.forget([NAME], source="hr")
    await desk.redaction.add_pattern("desk-badge", "EMP-[0-9]{6}")
    await desk.redaction.patterns()
    await desk.redaction.remove_pattern("desk-badge")
    await desk.redaction.set_action("PERSON", "placeholder")
    await desk.redaction.actions()
    await desk.redaction.set_action("PERSON", None)
    assert NAME not in (await desk.redaction.redact(SAID)).text
    await desk.redaction.redactor()


async def _hooked(desk: Desk, app: Deskmind) -> None:
    """A webhook whose address and description say what must not be told; it is told of all that follows."""
    made = await desk.webhooks.add(f"https://hooks.invalid/{USER}/{MAIL}", description=f"For {NAME}, {MAIL}")
    webhook_id = made.webhook.webhook_id
    assert NAME in (await desk.webhooks.get(webhook_id)).description
    await desk.webhooks.change(webhook_id, description=SAID.replace("\n", " "))
    await desk.webhooks.rotate(webhook_id)
    begun = await desk.webhooks.test(webhook_id)
    await app.background.deliver_webhook(desk.scope.tenant_id, webhook_id)
    assert (await desk.webhooks.delivery(begun.delivery_id)).problem == "unreachable"
    await desk.webhooks.replay(begun.delivery_id)
    await desk.webhooks.replay_dead(datetime(2000, 1, 1, tzinfo=UTC))
    await desk.webhooks.deliveries(webhook_id)
    other = await desk.webhooks.add("https://hooks.invalid/x")
    await desk.webhooks.disable(other.webhook.webhook_id)
    await desk.webhooks.enable(other.webhook.webhook_id)
    await desk.webhooks.remove(other.webhook.webhook_id)
    await _refused(desk.webhooks.add(f"https://10.0.0.5/{SAID}"))
    await _refused(desk.webhooks.add("https://hooks.invalid/", [SAID]))
    assert len(await desk.webhooks.all()) == 1


async def _knowledge(desk: Desk, person: Desk, sandbox: ModelSandbox, folder: Path) -> None:
    await desk.knowledge.add(f"{USER}.md", TEXT.encode())
    file = folder / f"{USER}.md"
    file.write_text(TEXT + "\nTwice.\n")
    await desk.knowledge.ingest(file)
    report = await person.knowledge.add_files([StagedFile(USER, USER, f"{USER}.pdf", b"%PDF-1.7 canary")])
    await person.knowledge.ingest_report(report.ingest_id)
    assert await desk.knowledge.search(f"printer of {SAID}")
    await person.knowledge.add("own.md", TEXT.encode())
    sandbox.script(["<PERSON_1> must restart the spooler of the printer [1]."])
    for one in (desk, person):
        await one.ask(f"How does {NAME} print?")
        async for _ in one.ask_stream(f"How does {SAID} print?"):
            pass
    await _refused(desk.ask(SAID * 1_000))
    for summary in await desk.knowledge.documents():
        await desk.knowledge.document(summary.document_id)
        await desk.knowledge.versions([summary.document_id])
    await desk.knowledge.named(SAID)
    await desk.knowledge.view()
    await desk.knowledge.ticket_versions([SAID])
    await _refused(desk.knowledge.ticket(SAID))
    await _refused(desk.knowledge.document(uuid4()))


async def _models(desk: Desk) -> None:
    ask = [{"role": "user", "content": SAID}]
    assert (await desk.models.chat("fast", ask)).text == SAID
    assert (await desk.models.chat("fast", ask, temperature=0, user=MAIL)).text == SAID
    async with await desk.models.stream("fast", ask) as stream:
        assert "".join([piece.text async for piece in stream]) == SAID
    called = await desk.models.chat("fast", [{"role": "user", "content": f"unlock {SAID}"}], tools=_TOOLS)
    call = {
        "id": called.tool_calls[0].id,
        "type": "function",
        "function": {"name": "unlock", "arguments": json.dumps({"user": SAID})},
    }
    turns = [*ask, {"role": "assistant", "content": None, "tool_calls": [call]}]
    turns.append({"role": "tool", "tool_call_id": call["id"], "content": f"{NAME} is unlocked"})
    await desk.models.chat("fast", turns, tools=_TOOLS)
    await desk.models.embed("e", [SAID, "printer"])
    await desk.models.rerank("r", SAID, ["printer", SAID])
    await desk.models.list()
    await desk.models.test(["fast"])
    await _refused(desk.models.chat("none", ask))
    await desk.budgets.set("person", window="day", usd=Decimal(5), user=USER)
    await desk.budgets.list()
    await desk.usage.report(["user", "model"])
    await desk.budgets.delete("person")


async def _prompts(desk: Desk, person: Desk) -> None:
    template = PromptTemplate("greet", [("user", f"{{{{ question }}}} for {SAID}")], {"question": Variable()})
    first = await desk.prompts.save(template, note=SAID, label="production")
    text = await desk.prompts.export("greet", version=first.version)
    second = await desk.prompts.import_(text.replace("for Zorblax", "to Zorblax"), note=SAID)
    await desk.prompts.label("greet", "production", second.version)
    await desk.prompts.rollback("greet")
    await desk.prompts.list()
    await desk.prompts.get("greet", label="production")
    await desk.prompts.versions("greet")
    await desk.prompts.history("greet")
    await desk.prompts.diff("greet", first.version, second.version)
    said = await person.prompts.render("greet", {"question": SAID})
    await desk.models.chat("fast", [{"role": "user", "content": str(said[0].content)}])
    await _refused(desk.prompts.render("greet", {"wrong": SAID}))
    variants = [Variant("a", first.version), Variant("b", second.version)]
    await desk.experiments.start("tone", "greet", variants)
    await person.experiments.assign("tone")
    await person.experiments.observe("tone", "solved", 1.0)
    await desk.experiments.weigh("tone", {"a": 3.0})
    await desk.experiments.all()
    await desk.experiments.report("tone")
    await desk.experiments.forget(person.scope.principal_id)
    await desk.experiments.stop("tone")


async def _talks(desk: Desk, person: Desk) -> None:
    said = [Message("user", SAID)]
    talk = await person.conversations.create(f"For {NAME}", messages=said)
    conversation = talk.about.conversation_id
    await person.conversations.append(conversation, *(Message("user", SAID) for _ in range(12)))
    await person.conversations.rename(conversation, f"About {NAME}")
    answer = await person.ask(f"And how does {NAME} print?", conversation=conversation)
    await person.conversations.summarise(conversation, keep=2)
    await person.conversations.get(conversation)
    await person.conversations.list()
    await _refused(desk.conversations.get(conversation))
    await person.feedback.give(answer.request_id, "down", correction=f"Not {SAID}.")
    await person.experiments.feedback(answer.request_id, 1.0)
    await desk.feedback.list()
    await desk.quality.report("day")
    await desk.requests.list()
    await desk.feedback.forget(person.scope.principal_id)
    await person.conversations.erase(conversation)
    await desk.conversations.purge()
    await desk.conversations.erase_of(person.scope.principal_id)


async def _triage(desk: Desk) -> None:
    known = tickets(60)
    named = [replace(one, text=f"{one.text} {SAID}") for one in known]
    await desk.triage.train(named, targets=["category"], embed=False)
    await desk.triage.predict([SAID])
    await desk.triage.models()
    await desk.triage.similar(SAID)
    await desk.triage.evaluate(named)
    await desk.triage.duplicates(named)
    await desk.triage.clusters(named)
    await _refused(desk.triage.train(named[:1]))
    failed = await desk.triage.retrain(wait=True)
    await desk.triage.training(failed.training_id)
    await desk.triage.trainings()
    await desk.triage.retrain()
    (job,) = await desk.jobs.list(task="triage.train")
    await desk.jobs.get(job.job_id)
    await desk.jobs.cancel(job.job_id)


async def _connected(desk: Desk, app: Deskmind) -> None:
    """A system whose newest ticket is of the person."""
    async with ServiceNowSandbox(size="tiny") as box:
        async with httpx.AsyncClient(base_url=box.url, auth=tuple(box.credentials.values())) as client:  # type: ignore[arg-type]
            ticket = {"short_description": f"{NAME} cannot print", "description": SAID}
            (await client.post("/api/now/table/incident", json=ticket)).raise_for_status()
            login = {
                "user_name": f"{USER}.2",
                "email": MAIL,
                "first_name": "Zorblax",
                "last_name": "Quillfeather",
            }
            (await client.post("/api/now/table/sys_user", json=login)).raise_for_status()
        await desk.connections.add("now", box.vendor, box.url, box.credentials, kinds=("ticket", "person"))
        await desk.connections.all()
        await desk.connections.get("now")
        await desk.connections.test("now")
        await desk.connections.webhook_secret("now")
        assert (await desk.sync.preview("now")).as_dict()
        assert (await desk.sync.run("now")).complete
        await desk.sync.reset("now")
        await desk.sync.status("now")
        assert NAME in str(await desk.sync.records("now", "ticket", limit=1000))
        assert NAME in str(await desk.sync.training_tickets("now"))
        await _refused(desk.sync.run(SAID))
        await _written(desk)
        systems = Systems.of(desk, app)
        assert NAME in str(await systems.changed_since("now", datetime(2000, 1, 1, tzinfo=UTC)))
        (some, *_) = await desk.sync.records("now", "ticket", limit=1000)
        await systems.ticket("now", some["key"])
        await systems.reading_as("now", MAIL)
        await (await systems.opened("now")).close()
        await _refused(systems.ticket("now", SAID))
        await _refused(desk.connections.add(USER, box.vendor, "no address", {MAIL: PHONE}))
    await _refused(desk.sync.preview("now"))
    await desk.connections.remove("now")


async def _written(desk: Desk) -> None:
    """Writes that say what must not be told, sent and refused."""
    made = await desk.writes.propose(
        "now", "create", values={"title": f"{NAME} cannot print", "description": SAID}
    )
    assert NAME in str((await desk.writes.show(made.write_id)).changes)
    done = await desk.writes.send(made.write_id)
    said = await desk.writes.propose("now", "comment", done.written_id, {"text": f"{NAME}, {MAIL}: {SAID}"})
    await desk.writes.reconcile(said.write_id)
    await _refused(desk.writes.resolve(said.write_id, written=True))
    await desk.writes.reject(said.write_id)
    await _refused(desk.writes.send(said.write_id))
    await _refused(desk.writes.propose("now", "update", SAID, {SAID: NAME}))
    await _refused(desk.writes.propose("now", SAID, MAIL))
    assert len(await desk.writes.list()) == 2


@tool(effect="write", audience="technicians")
async def note(context: ToolContext, ticket: str, text: str) -> str:
    """Write a note on a ticket."""
    return f"{ticket}: {text}" if context.effect_id else ""


async def _agents(desk: Desk, person: Desk, sandbox: ModelSandbox) -> None:
    """Runs that propose a note on the person: one is let pass, one forbidden, one fails, one is left to workers."""
    agent = person.agent("noter", instructions=f"Note it for {NAME}.", tools=[note], model="fast")
    wanted = Reply(tool_calls=(ToolCall("note", {"ticket": "INC1", "text": "<PERSON_1>"}),))
    for decide in (desk.approvals.approve, desk.approvals.reject):
        sandbox.script([wanted, "<PERSON_1> knows."])
        run = await agent.run(f"Note that {SAID}.", untrusted=SAID)
        (proposal,) = await desk.approvals.list(run_id=run.run_id)
        await desk.approvals.show(proposal.proposal_id)
        await _refused(person.approvals.approve(proposal.proposal_id))
        said = {"answer": SAID} if decide == desk.approvals.approve else {"reason": SAID}
        await decide(proposal.proposal_id, **said)
        assert NAME in str((await person.agents.resume(run.run_id, agent)).output)
        await desk.agents.show(run.run_id)
    await _edited_and_forbidden(desk, person, sandbox)
    await _refused(person.agents.start(agent, SAID))
    idle = await person.agents.start(person.agent("idle", instructions=SAID, model="fast"), SAID)
    await person.agents.requeue(idle)
    await person.agents.cancel(idle)
    await desk.agents.list()
    await desk.agents.versions([one.run_id for one in await desk.agents.list()])
    await desk.agents.stop_tool(note.name, reason=f"{NAME} asked")
    await desk.agents.stopped_tools()
    await desk.agents.allow_tool(note.name)
    await _refused(desk.agents.stop_tool(USER, reason=SAID))
    await _stored_agents(desk, person, sandbox)
    await _memories(desk, person, sandbox)


async def _stored_agents(desk: Desk, person: Desk, sandbox: ModelSandbox) -> None:
    spec = AgentSpec.model_validate(
        {"name": "greeter", "instructions": f"Note it for {NAME}.", "model": "fast"}
    )
    await desk.stored_agents.save(spec, note=f"{NAME} asked")
    await desk.stored_agents.publish("greeter")
    await person.stored_agents.list()
    await person.stored_agents.get("greeter")
    await person.stored_agents.versions("greeter")
    case = Case(name="greets", prompt=SAID, script=(ScriptedReply(text=f"Hello {NAME}."),))
    assert (await person.stored_agents.test("greeter", [case])).passed
    sandbox.script(["Hello <PERSON_1>.", "Hello <PERSON_1>."])
    assert NAME in str((await person.stored_agents.run("greeter", SAID)).output)
    assert (await (await person.stored_agents.agent("greeter")).run(SAID)).state == "done"
    await person.agents.cancel(await person.stored_agents.start("greeter", SAID))
    await _refused(desk.stored_agents.save(f"{{name: {NAME}}}"))


async def _memories(desk: Desk, person: Desk, sandbox: ModelSandbox) -> None:
    made = await person.memories.add(Draft(f"My manager is {NAME}. {SAID}", subject=f"manager of {NAME}"))
    await desk.memories.add(SAID, audience="tenant")
    await person.memories.list(history=True)
    assert NAME in (await person.memories.recall(f"Who is {NAME}?")).text
    made = await person.memories.correct(made.memory_id, f"{NAME} was my manager. {SAID}")
    await person.memories.pin(made.memory_id)
    await person.memories.show(made.memory_id)
    await person.memories.learn([Draft(f"{NAME} prefers mail. {SAID}")])
    use = MemoryUse(extract="model")
    sandbox.script(["I know <PERSON_1>.", '{"memories": []}'])
    await person.agent("knower", instructions="Know.", model="fast", memory=use).run(f"Who is {NAME}?")
    await person.memories.forget(made.memory_id)
    await _refused(person.memories.add(f"Told by {SAID}", audience="tenant"))


async def _same(text: str) -> str:
    return text


async def _broken(text: str) -> None:
    raise ValueError(text)


@workflow("canary")
async def canary(flow: Flow, text: str) -> str:
    """Go round with a text."""
    said = await flow.step("say", _same, text)
    with suppress(StepFailedError):
        await flow.step("fail", _broken, said)
    known = await flow.agent("knower", said, instructions=text, model="fast", untrusted=said)
    return f"{known} {await flow.ask('which', said)}"


async def _workflows(desk: Desk, person: Desk, sandbox: ModelSandbox, app: Deskmind) -> None:
    """A run that fails at a step, asks a model and a person, is paused, followed, replayed and forked."""
    app.register_workflow(canary)
    sandbox.script(["<PERSON_1> knows."])
    flows = person.workflows
    run = await flows.run("canary", {"text": SAID}, untrusted=True)
    await flows.pause(run.run_id)
    await flows.unpause(run.run_id)
    (question,) = await desk.approvals.list(run_id=run.run_id)
    await desk.approvals.approve(question.proposal_id, answer=SAID)
    assert NAME in str((await flows.resume(run.run_id)).output)
    assert NAME in str([event async for event in flows.events(run.run_id)])
    await flows.replay(run.run_id)
    await flows.cancel(await flows.fork(run.run_id, 3))
    await flows.cancel(await flows.start("canary", {"text": SAID}))
    await _refused(flows.start("canary", {SAID: SAID}))
    await desk.workflows.show(run.run_id)
    await desk.workflows.runs()
    await desk.workflows.all()
    await desk.schedules.add("canaries", "canary", {"text": SAID}, cron="0 0 1 1 *")
    await _refused(desk.schedules.add(SAID, "canary", {"text": SAID}, cron=SAID))
    await desk.schedules.all()
    await desk.schedules.enable("canaries", enabled=False)
    await desk.schedules.remove("canaries")


async def _edited_and_forbidden(desk: Desk, person: Desk, sandbox: ModelSandbox) -> None:
    """Two runs that propose a note on the person: one is edited, one forbidden for good, and that lifted."""
    note_known = tool(name="note_known", effect="write", audience="technicians")(note.function)
    person._app.agent_tools["note_known"] = note_known  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    agent = person.agent("noter", instructions=f"Note it for {NAME}.", tools=[note_known], model="fast")
    wanted = Reply(tool_calls=(ToolCall("note_known", {"ticket": "INC1", "text": "<PERSON_1>"}),))
    for edits in (True, False):
        sandbox.script([wanted, "<PERSON_1> knows."])
        run = await agent.run(f"Note that {SAID}.", untrusted=SAID)
        (proposal,) = await desk.approvals.list(run_id=run.run_id)
        if edits:
            await _refused(desk.approvals.edit(proposal.proposal_id, {SAID: NAME}))
            await desk.approvals.edit(proposal.proposal_id, {"text": SAID}, reason=f"{NAME} said so")
        else:
            await desk.approvals.reject(proposal.proposal_id, reason=SAID, lasting=True)
        await person.agents.resume(run.run_id, agent)
    (block,) = await desk.agents.blocks()
    await desk.agents.lift(block.subject)


async def _governance(desk: Desk, person: Desk) -> None:
    await desk.access.grant("technician", user=USER, reason=f"{NAME} joined")
    await desk.access.check_of(USER, "audit:read")
    await person.access.check("audit:read")
    await desk.access.review()
    await desk.access.roles()
    await desk.access.define_role("watch", ["audit:read", "access:delegate"])
    await desk.access.grant("watch", user=USER)
    await _refused((await person.acting_for("boss")).keys.all())
    await desk.access.revoke("watch", user=USER)
    await desk.access.delete_role("watch")
    await desk.access.policy_schema()
    await desk.access.set_policy(
        '@id("none") forbid (principal, action, resource) when { context.hour == 99 };'
    )
    await desk.access.policy()
    await desk.access.set_policy("")
    await _refused(person.principals.add_user(f"friend of {NAME}"))
    await _refused(desk.metrics())
    await desk.audit()
    log = desk.audit_log
    found = await log.search()
    [event async for event in log.events()]
    [part async for part in log.export()]
    await log.rewrap()
    await log.wrapped_under(1)
    await log.checkpoint()
    await log.verify()
    for about in ("soc2", "article30"):
        await desk.evidence.make(about, datetime.now(UTC) - timedelta(days=1))
    await desk.evidence.public_keys()
    await _refused(log.prove(found[0].event_id))
    await desk.privacy.map()
    hold = await desk.privacy.hold(USER, "case 7")
    await desk.privacy.holds()
    await _refused(desk.privacy.erase(USER))
    await desk.privacy.release(hold.hold_id)
    assert (await desk.privacy.export(USER, also=[MAIL, PHONE])).stores
    await desk.privacy.plan(USER, also=[MAIL, PHONE])
    await desk.privacy.retain()
    await desk.privacy.retention()


async def _installation(app: Deskmind) -> None:
    """Operations on all tenants."""
    await app.tenants.all()
    await app.tenants.audit()
    await app.tenants.closed_accounts()
    await app.usage.report(["tenant"])
    await app.maintenance.slow()
    await app.sealing.seal()
    await app.sealing.witness()
    await app.sealing.lacking()
    await app.sealing.copies(uuid4())
    await app.sealing.backlog()
    await app.sealing.public_keys()
    await app.sealing.rotate_key()
    await app.evidence.parts(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC), tenant="tenant")


async def _operating(boss: Desk) -> None:
    """The same from within a tenant that operates the installation."""
    name = f"made-{uuid4().hex[:12]}"
    await boss.installation.create(name)
    await boss.installation.tenant(name)
    await boss.installation.tenants()
    await boss.installation.acts()
    await _refused(boss.installation.create(SAID))
    await _refused(boss.installation.erase(name, confirm=SAID))
    await boss.installation.erase(name, confirm=name)
    await boss.installation.closed_accounts()


async def _erasing(desk: Desk) -> None:
    """Last, because who is erased is nobody whom redaction knows."""
    for hold in await desk.privacy.holds():
        await desk.privacy.release(hold.hold_id)
    (document, *_) = await desk.knowledge.documents()
    await desk.knowledge.delete(document.document_id)
    requested = await desk.privacy.request_erasure(USER, also=[MAIL, PHONE, NAME])
    await desk.privacy.resume(requested.erasure_id)
    erasure = await desk.privacy.erasure(requested.erasure_id)
    await desk.privacy.verify_receipt(erasure.receipt)
    await desk.privacy.erasures()
    await desk.privacy.replay()
    await desk.privacy.erase("Mirelda Oftenstone")
    await desk.audit_log.forget(USER)
    await desk.privacy.readmit(USER)


async def _http(desk: Desk, address: str) -> set[str]:
    """Each route with canaries in its path, query and body, rightly as its schema says and wrongly; the routes."""
    key = await desk.keys.create("boss")
    routes: set[str] = set()
    async with httpx.AsyncClient(
        base_url=address, headers={"Authorization": f"Bearer {key.secret}"}
    ) as client:
        document = (await client.get("/openapi.json")).json()
        paths = [
            (method, path, route)
            for path, methods in document["paths"].items()
            for method, route in methods.items()
        ]
        # erasing comes last, because who is erased is nobody whom redaction knows
        for method, path, route in sorted(paths, key=lambda item: "privacy" in item[1]):
            routes.add(f"{method.upper()} {path}")
            url = path.replace("/groups/{name}", f"/groups/{GROUP}").replace(
                "/stopped/{tool}", "/stopped/note"
            )
            url = url.replace(
                "/patterns/{name}", "/patterns/badge"
            )  # names that an operator chooses are no content
            for parameter in (one for one in route.get("parameters", []) if one["in"] == "path"):
                filled = _filled(parameter["schema"], document, USER)
                url = url.replace(f"{{{parameter['name']}}}", str(filled))
            for body in _bodies(route, document):
                with suppress(httpx.RemoteProtocolError):
                    await client.request(method.upper(), url, params={"q": SAID}, **body)
    return routes


def _bodies(route: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    content = route.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return [{"files": {"file": (f"{USER}.txt", TEXT.encode())}}]
    if "application/octet-stream" in content:
        return [{}, {"content": TEXT.encode()}]
    if not content:
        return [{}]
    made = _filled(content["application/json"]["schema"], document, SAID)
    talk = {"model": "fast", "messages": [{"role": "user", "content": SAID}]}
    embedded = {"model": "e", "input": SAID}
    return [{"json": body} for body in (made, {SAID: SAID}, *([talk] if "messages" in made else []), *([embedded] if "input" in made else []))]  # fmt: skip


def _filled(schema: dict[str, Any], document: dict[str, Any], text: str) -> Any:
    """A value of a schema in which each free text is ``text``."""
    if "$ref" in schema:
        return _filled(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, text)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _filled(schema[several][0], document, text)
    if "const" in schema or "enum" in schema:
        return schema.get("const") or schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {
                name: [GROUP] if name == "groups" else _filled(one, document, text)
                for name, one in schema.get("properties", {}).items()
                if name in schema.get("required", []) or one.get("type") == "string"
            }
        case "array":
            return [_filled(schema.get("items", {}), document, text)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            formats = {"uuid": str(uuid4()), "date-time": datetime.now(UTC).isoformat()}
            return formats.get(schema.get("format", ""), text)


def _command_line(desk: Desk, home: Path, relay: Wire, folder: Path) -> str:
    """What commands log, well and badly, in processes of their own."""
    config = folder / "deskmind.toml"
    config.write_text(
        f"""
[knowledge]
embedder = "hashing"
[answer]
threshold = 0.0
model = "fast"
[redaction]
local_models = true
[redaction.patterns.badge]
regex = "EMP-[0-9]{{6}}"
type = "EMPLOYEE_ID"
[[models.fast.deployments]]
model = "echo"
base_url = "http://127.0.0.1:{relay.port}/v1"
api_key = "{DEFAULT_KEY}"
"""
    )
    tenant = desk.scope.tenant
    lines: list[str] = []
    environment = {**os.environ, "DESKMIND_LOG_LEVEL": "debug", "DESKMIND_LOG_FORMAT": "json"}
    for words in (
        ("ask", f"How does {SAID} print?", "--user", USER, "--tenant", tenant),
        ("search", SAID, "--user", f"nobody {MAIL}", "--tenant", tenant),
    ):
        ended = subprocess.run(
            [sys.executable, "-m", "deskmind.cli", *words, "--home", str(home), "--config", str(config)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        # what a command says to who typed it may name whom it was asked about
        lines += [line for line in ended.stderr.splitlines() if line.startswith("{")]
    return "\n".join(lines)


def _metrics() -> str:
    provider = start_metrics(TelemetrySettings(), release="test")
    assert provider is not None
    return provider.exposed()[0].decode()


async def _stored(app: Deskmind, desk: Desk) -> dict[str, str]:
    """The audit log and the jobs as the database has them."""
    address = app.database.endpoints.admin
    assert address is not None
    async with await psycopg.AsyncConnection.connect(address) as connection:
        cursor = await connection.execute(
            "SELECT string_agg(e::text || convert_from(e.canonical, 'UTF8'), ' ') FROM deskmind.audit_events e WHERE tenant_id = %s",
            (desk.scope.tenant_id,),
        )
        (events,) = await cursor.fetchone() or ("",)
        cursor = await connection.execute(
            "SELECT string_agg(j::text, ' ') FROM deskmind.procrastinate_jobs j"
        )
        (jobs,) = await cursor.fetchone() or ("",)
        cursor = await connection.execute(
            "SELECT string_agg(e.body, ' ') FROM deskmind.webhook_events e WHERE tenant_id = %s",
            (desk.scope.tenant_id,),
        )
        (told,) = await cursor.fetchone() or ("",)
    return {"audit log": str(events), "jobs": str(jobs), "webhook events": str(told)}


async def _refused(act: Awaitable[object]) -> None:
    with pytest.raises(DeskmindError):
        await act
