"""Which operations leave an event, and why the others do not: a walk over all of them."""

from __future__ import annotations

import inspect
from contextlib import suppress

import pytest
from tests.isolation.test_operations import _operations

from deskmind.desk import Desk
from deskmind.governance.audit import record
from deskmind.governance.audit.service import AuditFilter

_ITSELF = "the log, read where it is; carrying it away is recorded"
_OWN = "one's own"
_LIST = "a directory without content: names, numbers, times"
_SUMS = "sums, no row of anybody"
_CONFIGURATION = "configuration, no data of people"
_ELSEWHERE = "hands on to what records"
_LEDGER = "an event made of the ledger's row, see calls.py"
_TRIAL = "a measurement for an experiment, under one's own id, erased with it; no act"

_UNRECORDED = {
    **dict.fromkeys(
        (
            "AuditLog.checkpoint",
            "AuditLog.prove",
            "AuditLog.search",
            "AuditLog.verify",
            "AuditLog.wrapped_under",
            "Desk.audit",
            "Tenants.audit",
        ),
        _ITSELF,
    ),
    **dict.fromkeys(("Sealing.backlog", "Sealing.copies", "Sealing.lacking", "Sealing.public_keys"), _ITSELF),
    **dict.fromkeys(
        ("Sealing.seal", "Sealing.witness"), "its checkpoint is the record; an event would never be sealed"
    ),
    **dict.fromkeys(
        ("Agents.versions", "Knowledge.ticket_versions", "Knowledge.versions", "Knowledge.view"),
        "says whether something has changed, every few seconds to whoever waits for it",
    ),
    "Knowledge.named": _LIST,
    **dict.fromkeys(("ApiKeys.all", "Principals.groups", "Principals.users", "Knowledge.documents"), _LIST),
    **dict.fromkeys(("Requests.list", "Tenants.all", "Tenants.named", "Knowledge.ingest_report"), _LIST),
    **dict.fromkeys(("Conversations.get", "Conversations.list"), _OWN),
    "Conversations.summarise": "derived from one's own turns, which stay",
    **dict.fromkeys(("Experiments.assign", "Experiments.feedback", "Experiments.observe"), _TRIAL),
    **dict.fromkeys(
        (
            "Usage.report",
            "Quality.report",
            "Experiments.report",
            "Tenants.closed_accounts",
            "Maintenance.slow",
        ),
        _SUMS,
    ),
    **dict.fromkeys(("Budgets.list", "Experiments.all", "Models.list"), _CONFIGURATION),
    **dict.fromkeys(
        tuple(
            f"Prompts.{name}" for name in ("diff", "export", "get", "history", "list", "render", "versions")
        ),
        _CONFIGURATION,
    ),
    **dict.fromkeys(
        ("Prompts.import_", "Prompts.label", "Prompts.rollback", "Prompts.save"),
        "recorded by _save and _label",
    ),
    **dict.fromkeys(("Desk.ask", "Desk.ask_stream", "Principals.scope_of"), _ELSEWHERE),
    **dict.fromkeys(
        ("Knowledge.add", "Knowledge.add_files", "Knowledge.ask", "Knowledge.ask_stream", "Knowledge.ingest"),
        _ELSEWHERE,
    ),
    "Knowledge.search": "recorded by Finding",
    **dict.fromkeys(("Access.check", "Access.check_of"), "asks what one may do, and does nothing"),
    **dict.fromkeys(
        ("Access.policy", "Access.policy_schema", "Access.review", "Access.roles", "Redaction.actions"),
        _CONFIGURATION,
    ),
    **dict.fromkeys(("Redaction.patterns", "Privacy.map", "Privacy.retention"), _CONFIGURATION),
    **dict.fromkeys(("Redaction.directory", "Triage.models"), _LIST),
    **dict.fromkeys(("Redaction.redact", "Redaction.redactor"), "works on a text of one's own"),
    "Desk.acting_for": "recorded by acting_for",
    **dict.fromkeys(("Privacy.erase", "Privacy.request_erasure"), "recorded by Erasures, without the name"),
    **dict.fromkeys(("Privacy.resume", "Privacy.replay"), "each erasure is recorded when it is done"),
    **dict.fromkeys(
        ("Privacy.erasure", "Privacy.erasures", "Privacy.holds", "Privacy.plan", "Privacy.verify_receipt"),
        "names nobody: marks, counts, times",
    ),
    "Evidence.make": "recorded by _signed, with the hash of what was made",
    "Evidence.public_keys": "public halves of keys",
    "InstallationEvidence.parts": "parts of a bundle, which is recorded when it is made",
    "Privacy.retain": "recorded by Retention where something was removed",
    **dict.fromkeys(("Connections.all", "Connections.get", "Sync.status", "Triage.models"), _LIST),
    **dict.fromkeys(("Connections.test", "Sync.preview"), "reads the connected system and keeps nothing"),
    **dict.fromkeys(("Triage.training", "Triage.trainings"), "names nobody: states and counts"),
    "Sync.training_tickets": "recorded by the training that learns from them",
    "Sync.run": "each pass is recorded by Runner",
    **dict.fromkeys(
        ("Agents.run", "Agents.resume", "Agents.start", "Desk.agent"), "recorded when the run begins and ends"
    ),
    **dict.fromkeys(("Agents.stopped_tools", "Agents.blocks"), _CONFIGURATION),
    **dict.fromkeys(
        ("Workflows.run", "Workflows.start", "Workflows.resume"),
        "recorded by queue_run, and when the run ends",
    ),
    **dict.fromkeys(("Workflows.all", "Schedules.all"), _CONFIGURATION),
    **dict.fromkeys(("Webhooks.all", "Webhooks.get"), _CONFIGURATION),
    **dict.fromkeys(("Webhooks.deliveries", "Webhooks.delivery"), _LIST),
    **dict.fromkeys(("Installation.tenant", "Installation.tenants"), _LIST),
    "Installation.acts": _ITSELF,
    "Installation.closed_accounts": _SUMS,
    **dict.fromkeys(("Jobs.get", "Jobs.list"), _LIST),
    **dict.fromkeys(("Webhooks.enable", "Webhooks.disable"), "recorded by _switch"),
    **dict.fromkeys(("Memories.add", "Memories.learn"), "recorded by Keeper"),
    **dict.fromkeys(("StoredAgents.list", "StoredAgents.get", "StoredAgents.versions"), _CONFIGURATION),
    **dict.fromkeys(
        ("StoredAgents.agent", "StoredAgents.run", "StoredAgents.start", "StoredAgents.test"),
        "each run is recorded by Agents",
    ),
    **dict.fromkeys(("Approvals.approve", "Approvals.reject"), "recorded by _decide and _vote"),
    **dict.fromkeys(
        ("Models.chat", "Models.embed", "Models.rerank", "Models.stream", "Models.test"), _LEDGER
    ),
}
_WRITES = (
    "record(",
    "record_alone(",
    "_record(",
    "_recorded(",
    "_remove(",
    "_move(",
    "_carried_away(",
    "_record_hold(",
    "record_change(",
)


