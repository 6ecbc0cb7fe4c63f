"""Memberships that come and go while something remembers them: nobody sees more than they may, nor less for what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deskmind.app import Deskmind
from deskmind.database import Connection
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, PermissionDeniedError
from deskmind.governance.access import Permission
from deskmind.governance.access.authority import AccessAuthority
from deskmind.scope import Scope


class Clock:
    """A time that passes when a test says so."""

    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
async def replica(desk_home: Path, app: Deskmind) -> AsyncIterator[Deskmind]:
    """Another process's application on the same database."""
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}) as started:
        yield started


@pytest.fixture
async def clock(replica: Deskmind) -> AsyncIterator[Clock]:
    """What the replica remembers of grants, and of keys, is as old as this clock says."""
    clock, before = Clock(), replica.authority
    replica.database.authority = replica.authority = AccessAuthority(replica.database, clock=clock)
    replica.forget_authentication()
    replica._authentication._believed.clock = clock
    yield clock
    await replica.authority.close()
    replica.database.authority = replica.authority = before


@pytest.fixture
async def pay(operator: Desk) -> Desk:
    """The operator's desk of a tenant whose group hr has a document, and whose user ann is in no group."""
    await operator.knowledge.add("p.md", b"# Pay\n\nThe printer budget.", groups=["hr"])
    await operator.principals.add_user("ann")
    return operator


async def _names(desk: Desk) -> list[str]:
    return [one.title for one in await desk.knowledge.documents()]


async def _refused(operator: Desk) -> list[str]:
    """What the audit log says was refused."""
    return [event.action for event in await operator.audit(limit=200) if event.outcome == "denied"]


async def test_a_desk_opened_after_a_change_elsewhere_is_opened_with_the_memberships_of_then(
    replica: Deskmind, pay: Desk, clock: Clock
) -> None:
    tenant = pay.scope.tenant
    assert await _names(await replica.desk(tenant=tenant, user="ann")) == []
    await pay.principals.set_groups("ann", ["hr"])
    joined = await replica.desk(tenant=tenant, user="ann")
    assert await _names(joined) == ["Pay"]
    await pay.principals.set_groups("ann", [])
    assert await _names(await replica.desk(tenant=tenant, user="ann")) == []
    clock.seconds += 1.0
    with pytest.raises(PermissionDeniedError) as refused:
        await _names(joined)
    assert refused.value.remedy == "Open the desk again."
    assert await _refused(pay) == ["documents.read"]


async def test_an_overseer_s_desk_opened_after_the_grant_elsewhere_oversees(
    replica: Deskmind, pay: Desk, clock: Clock
) -> None:
    del clock
    tenant = pay.scope.tenant
    assert await _names(await replica.desk(tenant=tenant, user="ann")) == []
    await pay.access.grant("admin", user="ann")
    assert await _names(await replica.desk(tenant=tenant, user="ann")) == ["Pay"]


async def test_nobody_is_refused_a_role_that_was_granted_elsewhere(
    replica: Deskmind, pay: Desk, clock: Clock
) -> None:
    ann = await replica.desk(tenant=pay.scope.tenant, user="ann")
    with pytest.raises(PermissionDeniedError):
        await ann.audit()
    await pay.access.grant("auditor", user="ann")
    assert await ann.audit()
    assert await _refused(pay) == ["audit.read"]
    await pay.access.revoke("auditor", user="ann")
    clock.seconds += 1.0
    with pytest.raises(PermissionDeniedError):
        await ann.audit()


async def test_what_is_learnt_for_one_desk_counts_for_the_others(
    replica: Deskmind, pay: Desk, clock: Clock
) -> None:
    """The refusal of one asks anew: what another could do by what was remembered ends with it."""
    del clock
    await pay.principals.add_user("ben", groups=["hr"])
    ann = await replica.desk(tenant=pay.scope.tenant, user="ann")
    ben = await replica.desk(tenant=pay.scope.tenant, user="ben")
    assert await _names(ben) == ["Pay"]
    await pay.principals.set_groups("ben", [])
    with pytest.raises(PermissionDeniedError):
        await ann.audit()
    with pytest.raises(PermissionDeniedError):
        await _names(ben)


