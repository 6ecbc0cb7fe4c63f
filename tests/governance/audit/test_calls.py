"""Model calls in the audit log: made of the ledger's rows when the log is sealed, and agreeing with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from psycopg import AsyncConnection, sql
from psycopg.errors import DivisionByZero, InsufficientPrivilege

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.governance.audit.reading import ERASED
from deskmind.governance.audit.service import AuditFilter

_TROUBLE = """
CREATE FUNCTION deskmind.in_trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$;
CREATE TRIGGER in_trouble BEFORE INSERT ON deskmind.audit_events FOR EACH ROW
  WHEN (NEW.tenant_id = {} AND NEW.action = 'models.call') EXECUTE FUNCTION deskmind.in_trouble()
"""
_HELLO = [{"role": "user", "content": "hello there my friend"}]


@pytest.fixture
async def called(modelled: Deskmind, operator: Desk) -> Desk:
    """The operator's desk of a tenant in which a user called a model, well and in vain, and the operator did."""
    await operator.principals.add_user("ann")
    ann = await modelled.desk(tenant=operator.scope.tenant, user="ann")
    await ann.models.chat("fast", _HELLO)
    boss = await modelled.desk(tenant=operator.scope.tenant)
    await boss.models.chat("fast", _HELLO)
    await modelled.settle_stories()
    await modelled.sealing.seal()
    return boss


async def test_a_call_is_an_event_that_agrees_with_the_ledger(modelled: Deskmind, called: Desk) -> None:
    events = await called.audit_log.search(AuditFilter(action="models.call"))
    async with called.database.transaction(called.scope) as connection:
        cursor = await connection.execute(
            "SELECT call_id, started_at, deployment, input_tokens, output_tokens, cost, outcome, error, request_id, model"
            "  FROM usage_entries WHERE tenant_id = %s ORDER BY started_at DESC",
            (called.scope.tenant_id,),
        )
        booked = await cursor.fetchall()
        cursor = await connection.execute("SELECT count(*) FROM audit_calls_due")
        assert await cursor.fetchone() == (0,)
    assert [event.principal for event in events] == ["operator", "ann"]
    for event, row in zip(events, booked, strict=True):
        call_id, started, deployment, given, made, cost, outcome, error, request, model = row
        assert (event.event_id, event.occurred_at, event.resource) == (call_id, started, model)
        assert (event.outcome, event.correlation_id) == ("failed" if error else "done", request)
        told = event.details
        assert (told["deployment"], told["input_tokens"], told["output_tokens"]) == (deployment, given, made)
        assert (Decimal(told["cost"]), told["ledger"]) == (cost, outcome)
    report = await called.audit_log.verify(await modelled.sealing.public_keys())
    assert report.holds
    assert report.events == len(await called.audit(limit=1000))


async def test_an_erased_persons_calls_name_nobody(modelled: Deskmind, called: Desk) -> None:
    await called.audit_log.forget("ann")
    events = await called.audit_log.search(AuditFilter(action="models.call"))
    assert [event.principal for event in events] == ["operator", ERASED]
    assert (await called.audit_log.verify(await modelled.sealing.public_keys())).holds
    ann = await modelled.desk(tenant=called.scope.tenant, user="ann")
    await ann.models.chat("fast", _HELLO)
    await modelled.settle_stories()
    await modelled.sealing.seal()
    newest = (await called.audit_log.search(AuditFilter(action="models.call")))[0]
    assert newest.principal == "ann"


async def test_calls_that_are_due_count_as_not_sealed(modelled: Deskmind, called: Desk) -> None:
    before = (await modelled.sealing.backlog()).events
    await called.models.chat("fast", _HELLO)
    await modelled.settle_stories()
    assert (await modelled.sealing.backlog()).events >= before + 1
    await modelled.sealing.seal()
    assert len(await called.audit_log.search(AuditFilter(action="models.call"))) == 3


async def test_a_ledger_row_changed_after_the_seal_is_found(modelled: Deskmind, called: Desk) -> None:
    address = modelled.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as admin:
        await admin.execute(
            "UPDATE deskmind.usage_entries SET cost = 0 WHERE tenant_id = %s", (called.scope.tenant_id,)
        )
    report = await called.audit_log.verify(await modelled.sealing.public_keys())
    assert {finding.kind for finding in report.findings} == {"ledger"}


async def test_only_an_operator_makes_events_of_calls(modelled: Deskmind, called: Desk) -> None:
    ann = await modelled.desk(tenant=called.scope.tenant, user="ann")
    with pytest.raises(InsufficientPrivilege, match="operator of the tenant"):
        async with ann.database.transaction(ann.scope) as connection:
            await connection.execute("SELECT audit_derive(%s, '[]')", (ann.scope.tenant_id,))


async def test_one_tenants_trouble_keeps_no_others_calls_and_events(
    modelled: Deskmind, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    desks = [await modelled.desk(tenant=await new_tenant()) for _ in range(2)]
    await modelled.sealing.seal()
    address = modelled.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as admin:
        for number, (troubled, other) in enumerate((desks, desks[::-1]), 1):  # one of them comes first
            for desk in desks:
                await desk.models.chat("fast", _HELLO)
            await modelled.settle_stories()
            await admin.execute(sql.SQL(_TROUBLE).format(sql.Literal(str(troubled.scope.tenant_id))))
            try:
                with pytest.raises(DivisionByZero):
                    await modelled.sealing.seal()
            finally:
                await admin.execute("DROP FUNCTION deskmind.in_trouble() CASCADE")
            assert len(await other.audit_log.search(AuditFilter(action="models.call"))) == number
            assert len(await troubled.audit_log.search(AuditFilter(action="models.call"))) == number - 1
            checkpoint = await other.audit_log.checkpoint()
            assert checkpoint is not None
            assert checkpoint.size == len(await other.audit(limit=1_000)), "its events are sealed, too"
            await modelled.sealing.seal()
            assert len(await troubled.audit_log.search(AuditFilter(action="models.call"))) == number
