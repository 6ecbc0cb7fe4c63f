"""What a tenant says of redaction: kept apart from others, checked, on record, and true for every process soon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import (
    ConflictError,
    ContentBlockedError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from deskmind.governance.redaction import Action, DirectoryEntry, EntityType

NewTenant = Callable[[], Awaitable[str]]


async def _redacted(desk: Desk, text: str) -> str:
    return (await desk.redaction.redact(text)).text


async def test_a_pattern_holds_at_once_and_for_its_tenant_only(
    app: Deskmind, operator: Desk, new_tenant: NewTenant
) -> None:
    other = await app.desk(tenant=await new_tenant())
    assert await _redacted(operator, "about QX-4711") == "about QX-4711"
    await operator.redaction.add_pattern("badge", "QX-[0-9]{4}")
    assert await _redacted(operator, "about QX-4711") == "about <EMPLOYEE_ID_1>"
    assert await _redacted(other, "about QX-4711") == "about QX-4711"
    await operator.redaction.add_pattern("badge", "QX-[0-9]{5}", type="asset_number", score=0.7)
    (kept,) = await operator.redaction.patterns()
    assert (kept.name, kept.type, kept.score) == ("badge", EntityType.ASSET, 0.7)
    assert await _redacted(operator, "QX-4711 QX-47112") == "QX-4711 <ASSET_NUMBER_1>"
    await operator.redaction.remove_pattern("badge")
    assert await _redacted(operator, "QX-47112") == "QX-47112"
    assert await operator.redaction.patterns() == []
    with pytest.raises(NotFoundError, match="no pattern 'badge'"):
        await operator.redaction.remove_pattern("badge")


@pytest.mark.parametrize("regex", ["(a+)+$", "(?:[a-z]*)*x", "a*a*a*a*a*b", "(", "x?", "y" * 501])
async def test_an_expression_that_could_be_slow_or_is_none_is_refused(operator: Desk, regex: str) -> None:
    with pytest.raises(InvalidRequestError):
        await operator.redaction.add_pattern("bad", regex)
    assert await operator.redaction.patterns() == []


async def test_names_types_and_scores_are_checked(operator: Desk) -> None:
    for name, kind, score in (("Not a name", "PERSON", 0.9), ("ok", "NO_TYPE", 0.9), ("ok", "PERSON", 1.5)):
        with pytest.raises(InvalidRequestError):
            await operator.redaction.add_pattern(name, "QX-[0-9]{4}", type=kind, score=score)
    for number in range(100):
        await operator.redaction.add_pattern(f"p{number}", f"QX{number}-[0-9]")
    with pytest.raises(ConflictError, match="100 patterns"):
        await operator.redaction.add_pattern("one-more", "QX-[0-9]{4}")
    await operator.redaction.add_pattern("p1", "QY-[0-9]{4}")


async def test_actions_of_the_tenant_come_before_the_settings(operator: Desk) -> None:
    await operator.redaction.set_action("credit_card", "block")
    await operator.redaction.set_action("EMAIL_ADDRESS", "allow")
    assert (await operator.redaction.actions())[EntityType.CARD] is Action.BLOCK
    assert await _redacted(operator, "mail ann@example.com") == "mail ann@example.com"
    with pytest.raises(ContentBlockedError, match="CREDIT_CARD"):
        await operator.redaction.redact("4111 1111 1111 1111")
    await operator.redaction.set_action("CREDIT_CARD", None)
    assert await _redacted(operator, "4111 1111 1111 1111") == "<CREDIT_CARD_1>"
    with pytest.raises(InvalidRequestError, match="not a known action"):
        await operator.redaction.set_action("CREDIT_CARD", "burn")


async def test_users_devices_and_organisations_are_known_at_once(operator: Desk) -> None:
    await operator.redaction.redact("first")
    await operator.principals.add_user("zq", display_name="Zorblax Quillfeather")
    entries = [
        DirectoryEntry("KX-PRN-9", EntityType.HOST),
        DirectoryEntry("Vantablue Gmbh", EntityType.ORGANISATION),
        DirectoryEntry("Ixquia Tlaloc"),
    ]
    assert await operator.redaction.know(entries, source="servicenow", replace=True) == 3
    text = "QUILLFEATHER zorblax of vantablue, T. Ixquia's kx-prn-9, tlaloc ixquia"
    assert (
        await _redacted(operator, text)
        == "<PERSON_1> of <ORGANIZATION_1>, T. Ixquia's <HOST_NAME_1>, <PERSON_2>"
    )
    assert await operator.redaction.know(entries[:1], source="servicenow", replace=True) == 1
    assert await _redacted(operator, "ixquia tlaloc") == "ixquia tlaloc"
    assert await operator.redaction.directory() == entries[:1]
    assert await operator.redaction.forget(["KX-PRN-9"], source="servicenow") == 1
    assert await operator.redaction.directory() == []
    with pytest.raises(InvalidRequestError, match="too short"):
        await operator.redaction.know([DirectoryEntry("x")])


async def test_another_process_knows_it_with_its_next_request(
    app: Deskmind, operator: Desk, desk_home: Path
) -> None:
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, redaction={"refresh_seconds": 0}
    ) as other:
        there = await other.desk(tenant=operator.scope.tenant)
        assert await _redacted(there, "QX-4711, zorblax quillfeather") == "QX-4711, zorblax quillfeather"
        await operator.redaction.add_pattern("badge", "QX-[0-9]{4}")
        await operator.principals.add_user("zq", display_name="Zorblax Quillfeather")
        assert await _redacted(there, "QX-4711, zorblax quillfeather") == "<EMPLOYEE_ID_1>, <PERSON_1>"


async def test_only_operators_and_every_change_is_on_record_without_values(
    app: Deskmind, operator: Desk
) -> None:
    await operator.principals.add_user("member")
    member = await app.desk(tenant=operator.scope.tenant, user="member")
    for refused in (
        member.redaction.patterns(),
        member.redaction.redact("x"),
        member.redaction.add_pattern("badge", "QX-[0-9]{4}"),
        member.redaction.know([DirectoryEntry("Ann Rao")]),
    ):
        with pytest.raises(PermissionDeniedError):
            await refused
    await operator.redaction.add_pattern("badge", "QX-[0-9]{4}")
    await operator.redaction.know([DirectoryEntry("Ixquia Tlaloc")])
    events = [
        item
        for item in await operator.audit()
        if item.action == "redaction.write" and item.outcome != "denied"
    ]
    assert [(item.resource, item.details["act"]) for item in events] == [
        ("directory by-hand", "added"),
        ("pattern badge", "set"),
    ]
    assert "Ixquia" not in str(events)
