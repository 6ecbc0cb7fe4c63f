"""Legal holds block erasure, retention and the end of the tenant, and say so."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.governance.privacy.conftest import FULL_NAME, MAIL, NAME, Bureau

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