@pytest.mark.parametrize("name", sorted(_operations()))
def test_an_operation_leaves_an_event_or_says_why_not(name: str) -> None:
    source = inspect.getsource(inspect.unwrap(_operations()[name]))  # pyright: ignore[reportArgumentType]
    records = any(writes in source for writes in _WRITES)
    assert records != (name in _UNRECORDED), name


async def test_what_an_operator_reads_of_others_is_recorded(operator: Desk) -> None:
    report = await operator.knowledge.add("printer.md", b"# Printer\n\nThe printer is on the second floor.")
    assert report.count("stored") == 1
    (document,) = await operator.knowledge.documents()
    await operator.knowledge.document(document.document_id)
    await operator.feedback.list()
    _ = [line async for line in operator.audit_log.export()]
    events = await operator.audit_log.search()
    assert [event.action for event in events[:3]] == ["audit.read", "feedback.read", "documents.read"]
    assert events[2].resource == str(document.document_id)


async def test_what_is_written_into_a_conversation_is_recorded(operator: Desk) -> None:
    conversation = await operator.conversations.create("printers")
    about = conversation.about.conversation_id
    await operator.conversations.rename(about, "the printer")
    await operator.conversations.erase(about)
    events = await operator.audit_log.search(AuditFilter(resource=str(about)))
    assert [event.details["act"] for event in events] == ["erase", "rename", "create"]


async def test_events_stand_and_fall_with_their_savepoint(operator: Desk) -> None:
    async with operator.database.transaction(operator.scope) as connection:
        await record(connection, operator.scope, "before.it")
        with suppress(ZeroDivisionError):
            async with connection.transaction():
                await record(connection, operator.scope, "undone.act")
                raise ZeroDivisionError
        async with connection.transaction():
            await record(connection, operator.scope, "inside.it")
        await record(connection, operator.scope, "after.it")
    assert [event.action for event in await operator.audit()] == ["after.it", "inside.it", "before.it"]


async def test_the_events_of_a_transaction_keep_their_order(operator: Desk) -> None:
    async with operator.database.transaction(operator.scope) as connection:
        for number in range(1_200):
            await record(connection, operator.scope, "many.acts", resource=str(number))
    newest = await operator.audit_log.search(AuditFilter(action="many."), limit=2_000)
    assert [int(event.resource) for event in reversed(newest)] == list(range(1_200))
