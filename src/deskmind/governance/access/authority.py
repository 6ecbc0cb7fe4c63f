"""Decides at the door of each operation: grants and policies of tenants, remembered and never long out of date."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

from deskmind.cache.flights import Flight, Flights
from deskmind.database import Database
from deskmind.errors import InvalidRequestError, PermissionDeniedError
from deskmind.governance.access._denials import ended, forbidden, not_held
from deskmind.governance.access._loading import GONE, Known, load, load_policy, load_version
from deskmind.governance.access.cedar import CedarPolicy
from deskmind.governance.access.permissions import OWN_REACH, Permission, permitted
from deskmind.governance.access.policy import Asked, Policy, Resource, Verdict
from deskmind.governance.access.rights import Decision, Grant, Holding, Rights
from deskmind.governance.access.roles import BUILT_IN, OVERSEEING
from deskmind.scope import OPERATOR, Scope

__all__ = ["AccessAuthority"]

_BELIEVED_SECONDS = 1.0
_SOON_SECONDS = 0.1
_MOST_USERS = 20_000
_MOST_TENANTS = 10_000
_MOST_AT_HAND = 5_000

_Name = tuple[UUID, UUID, UUID | None]
_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(slots=True)
class _Tenant:
    """What is known of a tenant, when it was asked for, and by which question of all."""

    asked: float
    question: int
    version: UUID | None
    policy_version: int
    policy: Policy | None


class _Broken:
    """Stands for a saved policy that this release cannot use."""

    def judge(self, asked: Asked) -> Verdict:
        """It forbids everything: what it would have forbidden is not known."""
        return Verdict(False, failed=("the saved policy does not fit this release",))


class AccessAuthority:
    """The authority of an application's database.

    What is remembered of a tenant is asked for again after one second, with one small query; what changed is known then
    here, and in the process of the change at once. Nobody is refused by what is remembered: it is asked for again before.
    Grants that end do so to the moment, by this machine's clock.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is known yet.

        Args:
            database: where grants are.
            clock: in seconds, for how long something is believed.
            now: the time that grants end by, with a time zone.
        """
        self._database = database
        self._clock = clock
        self._now = now
        self._tenants: OrderedDict[UUID, _Tenant] = OrderedDict()
        self._users: OrderedDict[_Name, Known] = OrderedDict()
        self._at_hand: dict[int, tuple[Scope, tuple[_Tenant, Known]]] = {}
        self._asking = Flights()
        self._questions = 0

    async def admit(self, scope: Scope, permission: str) -> tuple[Scope, str]:
        """The scope in which an operation runs, the desk's, or the tenant's for what concerns all of it; and the basis.

        Raises:
            PermissionDeniedError: a party lacks the permission, a policy forbids it, or the desk reaches more than it
                still may.
        """
        wanted = permission if isinstance(permission, Permission) else Permission(permission)
        if basis := self._plainly(scope, wanted):
            return scope, basis
        try:
            return await self._admitted(scope, wanted)
        except PermissionDeniedError:
            if _is_installation(scope):
                raise
        await self._ask_again(scope.tenant_id)
        return await self._admitted(scope, wanted)

    async def reaches(self, scope: Scope) -> bool:
        """Whether a desk, as it was opened, reaches no more than it may now; if not, its own operations are refused.

        An operation that begins within a tenth of a second goes by the same, unless something changes in this process.
        """
        if _is_installation(scope):
            return True
        tenant = self._tenants.get(scope.tenant_id)
        if tenant is not None and self._clock() - tenant.asked >= _BELIEVED_SECONDS - _SOON_SECONDS:
            await self._ask_again(scope.tenant_id)
        if await self._still_reaches(scope):
            return True
        await self._ask_again(scope.tenant_id)
        return await self._still_reaches(scope)

    async def decide(
        self, scope: Scope, permission: Permission, resource: Resource | None = None
    ) -> Decision:
        """Whether a scope may do something, and why.

        Args:
            scope: who.
            permission: what.
            resource: to what, for policies; the tenant unless given.
        """
        code = permission.code
        if _is_installation(scope):
            held = (Grant("operator", "the installation"),) if permission in permitted(scope) else ()
            return Decision(bool(held), code, held, missing=() if held else (scope.principal,))
        if not _within(scope, code):
            return Decision(False, code, missing=("the token's scopes",))
        believed = self._believed(scope)
        if believed is None:
            rights = await self.rights(scope)
            policy = (await self._tenant(scope.tenant_id)).policy
            now = self._now()
        elif lasting := self._lasting(believed, code):
            return lasting[0]
        else:
            now = self._now()
            rights, policy = Rights(*_parties(believed[1], now)), believed[0].policy
        decision = rights.decide(code, now=now)
        if not decision.allowed or policy is None:
            return decision
        return await self._judged(policy, scope, decision, resource)

    async def rights(self, scope: Scope) -> Rights:
        """What the user, its key, and an agent in its place may do, all of them together."""
        parties: list[Holding] = []
        for one in _chain(scope):
            if one.principal_id == OPERATOR:
                continue
            parties += _parties(await self._known(one), self._now())
        return Rights(*parties)

    async def held(self, scope: Scope) -> dict[str, datetime | None]:
        """Until when a scope holds each permission, ``resource:action``; None for always."""
        if _is_installation(scope):
            return {item.code: None for item in permitted(scope)}
        ends = (await self.rights(scope)).ends(self._now())
        return {code: until for code, until in ends.items() if _within(scope, code)}

    def forget(self, tenant_id: UUID) -> None:
        """Ask again about a tenant; what is being asked now is not believed."""
        forgotten = self._tenants.pop(tenant_id, None)
        if forgotten is not None:
            forgotten.asked = -math.inf  # nor is it believed where it is at hand
        self._asking.invalidate_prefix(tenant_id.bytes)

    async def close(self) -> None:
        """End what is being asked."""
        await self._asking.close()

    async def _admitted(self, scope: Scope, wanted: Permission) -> tuple[Scope, str]:
        decision = await self.decide(scope, wanted)
        if not decision.allowed:
            raise forbidden(scope, decision) if decision.policies else not_held(scope, wanted, decision)
        return await self._reaching(scope, wanted), decision.basis

    def _plainly(self, scope: Scope, wanted: Permission) -> str:
        """The basis where a user acts itself in its own reach, by roles that do not end, and no policy is asked: nearly always."""
        if (
            scope.act != "desk"
            or scope.widened
            or scope.agent is not None
            or scope.bounds is not None
            or wanted not in OWN_REACH
        ):
            return ""
        believed = self._believed(scope)
        if believed is None or not believed[1].groups.issuperset(scope.groups):
            return ""
        lasting = self._lasting(believed, wanted.code)
        return lasting[1] if lasting is not None else ""

    def _lasting(self, believed: tuple[_Tenant, Known], code: str) -> tuple[Decision, str] | None:
        """A decision for, which holds until grants change; None where a policy, or the time, has a say."""
        tenant, known = believed
        if tenant.policy is not None or known.key_ends is not None:
            return None
        found = known.lasting.get(code)
        if found is None:
            now = self._now()
            decision = Rights(*_parties(known, now)).decide(code, now=now)
            if not decision.allowed or any(grant.until is not None for grant in decision.grants):
                return None
            found = known.lasting[code] = decision, decision.basis
        return found

    async def _reaching(self, scope: Scope, wanted: Permission) -> Scope:
        if _is_installation(scope):
            return scope
        if wanted not in OWN_REACH:
            return replace(scope, act="operate", widened=True) if scope.act == "desk" else scope
        if scope.widened:
            scope = replace(scope, act="desk", widened=False)
        if not await self._still_reaches(scope):
            raise ended(scope, wanted)
        return scope

    async def _judged(
        self, policy: Policy, scope: Scope, decision: Decision, resource: Resource | None
    ) -> Decision:
        now = self._now()
        acted_on = resource or Resource("tenant", scope.tenant)
        for one in _chain(scope):
            if one.principal_id == OPERATOR:
                continue
            known = await self._known(one)
            context = {
                "hour": now.hour,
                "weekday": now.isoweekday(),
                "key": one.key_id is not None,
                "agent": one.agent.principal if one.agent is not None else "",
            }
            roles = known.user.roles(now)
            verdict = policy.judge(
                Asked(
                    decision.permission,
                    one.principal,
                    roles,
                    known.group_names,
                    known.service,
                    acted_on,
                    context,
                )
            )
            if not verdict.allowed:
                named = (*verdict.policies, *verdict.failed)
                return Decision(False, decision.permission, decision.grants, named)
        return decision

    async def _still_reaches(self, scope: Scope) -> bool:
        """Whether the desk, as it was opened, reaches no more than it may now."""
        believed = self._believed(scope)
        if believed is not None and scope.act == "desk":
            return believed[1].groups.issuperset(scope.groups)
        for one in _chain(scope):
            known = await self._known(one) if one.principal_id != OPERATOR else None
            if known is not None and not known.groups.issuperset(one.groups):
                return False
        if scope.act == "desk":
            return True
        return (await self.rights(scope)).all_hold_one_of(OVERSEEING, self._now())

    def _believed(self, scope: Scope) -> tuple[_Tenant, Known] | None:
        """What is known of a user that acts itself, where nothing has to be asked: nearly always."""
        found = self._at_hand.get(id(scope))
        if found is not None and found[0] is scope and self._clock() - found[1][0].asked < _BELIEVED_SECONDS:
            return found[1]
        tenant = self._tenants.get(scope.tenant_id)
        if tenant is None or scope.agent is not None or self._clock() - tenant.asked >= _BELIEVED_SECONDS:
            return None
        known = self._users.get((scope.tenant_id, scope.principal_id, scope.key_id))
        if known is None or known.version != tenant.version:
            return None
        if len(self._at_hand) >= _MOST_AT_HAND:
            self._at_hand.clear()
        self._at_hand[id(scope)] = scope, (tenant, known)
        return tenant, known

    async def _tenant(self, tenant_id: UUID) -> _Tenant:
        """What is known of a tenant, as the database said at most a second ago."""
        tenant = self._tenants.get(tenant_id)
        if tenant is not None and self._clock() - tenant.asked < _BELIEVED_SECONDS:
            return tenant
        return await self._asked(tenant_id)

    async def _ask_again(self, tenant_id: UUID) -> None:
        """Know of a tenant what the database says from now on: a question that is under way may be answered already."""
        before = self._questions
        if (await self._asked(tenant_id)).question <= before:
            await self._asked(tenant_id)

    async def _asked(self, tenant_id: UUID) -> _Tenant:
        found, _ = await self._asking.run(tenant_id.bytes, partial(self._ask_tenant, tenant_id))
        return cast("_Tenant", found)

    async def _known(self, scope: Scope) -> Known:
        """What is known of a scope's user: what was read since the tenant's grants changed last."""
        tenant = await self._tenant(scope.tenant_id)
        name = (scope.tenant_id, scope.principal_id, scope.key_id)
        known = self._users.get(name)
        if known is None or known.version != tenant.version:
            flight = b"".join(part.bytes if part is not None else b"-" for part in name)
            found, shared = await self._asking.run(flight, partial(self._ask_user, name))
            known = cast("Known", found)
            if shared and known.version != tenant.version:  # the load was under way, from before the version
                found, _ = await self._asking.run(flight, partial(self._ask_user, name))
                known = cast("Known", found)
        return known

    async def _ask_tenant(self, tenant_id: UUID, flight: Flight) -> _Tenant:
        self._questions += 1
        asked, question = self._clock(), self._questions
        async with self._database.transaction(Scope.operator(tenant_id, "", "access")) as connection:
            version = await load_version(connection, tenant_id)
            before = self._tenants.get(tenant_id)
            if before is not None and before.version == version:
                if question > before.question and flight.may_keep():
                    before.asked, before.question = asked, question
                return before
            number, text, _ = await load_policy(connection, tenant_id)
        policy = await asyncio.to_thread(_parsed, text) if text else None
        found = _Tenant(asked, question, version, number, policy)
        if flight.may_keep():
            if before is not None:
                before.asked = -math.inf  # nor is it believed where it is at hand
            _keep(self._tenants, tenant_id, found, _MOST_TENANTS)
        return found

    async def _ask_user(self, name: _Name, flight: Flight) -> Known:
        tenant_id, principal_id, key_id = name
        async with self._database.transaction(Scope.operator(tenant_id, "", "access")) as connection:
            found = await load(connection, tenant_id, principal_id, key_id)
        if flight.may_keep():
            _keep(self._users, name, found, _MOST_USERS)
        return found


def _is_installation(scope: Scope) -> bool:
    """Whether it is the operator of the installation, whom no grant binds."""
    return scope.act == "directory" or scope.principal_id == OPERATOR


def _chain(scope: Scope) -> Iterator[Scope]:
    """A scope, the agent in its place, the agent in the agent's place."""
    one: Scope | None = scope
    while one is not None:
        yield one
        one = one.agent


def _parties(known: Known, now: datetime) -> list[Holding]:
    """A user and the key it came with."""
    parties = [known.user]
    if known.key is not None:
        parties.append(known.key)
    if known.key_ends is not None and known.key_ends <= now:
        parties.append(GONE)
    return parties


def _within(scope: Scope, code: str) -> bool:
    """Whether the scopes of the token that was shown, if one was, leave a permission."""
    if scope.agent is None:
        return scope.bounds is None or code in scope.bounds
    return all(one.bounds is None or code in one.bounds for one in _chain(scope))


def _parsed(text: str) -> Policy:
    try:
        return CedarPolicy(text, BUILT_IN["owner"].permissions)
    except InvalidRequestError:
        return _Broken()


def _keep(memory: OrderedDict[_K, _V], name: _K, value: _V, most: int) -> None:
    """Remember a value; the one that was read longest ago makes room."""
    memory[name] = value
    memory.move_to_end(name)
    if len(memory) > most:
        memory.popitem(last=False)
