"""Legal holds block erasure, retention and the end of the tenant, and say so."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.governance.privacy.conftest import FULL_NAME, MAIL, NAME, Admin, Bureau

from deskmind.app import Deskmind
from deskmind.errors import ConflictError, InvalidRequestError, LegalHoldError, NotFoundError


@pytest.mark.parametrize("on", [NAME, FULL_NAME, None])
async def test_a_hold_blocks_erasure_until_it_is_released(bureau: Bureau, on: str | None) -> None:
    hold = await bureau.operator.privacy.hold(on, "case 4711")
    await bureau.person.conversations.create("Mine")
    for act in (
        bureau.operator.privacy.erase,
        bureau.operator.privacy.plan,
        bureau.operator.privacy.request_erasure,
    ):
        with pytest.raises(LegalHoldError, match="legal hold"):
            await act(NAME)
    assert await bureau.operator.privacy.erasures() == []
    assert [item.hold_id for item in await bureau.operator.privacy.holds()] == [hold.hold_id]
    await bureau.operator.privacy.release(hold.hold_id)
    assert await bureau.operator.privacy.holds() == []
    assert (await bureau.operator.privacy.erase(NAME)).state == "done"


async def test_a_hold_on_one_does_not_protect_another(bureau: Bureau) -> None:
    await bureau.operator.privacy.hold("ben", "case 4711")
    about = await bureau.ben.conversations.create(f"Of {FULL_NAME}")
    erasure = await bureau.operator.privacy.erase(NAME)
    assert erasure.state == "done"
    kept = await bureau.ben.conversations.get(about.about.conversation_id)
    assert kept.about.title == f"Of {FULL_NAME}", "what is held stays as it is"


async def test_a_hold_placed_while_it_runs_stops_an_erasure_and_its_release_lets_it_finish(
    bureau: Bureau,
) -> None:
    waiting = await bureau.operator.privacy.request_erasure(NAME)
    hold = await bureau.operator.privacy.hold(NAME, "case 4711")
    with pytest.raises(LegalHoldError):
        await bureau.operator.privacy.resume(waiting.erasure_id)
    await bureau.operator.privacy.release(hold.hold_id)
    (done,) = await bureau.operator.privacy.resume(waiting.erasure_id)
    assert done.state == "done"


async def test_an_erasure_that_is_held_does_not_hold_up_the_others(bureau: Bureau) -> None:
    others = [await bureau.operator.privacy.request_erasure("ben")]
    held = await bureau.operator.privacy.request_erasure(NAME)
    others.append(await bureau.operator.privacy.request_erasure("nobody.known@example.com"))
    await bureau.operator.privacy.hold(NAME, "case 4711")
    states = {one.erasure_id: one.state for one in await bureau.operator.privacy.resume()}
    assert states == {held.erasure_id: "waiting", **{one.erasure_id: "done" for one in others}}


async def test_the_database_itself_heeds_holds(bureau: Bureau) -> None:
    mine = await bureau.person.conversations.create("Mine")
    await bureau.operator.privacy.hold(NAME, "case 4711")
    with pytest.raises(LegalHoldError):
        await bureau.operator.conversations.erase_of(bureau.person.scope.principal_id)
    with pytest.raises(LegalHoldError):
        await bureau.person.conversations.erase(mine.about.conversation_id)
    assert len(await bureau.person.conversations.list()) == 1


async def test_a_held_tenant_cannot_be_deleted(app: Deskmind, bureau: Bureau) -> None:
    hold = await bureau.operator.privacy.hold(None, "case 4711")
    tenant = bureau.operator.scope.tenant
    with pytest.raises(LegalHoldError, match="legal hold"):
        await app.tenants.delete(tenant)
    assert len(await bureau.operator.knowledge.documents()) == 2
    await bureau.operator.privacy.release(hold.hold_id)
    assert (await app.tenants.delete(tenant)).rows > 10


async def test_holds_are_on_record_and_name_nobody(bureau: Bureau) -> None:
    hold = await bureau.operator.privacy.hold(MAIL, "case 4711")
    await bureau.operator.privacy.release(hold.hold_id)
    with pytest.raises(ConflictError, match="before"):
        await bureau.operator.privacy.release(hold.hold_id)
    with pytest.raises(NotFoundError):
        await bureau.operator.privacy.release(uuid4())
    with pytest.raises(InvalidRequestError, match="reason"):
        await bureau.operator.privacy.hold(NAME, "  ")
    events = [event for event in await bureau.operator.audit() if event.action == "privacy.hold"]
    assert [event.details["act"] for event in events] == ["released", "placed"]
    assert "quorn" not in str(events).lower()


_VOTED = """
WITH run AS (INSERT INTO agent_runs (tenant_id, run_id, principal_id, agent, definition, prompt, state)
             VALUES (%(tenant)s, %(run)s, %(owner)s, 'triage', '{}', '', 'done') RETURNING tenant_id, run_id, principal_id),
     proposal AS (INSERT INTO agent_proposals (tenant_id, proposal_id, run_id, call_id, principal_id, tool, kind, arguments,
                      changes, reason, needed, expires_at)
                  SELECT tenant_id, run_id, run_id, '', principal_id, 'close', 'write', '{}', '{}', '', 1, now() FROM run
                  RETURNING tenant_id, proposal_id)