class Delayed:
    """A database whose next answer, once it is held back, comes later than it was given."""

    def __init__(self, app: Deskmind) -> None:
        self._database = app.database
        self._held: list[tuple[asyncio.Event, asyncio.Event]] = []

    def hold(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Tells that the next answer was given, and is told that it may come."""
        self._held.append((asyncio.Event(), asyncio.Event()))
        return self._held[-1]

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncGenerator[Connection]:
        held = self._held.pop() if self._held else None
        async with self._database.transaction(scope) as connection:
            yield connection
        if held is not None:
            held[0].set()
            await asyncio.wait_for(held[1].wait(), 60)


async def _turns() -> None:
    """Let every task come as far as it can without the database."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_answer_that_was_under_way_at_the_change_refuses_nobody(app: Deskmind, pay: Desk) -> None:
    tenant = pay.scope.tenant
    await pay.principals.add_user("ben")
    slow = Delayed(app)
    authority = AccessAuthority(slow, clock=lambda: 0.0)  # type: ignore[arg-type]
    for user in ("ann", "ben"):
        scope = (await app.desk(tenant=tenant, user=user)).scope
        await authority.admit(scope, Permission.DOCUMENTS_READ)
    given, comes = slow.hold()
    asking = asyncio.create_task(authority.admit(scope, Permission.AUDIT_READ))
    await asyncio.wait_for(given.wait(), 60)
    await pay.principals.set_groups("ann", ["hr"])
    joined = (await app.desk(tenant=tenant, user="ann")).scope
    admitted = asyncio.create_task(authority.admit(joined, Permission.DOCUMENTS_READ))
    await _turns()
    comes.set()
    assert (await admitted)[0] is joined
    with pytest.raises(PermissionDeniedError):
        await asking
    await authority.close()


async def test_an_answer_that_was_under_way_at_the_change_admits_nobody_once_it_is_known(
    app: Deskmind, pay: Desk
) -> None:
    tenant = pay.scope.tenant
    await pay.principals.add_user("ben")
    await pay.access.grant("auditor", user="ann")
    slow = Delayed(app)
    authority = AccessAuthority(slow, clock=lambda: 0.0)  # type: ignore[arg-type]
    ann, ben = [(await app.desk(tenant=tenant, user=one)).scope for one in ("ann", "ben")]
    await authority.admit(ben, Permission.DOCUMENTS_READ)
    given, comes = slow.hold()
    asking = asyncio.create_task(authority.admit(ann, Permission.AUDIT_READ))
    await asyncio.wait_for(given.wait(), 60)
    await pay.access.revoke("auditor", user="ann")
    with pytest.raises(PermissionDeniedError):  # for this refusal the version is asked for
        await authority.admit(ben, Permission.AUDIT_READ)
    later = asyncio.create_task(authority.admit(ann, Permission.AUDIT_READ))
    await _turns()
    comes.set()
    with pytest.raises(PermissionDeniedError):
        await later
    assert (await asking)[0].act == "operate"  # it began before
    await authority.close()


async def test_an_operation_of_the_whole_tenant_leaves_no_way_around_a_membership_that_ended(
    app: Deskmind, pay: Desk
) -> None:
    await pay.principals.set_groups("ann", ["hr"])
    await pay.access.grant("auditor", user="ann")
    ann = await app.desk(tenant=pay.scope.tenant, user="ann")
    wider, _ = await app.authority.admit(ann.scope, Permission.AUDIT_READ)
    assert (wider.act, wider.widened) == ("operate", True)
    within, _ = await app.authority.admit(wider, Permission.KNOWLEDGE_SEARCH)
    assert within == replace(ann.scope)
    await pay.principals.set_groups("ann", [])
    with pytest.raises(PermissionDeniedError, match="ann may not"):
        await app.authority.admit(wider, Permission.KNOWLEDGE_SEARCH)


@pytest.mark.parametrize("passed", [0.0, 0.95])
async def test_a_key_s_request_goes_on_with_the_memberships_that_are_left(
    replica: Deskmind, pay: Desk, clock: Clock, passed: float
) -> None:
    """Whether this process learnt of the end by another's request, or would learn of it as the request's operation begins."""
    await pay.principals.add_user("cleo", groups=["hr", "it"])
    await pay.knowledge.add("i.md", b"# IT\n\nThe printer toner.", groups=["it"])
    key = (await pay.keys.create("cleo")).secret
    assert sorted(await _names(await replica.authenticate(key))) == ["IT", "Pay"]
    clock.seconds += passed
    await pay.principals.set_groups("cleo", ["it"])
    if not passed:
        replica.authority.forget(pay.scope.tenant_id)
    desk = await replica.authenticate(key)
    clock.seconds += 0.09
    assert await _names(desk) == ["IT"]
    assert await _refused(pay) == []


async def test_a_former_admin_s_key_goes_on_as_what_is_left(
    replica: Deskmind, pay: Desk, clock: Clock
) -> None:
    del clock
    await pay.access.grant("admin", user="ann")
    key = (await pay.keys.create("ann")).secret
    assert await _names(await replica.authenticate(key)) == ["Pay"]
    await pay.access.revoke("admin", user="ann")
    replica.authority.forget(pay.scope.tenant_id)
    assert await _names(await replica.authenticate(key)) == []
    assert await _refused(pay) == []


async def test_a_key_that_was_revoked_meanwhile_is_not_opened_anew(
    replica: Deskmind, pay: Desk, clock: Clock
) -> None:
    del clock
    await pay.principals.set_groups("ann", ["hr"])
    key = await pay.keys.create("ann")
    assert await _names(await replica.authenticate(key.secret)) == ["Pay"]
    await pay.keys.revoke(key.key_id)
    await pay.principals.set_groups("ann", [])
    replica.authority.forget(pay.scope.tenant_id)
    with pytest.raises(AuthenticationError):
        await replica.authenticate(key.secret)
