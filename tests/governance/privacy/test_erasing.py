"""Erasing a person: nothing of them is left, nobody else loses anything, and they do not come back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.governance.privacy.conftest import (
    FULL_NAME,
    MAIL,
    NAME,
    NOTE,
    PHONE,
    Admin,
    Bureau,
    dumped,
    holding,
)
from tests.triage.tickets import tickets

from deskmind.agents import ToolContext, tool
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    ConflictError,
    PermissionDeniedError,
    PrincipalNotFoundError,
    SuppressedError,
)
from deskmind.governance.audit.circumstances import came_from
from deskmind.governance.privacy import Holding, Mentions, Receipt, Subject, identifier_of
from deskmind.governance.privacy.identifiers import forms
from deskmind.governance.redaction import DirectoryEntry, EntityType
from deskmind.prompts import PromptTemplate, Variable
from deskmind.prompts.messages import Message
from deskmind.sandbox.models import ModelSandbox, Reply, ToolCall
from deskmind.triage import TrainingTicket, TriageModel
from deskmind.triage.archive import load


async def test_documents_are_masked_and_still_found(bureau: Bureau) -> None:
    padding = b"\n## More\n\n" + b"Restart the VPN client of Zilpha de Quornbeck and try again. " * 60
    await bureau.operator.knowledge.add("vpn.md", NOTE + padding * 3)
    before = await bureau.ben.knowledge.search("How long does a VPN token last?", limit=50)
    assert "QUORNBECK" in before[0].text or any("Quornbeck" in passage.text for passage in before)
    erasure = await bureau.operator.privacy.erase(NAME, also=[MAIL, PHONE])
    assert erasure.state == "done"
    assert erasure.counts["knowledge"]["masked"] == 1
    found = await bureau.ben.knowledge.search("How long does a VPN token last?", limit=50)
    assert any("ninety days" in passage.text for passage in found)
    documents = {item.title: item for item in await bureau.ben.knowledge.documents()}
    text = (await bureau.ben.knowledge.document(documents["VPN tokens"].document_id)).text
    assert "(erased)" in text
    assert not any(word in text.lower() for word in ("quorn", "zilpha", "555"))
    mentions = Mentions.of(forms(map(identifier_of, (FULL_NAME, MAIL, PHONE))))
    chunks = {item.ordinal: item for item in found if item.title == "VPN tokens"}
    assert len(chunks) > 1
    for old in before:
        if old.title == "VPN tokens":
            new = chunks[old.ordinal]
            assert new.text == mentions.masked(old.text) == text[new.start : new.end]
    untouched = await bureau.ben.knowledge.document(documents["Printers"].document_id)
    assert "cartridge 12X" in untouched.text


async def test_a_dry_run_counts_and_changes_nothing(bureau: Bureau) -> None:
    await bureau.person.conversations.create("Mine")
    planned = await bureau.operator.privacy.plan(NAME)
    assert planned["conversations"] == {"erased": 1}
    assert planned["knowledge"]["masked"] == 1
    assert planned["account"]["erased"] == 1
    assert len(await bureau.person.conversations.list()) == 1
    assert await bureau.operator.privacy.erasures() == []
    done = await bureau.operator.privacy.erase(NAME)
    assert done.counts["conversations"] == planned["conversations"]


async def test_the_person_does_not_come_back(bureau: Bureau, tmp_path: Path) -> None:
    await bureau.operator.privacy.erase(NAME, also=[MAIL, PHONE])
    for name, display in (
        (NAME, ""),
        (NAME.upper(), ""),
        ("new", FULL_NAME),
        ("new", "QUORNBECK, Zilpha de"),
    ):
        with pytest.raises(SuppressedError, match="erased"):
            await bureau.operator.principals.add_user(name, display_name=display)
    again = await bureau.operator.knowledge.add("vpn.md", NOTE)
    assert again.count("unchanged") == 1
    changed = await bureau.operator.knowledge.add("vpn.md", NOTE + b"\nA new line.\n")
    assert changed.count("stored") == 1
    file = tmp_path / "home" / "zilpha.quorn" / "notes.md"
    file.parent.mkdir(parents=True)
    file.write_text("# Notes of Zilpha de Quornbeck\n\nCall +31 20 5550173.\n")
    await bureau.ben.knowledge.ingest(file)
    for item in await bureau.operator.knowledge.documents():
        document = await bureau.operator.knowledge.document(item.document_id)
        shown = json.dumps(document.as_dict(), default=str).lower()
        assert not any(word in shown for word in ("quorn", "zilpha", "5550173")), shown


async def test_connectors_ask_before_they_bring_anybody_in(app: Deskmind, bureau: Bureau) -> None:
    suppression = app.suppression(bureau.ben.scope)
    assert not await suppression.suppressed([MAIL, NAME])
    await bureau.operator.privacy.erase(NAME, also=[MAIL, PHONE, "a1b2c3d4e5f6"])
    for identifier in (
        MAIL.upper(),
        NAME,
        FULL_NAME,
        "020 5550173",
        "A1B2C3D4E5F6",
        str(bureau.person.scope.principal_id),
    ):
        assert await suppression.suppressed(["somebody@example.com", identifier]), identifier
    assert not await suppression.suppressed(["somebody@example.com", "", "…"])


async def test_who_has_no_account_is_erased_by_an_address(bureau: Bureau) -> None:
    await bureau.operator.knowledge.add(
        "desk.md", b"# Desk\n\nMail bob.oakenhurst@example.org to move a desk.\n"
    )
    erasure = await bureau.operator.privacy.erase("bob.oakenhurst@example.org")
    assert erasure.counts["knowledge"] == {"masked": 1}
    with pytest.raises(PrincipalNotFoundError, match="no user"):
        await bureau.operator.privacy.erase("printer")


async def test_own_documents_stay_masked_or_go(app: Deskmind, bureau: Bureau) -> None:
    await bureau.person.knowledge.add("mine.md", b"# Mine\n\nThe coffee machine is on floor 2.\n")
    kept = await bureau.operator.privacy.plan(NAME)
    assert kept["knowledge"]["pseudonymised"] == 1
    erasure = await bureau.operator.privacy.erase(NAME, owned="delete")
    assert erasure.counts["knowledge"]["erased"] == 1
    assert "Mine" not in {item.title for item in await bureau.operator.knowledge.documents()}


async def test_readmitted_people_may_return(bureau: Bureau) -> None:
    await bureau.operator.privacy.erase(NAME)
    assert await bureau.operator.privacy.readmit(NAME) > 1
    await bureau.operator.principals.add_user(NAME, display_name=FULL_NAME)
    assert await bureau.operator.privacy.replay() == []


async def test_members_may_do_none_of_it(bureau: Bureau) -> None:
    for act in (
        lambda: bureau.ben.privacy.erase(NAME),
        lambda: bureau.ben.privacy.export(NAME),
        lambda: bureau.ben.privacy.hold(NAME, "case 1"),
        bureau.ben.privacy.erasures,
        bureau.ben.privacy.retain,
    ):
        with pytest.raises(PermissionDeniedError):
            await act()


async def test_a_receipt_is_checked_without_the_database_and_names_nobody(bureau: Bureau) -> None:
    erasure = await bureau.operator.privacy.erase(NAME, also=[MAIL])
    assert not any(word in erasure.receipt.lower() for word in ("quorn", "zilpha", MAIL))
    receipt = await bureau.operator.privacy.verify_receipt(erasure.receipt)
    assert receipt.erasure_id == erasure.erasure_id
    assert receipt.statement["stores"]["knowledge"] == {"masked": 1}
    altered = erasure.receipt.replace('"masked": 1', '"masked": 2')
    assert altered != erasure.receipt
    assert Receipt.parse(altered).signed_by([]) is None
    with pytest.raises(Exception, match="signature"):
        await bureau.operator.privacy.verify_receipt(altered)
    acts = [event for event in await bureau.operator.audit() if event.action == "privacy.erase"]
    assert [event.details["act"] for event in acts] == ["completed", "requested"]
    assert not any("quorn" in str(event).lower() for event in acts)


class Badges:
    """A host's own store: badge numbers by user name."""

    name = "badges"

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def declare(self) -> list[Holding]:
        return [Holding("badges", "object", "badge number", "doors", "while employed", "by name", "deleted")]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        return [{"badge": self.rows[subject.name]}] if subject.name in self.rows else []

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> dict[str, int]:
        held = subject.name in self.rows
        if not dry_run:
            self.rows.pop(subject.name, None)
        return {"erased": int(held)}