INSERT INTO agent_votes (tenant_id, proposal_id, approver_id, verdict, reason)
SELECT tenant_id, proposal_id, %(approver)s, 'reject', %(reason)s FROM proposal
"""


@pytest.mark.parametrize("held", ["approver", "owner"])
async def test_what_was_said_in_a_vote_stays_while_its_author_or_the_run_is_held(
    admin: Admin, bureau: Bureau, held: str
) -> None:
    said = f"{FULL_NAME} asked for this"
    people = {held: bureau.ben.scope.principal_id}
    values = {
        "tenant": bureau.operator.scope.tenant_id,
        "owner": people.get("owner"),
        "approver": people.get("approver", uuid4()),
        "reason": said,
    }
    await admin.execute(_VOTED, {**values, "run": uuid4()})
    hold = await bureau.operator.privacy.hold("ben", "case 4711")
    await bureau.operator.privacy.erase(NAME)
    reasons = "SELECT reason FROM agent_votes WHERE tenant_id = %(tenant)s"
    assert await (await admin.execute(reasons, values)).fetchall() == [(said,)]
    await bureau.operator.privacy.release(hold.hold_id)
    await bureau.operator.privacy.erase("somebody else", also=[FULL_NAME])
    assert await (await admin.execute(reasons, values)).fetchall() == [("(erased) asked for this",)]


async def test_documents_of_a_held_person_stay_as_they_are(bureau: Bureau) -> None:
    await bureau.operator.access.grant("knowledge-manager", user="ben")
    await bureau.operator.privacy.hold("ben", "case 4711")
    ben = await bureau.again("ben")
    report = await ben.knowledge.add("ben.md", f"# Keys\n\nAsk {FULL_NAME} for a key.".encode())
    assert report.count("stored") == 1
    planned = await bureau.operator.privacy.plan(NAME)
    erasure = await bureau.operator.privacy.erase(NAME)
    texts = [
        (await bureau.operator.knowledge.document(document.document_id)).text
        for document in await bureau.operator.knowledge.documents()
    ]
    assert [FULL_NAME in text for text in texts].count(True) == 1
    assert planned["knowledge"]["masked"] == erasure.counts["knowledge"]["masked"] == 1


async def test_a_held_person_does_not_write_over_a_correction(admin: Admin, bureau: Bureau) -> None:
    answer = await bureau.person.ask("How long does a VPN token last?")
    await bureau.person.feedback.give(answer.request_id, "down", correction="It lasted thirty days.")
    hold = await bureau.operator.privacy.hold(NAME, "case 4711")
    await bureau.person.feedback.give(answer.request_id, "up", correction="It lasted thirty days.")
    for correction in ("", "I never said so."):
        with pytest.raises(LegalHoldError):
            await bureau.person.feedback.give(answer.request_id, "up", correction=correction)
    (entry,) = await bureau.person.feedback.list()
    assert entry.correction == "It lasted thirty days."
    await bureau.operator.privacy.release(hold.hold_id)
    assert (await bureau.person.feedback.give(answer.request_id, "up")).correction == ""