async def test_everything_is_gone_from_a_dump_the_files_and_the_caches(
    desk_home: Path, admin: Admin, bureau: Bureau, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    """The canary: a person driven through every feature, then erased."""
    badges = Badges()
    badges.rows[NAME] = "B-77"
    modelled.register_store(badges)
    operator = await modelled.desk(tenant=bureau.operator.scope.tenant)
    person = await modelled.desk(tenant=bureau.operator.scope.tenant, user=NAME)
    ben = await modelled.desk(tenant=bureau.operator.scope.tenant, user="ben")
    key = await _everything(operator, person, ben)
    await _agents(operator, (person, ben), sandbox)
    words = ("quorn", "zilpha", "555 0173")
    before = holding(await dumped(admin, operator), *words)
    expected = {
        "principals",
        "documents",
        "chunks",
        "turns",
        "conversations",
        "feedback",
        "prompt_versions",
        "api_keys",
        "access_grants",
        "directory_entries",
        "triage_models",
        "agent_runs",
        "agent_steps",
        "agent_proposals",
        "agent_votes",
        "agent_switches",
        "memories",
        "agent_versions",
        "agent_labels",
        "agent_blocks",
    }
    assert expected <= set(before)
    assert all("quornbeck" in model.vocabulary.terms for model in await _models(admin, operator))
    assert "audit_events" not in before

    exported = await operator.privacy.export(NAME, also=[MAIL, PHONE])
    assert {
        "account",
        "conversations",
        "feedback",
        "ledger",
        "stories",
        "badges",
        "knowledge",
        "audit",
    } <= set(exported.stores)
    assert "My VPN token" in exported.as_json()
    assert "My VPN token" in exported.as_markdown()
    assert "<script" not in exported.as_html()

    erasure = await operator.privacy.erase(NAME, also=[MAIL, PHONE])
    assert erasure.counts["badges"] == {"erased": 1}
    after = holding(await dumped(admin, operator), *words)
    assert after == {}
    assert all("~" in "".join(model.vocabulary.terms) for model in await _models(admin, operator))
    (stored,) = await operator.triage.models()
    assert stored.trained_by == "(erased)"
    assert (await operator.triage.predict(["monitor flickers again"]))[0].guesses[
        "category"
    ].label == "Hardware"
    assert not badges.rows
    for file in desk_home.rglob("*"):
        # what the server's own files hold and until when: docs/privacy.md
        if file.is_file() and ("embedded" not in file.parts or "log" in file.parts):
            content = file.read_bytes().lower()
            assert not any(word.encode() in content for word in words), file
    with pytest.raises(AuthenticationError):
        await modelled.authenticate(key)
    again = await ben.ask("Who hands out a VPN token?")
    assert not any(word in json.dumps(again.text).lower() for word in words)


async def _everything(operator: Desk, person: Desk, ben: Desk) -> str:
    for desk in (person, ben):
        said = [Message("user", f"My VPN token, says {MAIL}")]
        about = await desk.conversations.create(f"For {FULL_NAME}", messages=said)
        answer = await desk.ask(
            f"Who hands out a VPN token, {FULL_NAME}?", conversation=about.about.conversation_id
        )
        await operator.requests.explain(answer.request_id)
        await desk.feedback.give(answer.request_id, "down", correction=f"Not {FULL_NAME}, {PHONE}.")
    await person.knowledge.add("zilpha.quorn.md", f"# Notes of {FULL_NAME}\n\nMy desk.\n".encode())
    await operator.prompts.save(
        PromptTemplate("greet", [("user", f"{{{{ question }}}} for {FULL_NAME}")], {"question": Variable()})
    )
    await operator.redaction.know([DirectoryEntry(FULL_NAME, EntityType.PERSON)], source="hr")
    await operator.access.define_role("trainer", ["triage:*", "access:delegate"])
    for user in (NAME, "ben"):
        await operator.access.grant("trainer", user=user, reason=f"{FULL_NAME} joined")
    await person.triage.train(_tickets(), targets=["category"], embed=False)
    for agent, user in ((person, "ben"), (ben, NAME)):
        with pytest.raises(PermissionDeniedError):
            await (await agent.acting_for(user)).principals.users()
    created = await operator.keys.create(NAME, name=f"laptop of {FULL_NAME}")
    return created.secret


@tool(effect="write", audience="technicians")
async def note(context: ToolContext, text: str) -> str:
    """Write a note."""
    return f"{text} {context.effect_id}"


async def _agents(operator: Desk, desks: tuple[Desk, ...], sandbox: ModelSandbox) -> None:
    """Of each a run that is done and one whose proposal waits."""
    await operator.agents.stop_tool("http_get", reason=f"{FULL_NAME} asked")
    await operator.access.grant("knowledge-manager", user=NAME)
    kept = await desks[0].stored_agents.save(
        f"{{name: noter, instructions: Write for {FULL_NAME}., model: fast}}", note=f"{FULL_NAME} wants it"
    )
    await desks[0].stored_agents.publish(kept.spec.name)
    await operator.memories.add(f"{FULL_NAME} leads the archive.", audience="tenant")
    for number, desk in enumerate(desks):
        wanted = Reply(tool_calls=(ToolCall("note", {"text": f"Called {FULL_NAME} {number}"}),))
        await operator.access.grant("technician", user=desk.scope.principal)
        agent = desk.agent("noter", instructions=f"Write for {FULL_NAME}.", tools=[note], model="fast")
        sandbox.script([wanted, f"{FULL_NAME} knows.", wanted])
        run = await agent.run(f"Note that {FULL_NAME} called.", untrusted=f"From: {MAIL}")
        (proposal,) = await operator.approvals.list(run_id=run.run_id)
        await operator.approvals.approve(proposal.proposal_id, answer=f"Ask {FULL_NAME}.")
        assert FULL_NAME in str((await agent.resume(run.run_id)).output)
        await desk.memories.add(f"{FULL_NAME} knows the VPN, {PHONE}.")
        again = await agent.run(f"Note that {FULL_NAME} called again.")
        (proposal,) = await operator.approvals.list(run_id=again.run_id)
        await operator.approvals.reject(proposal.proposal_id, reason=f"{FULL_NAME} objects", lasting=True)
        sandbox.script([Reply(tool_calls=(ToolCall("note", {"text": "Called"}),))])
        assert (await agent.run(f"Note that {FULL_NAME} called again.")).state == "waiting"


def _tickets() -> list[TrainingTicket]:
    """Tickets that name the person in their texts."""
    return [replace(ticket, text=f"{ticket.text} regards {FULL_NAME}") for ticket in tickets(60)]


async def _models(admin: Admin, desk: Desk) -> list[TriageModel]:
    """The tenant's triage models as they are stored."""
    cursor = await admin.execute(
        "SELECT weights, sha256 FROM triage_models WHERE tenant_id = %s", (desk.scope.tenant_id,)
    )
    return [load(bytes(row[0]), expected=str(row[1])) for row in await cursor.fetchall()]  # pyright: ignore[reportArgumentType]


async def test_the_last_owner_is_not_erased(bureau: Bureau) -> None:
    await bureau.operator.access.grant("owner", user=NAME)
    for act in (bureau.operator.privacy.plan, bureau.operator.privacy.erase):
        with pytest.raises(ConflictError) as refused:
            await act(NAME)
        assert "deskmind access grant owner" in refused.value.remedy
    assert await bureau.operator.privacy.erasures() == []
    assert await bureau.person.knowledge.search("VPN token")
    await bureau.operator.access.grant("owner", user="ben")
    assert (await bureau.operator.privacy.erase(NAME)).state == "done"


async def test_an_account_can_do_nothing_from_the_moment_its_erasure_is_asked_for(bureau: Bureau) -> None:
    await bureau.operator.privacy.request_erasure(NAME)
    with pytest.raises(PermissionDeniedError):
        await bureau.person.knowledge.search("VPN token")


async def test_events_are_exported_as_the_person_may_read_them(bureau: Bureau) -> None:
    await bureau.operator.access.grant("admin", user=NAME)
    with came_from("192.0.2.14"):
        await bureau.person.principals.set_groups("ben", ["hr"])
    events = (await bureau.operator.privacy.export(NAME)).stores["audit"]
    (own,) = [
        event for event in events if event["action"] == "principals.write" and event["principal"] == NAME
    ]
    assert (own["resource"], own["address"]) == ("another person", "192.0.2.14")
    (granted,) = [event for event in events if event["action"] == "access.grant"]
    assert (granted["resource"], granted["principal"]) == (f"user {NAME}", "operator")
    assert "ben" not in str(events)
