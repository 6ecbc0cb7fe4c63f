"""Grants take effect, end, and explain themselves; the ways to get more than one was given are closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from deskmind.governance.access import Permission
from deskmind.governance.access.authority import AccessAuthority


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.start = datetime.now(UTC)

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds - 1_000.0)


@pytest.fixture
async def clock(app: Deskmind) -> AsyncIterator[Clock]:
    """The application's authority goes by this clock meanwhile."""
    clock, before = Clock(), app.database.authority
    app.database.authority = app.authority = AccessAuthority(app.database, clock=clock, now=clock.now)
    yield clock
    await app.authority.close()
    assert isinstance(before, AccessAuthority)
    app.database.authority = app.authority = before


async def _desk(app: Deskmind, operator: Desk, name: str, *roles: str) -> Desk:
    """The desk of a new user with these roles besides requester."""
    await operator.principals.add_user(name)
    for role in roles:
        await operator.access.grant(role, user=name)
    return await app.desk(tenant=operator.scope.tenant, user=name)


@pytest.fixture(scope="module")
async def replica(desk_home: Path, app: Deskmind) -> AsyncIterator[Deskmind]:
    """Another process's application on the same database."""
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}) as started:
        yield started


# ---------------------------------------------------------------- grants


async def test_a_role_opens_and_its_end_closes(app: Deskmind, operator: Desk, clock: Clock) -> None:
    auditor = await _desk(app, operator, "ann")
    with pytest.raises(PermissionDeniedError) as refused:
        await auditor.audit()
    assert refused.value.why == "No role of ann includes 'audit:read'."
    assert "owner, admin, auditor" in refused.value.remedy
    await operator.access.grant("auditor", user="ann", until=clock.now() + timedelta(hours=8))
    assert await auditor.audit()
    decision = await auditor.access.check("audit:read")
    assert decision.because[0].startswith("role auditor granted to user ann until ")
    clock.seconds += 8 * 3600
    with pytest.raises(PermissionDeniedError):
        await auditor.audit()


async def test_what_ends_does_so_to_the_moment_while_what_is_known_is_believed(
    app: Deskmind, operator: Desk
) -> None:
    moment = [datetime.now(UTC)]
    end = moment[0] + timedelta(hours=1)
    authority = AccessAuthority(app.database, clock=lambda: 0.0, now=lambda: moment[0])
    ann = await _desk(app, operator, "ann")
    await operator.access.grant("auditor", user="ann", until=end)
    key = await operator.keys.create("ann", expires_at=end)
    keyed = (await app.authenticate(key.secret)).scope
    for _ in range(3):  # the second and third time by what is remembered
        assert (await authority.decide(ann.scope, Permission.AUDIT_READ)).allowed
        assert (await authority.admit(keyed, Permission.KNOWLEDGE_SEARCH))[0] is keyed
        assert (await authority.decide(keyed, Permission.KNOWLEDGE_SEARCH)).allowed
    moment[0] = end
    assert not (await authority.decide(ann.scope, Permission.AUDIT_READ)).allowed
    assert not (await authority.decide(keyed, Permission.KNOWLEDGE_SEARCH)).allowed
    with pytest.raises(PermissionDeniedError):
        await authority.admit(keyed, Permission.KNOWLEDGE_SEARCH)
    assert (await authority.admit(ann.scope, Permission.KNOWLEDGE_SEARCH))[0] is ann.scope
    await authority.close()


async def test_a_wider_operation_does_not_widen_the_desk(app: Deskmind, operator: Desk) -> None:
    await operator.knowledge.add("s.md", b"# Salaries\n\nThe printer budget is secret.", groups=["board"])
    auditor = await _desk(app, operator, "ann", "auditor", "knowledge-manager")
    assert await auditor.audit()
    assert await auditor.principals.users()
    assert await auditor.knowledge.documents() == []
    assert await auditor.knowledge.search("printer budget") == []


async def test_a_change_is_known_elsewhere_after_a_second(
    app: Deskmind, replica: Deskmind, operator: Desk
) -> None:
    ann = await _desk(app, operator, "ann", "auditor")
    clock = Clock()
    replica.database.authority = AccessAuthority(replica.database, clock=clock)
    there = await replica.desk(tenant=operator.scope.tenant, user="ann")
    assert await there.audit()
    await operator.access.revoke("auditor", user="ann")
    with pytest.raises(PermissionDeniedError):
        await ann.audit()
    clock.seconds += 0.99
    assert await there.audit()
    clock.seconds += 0.01
    with pytest.raises(PermissionDeniedError):
        await there.audit()


async def test_a_group_gives_and_takes_its_role(app: Deskmind, operator: Desk) -> None:
    await operator.principals.add_group("watch")
    await operator.access.grant("auditor", group="watch")
    ann = await _desk(app, operator, "ann")
    await operator.principals.set_groups("ann", ["watch"])
    assert (await ann.access.check("audit:read")).because == ["role auditor granted to group watch"]
    assert await ann.audit()
    await operator.principals.set_groups("ann", [])
    with pytest.raises(PermissionDeniedError):
        await ann.audit()


async def test_a_desk_opened_in_a_group_that_was_left_must_be_opened_again(
    app: Deskmind, operator: Desk
) -> None:
    await operator.principals.add_user("ann", groups=["hr"])
    await operator.knowledge.add("p.md", b"# Pay\n\nThe printer budget.", groups=["hr"])
    ann = await app.desk(tenant=operator.scope.tenant, user="ann")
    assert await ann.knowledge.documents()
    await operator.principals.set_groups("ann", [])
    with pytest.raises(PermissionDeniedError, match="ann may not") as refused:
        await ann.knowledge.documents()
    assert refused.value.remedy == "Open the desk again."
    assert await (await app.desk(tenant=operator.scope.tenant, user="ann")).knowledge.documents() == []


async def test_a_desk_of_a_former_admin_reaches_nothing(app: Deskmind, operator: Desk) -> None:
    await operator.knowledge.add("p.md", b"# Pay\n\nThe printer budget.", groups=["hr"])
    boss = await _desk(app, operator, "boss", "admin")
    assert await boss.knowledge.documents()
    await operator.access.revoke("admin", user="boss")
    with pytest.raises(PermissionDeniedError, match="boss may not"):
        await boss.knowledge.documents()
    with pytest.raises(PermissionDeniedError, match="boss may not"):
        await boss.knowledge.search("printer")
    assert await (await app.desk(tenant=operator.scope.tenant, user="boss")).knowledge.documents() == []


async def test_every_grant_and_refusal_is_in_the_audit_log(app: Deskmind, operator: Desk) -> None:
    ann = await _desk(app, operator, "ann")
    await operator.access.grant("technician", user="ann", reason="joined the desk")
    await operator.access.revoke("technician", user="ann")
    with pytest.raises(PermissionDeniedError):
        await ann.access.grant("owner", user="ann")
    told = [
        (event.outcome, event.resource, event.details.get("role"), event.details.get("revoked"))
        for event in await operator.audit()
        if event.action == "access.grant"
    ]
    assert told[::-1] == [
        ("done", "user ann", "technician", False),
        ("done", "user ann", "technician", True),
        ("denied", "", None, None),
    ]


async def test_events_say_what_allowed_or_refused_the_act_and_name_nobody(
    app: Deskmind, operator: Desk
) -> None:
    await operator.principals.add_group("watch")
    await operator.access.grant("admin", group="watch")
    ann = await _desk(app, operator, "ann")
    with pytest.raises(PermissionDeniedError):
        await ann.principals.add_user("ben")
    await operator.principals.set_groups("ann", ["watch"])
    await ann.principals.add_user("ben")
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await ann.access.grant("owner", user="ann")
    told = [(event.outcome, event.decision) for event in await operator.audit() if event.principal == "ann"]
    assert told[::-1] == [
        ("denied", "no role includes principals:write"),
        ("done", "role:admin via group watch"),
        ("denied", "does not hold access:own, installation:create, installation:erase"),
    ]
    agent = await _desk(app, operator, "bot", "admin")
    await (await agent.acting_for("ann")).principals.add_group("night")
    made = next(event for event in await operator.audit() if event.resource == "night")
    assert (made.decision, made.details["agent"]) == ("role:admin via group watch, role:admin", "bot")
    await (await agent.acting_for("ann")).principals.set_groups("ben", ["night"])
    assert (await operator.audit(limit=1))[0].details["agent"] == str(agent.scope.principal_id)


async def test_what_is_named_must_be_there(operator: Desk) -> None:
    await operator.principals.add_user("ann")
    with pytest.raises(NotFoundError, match="no role 'captain'"):
        await operator.access.grant("captain", user="ann")
    with pytest.raises(NotFoundError, match="no user 'ben'"):
        await operator.access.grant("technician", user="ben")
    with pytest.raises(NotFoundError, match="was not granted"):
        await operator.access.revoke("technician", user="ann")
    with pytest.raises(InvalidRequestError, match="Whose role"):
        await operator.access.grant("technician", user="ann", group="hr")
    with pytest.raises(InvalidRequestError, match="end of the grant"):
        await operator.access.grant("technician", user="ann", until=datetime.now(UTC) - timedelta(seconds=1))


# ---------------------------------------------------------------- getting more than one was given


async def test_nobody_grants_what_they_do_not_hold(app: Deskmind, operator: Desk) -> None:
    await operator.access.define_role("granter", ["access:grant", "access:read"])
    granter = await _desk(app, operator, "ann", "granter")
    for role in ("admin", "owner", "auditor", "service"):
        with pytest.raises(PermissionDeniedError, match="may not hand out") as refused:
            await granter.access.grant(role, user="ann")
        assert refused.value.details["missing"]
    await operator.principals.add_user("ben")
    await granter.access.grant("granter", user="ben")
    denied = [e for e in await operator.audit() if e.outcome == "denied" and e.action == "access.grant"]
    assert len(denied) == 4


async def test_only_owners_make_and_remove_owners(app: Deskmind, operator: Desk) -> None:
    await operator.principals.add_user("first", role="operator")
    admin = await _desk(app, operator, "ann", "admin")
    owner = await app.desk(tenant=operator.scope.tenant, user="first")
    for act in (admin.access.grant, admin.access.revoke):
        with pytest.raises(PermissionDeniedError, match="may not hand out or take away"):
            await act("owner", user="first")
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await admin.access.define_role("mine", ["access:*"])
    await owner.access.grant("owner", user="ann")
    await owner.access.revoke("owner", user="first")


async def test_an_admin_s_operator_is_an_admin(app: Deskmind, operator: Desk) -> None:
    admin = await _desk(app, operator, "ann", "admin")
    await admin.principals.add_user("ben", role="operator")
    roles = {line.role for line in await operator.access.review() if line.holder == "ben"}
    assert roles == {"admin"}


async def test_the_last_lasting_owner_stays(operator: Desk) -> None:
    await operator.principals.add_user("first", role="operator")
    soon = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(ConflictError, match="no owner"):
        await operator.access.revoke("owner", user="first")
    with pytest.raises(ConflictError, match="no owner"):
        await operator.access.grant("owner", user="first", until=soon)
    await operator.principals.add_user("second", groups=["owners"])
    await operator.access.grant("owner", group="owners")
    await operator.access.revoke("owner", user="first")
    with pytest.raises(ConflictError, match="no owner"):
        await operator.principals.set_groups("second", [])


async def test_who_holds_for_a_time_grants_for_no_longer(app: Deskmind, operator: Desk) -> None:
    until = datetime.now(UTC) + timedelta(hours=8)
    ann = await _desk(app, operator, "ann")
    await operator.access.grant("admin", user="ann", until=until)
    await operator.principals.add_user("ben")
    for longer in (None, until + timedelta(seconds=1)):
        with pytest.raises(PermissionDeniedError, match="hand out"):
            await ann.access.grant("admin", user="ben", until=longer)
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await ann.principals.add_user("eve", role="operator")
    await ann.access.grant("admin", user="ben", until=until)


async def test_who_edits_memberships_hands_out_no_more_than_they_hold(app: Deskmind, operator: Desk) -> None:
    await operator.access.define_role("clerk", ["principals:*"])
    await operator.principals.add_group("chiefs")
    await operator.principals.add_group("readers")
    await operator.access.grant("admin", group="chiefs")
    clerk = await _desk(app, operator, "clerk", "clerk")
    await operator.principals.add_user("eve")
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await clerk.principals.set_groups("eve", ["chiefs"])
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await clerk.principals.add_user("puppet", groups=["chiefs"])
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await clerk.principals.add_user("puppet", role="operator")
    assert "puppet" not in {user.name for user in await operator.principals.users()}
    with pytest.raises(PermissionDeniedError, match="their own groups"):
        await clerk.principals.set_groups("clerk", ["readers"])
    assert (await clerk.principals.set_groups("eve", ["readers"])).groups == ("readers",)
    requester = await _desk(app, operator, "ben")
    with pytest.raises(PermissionDeniedError, match="ben may not do this"):
        await requester.principals.set_groups("ben", ["readers"])


async def test_who_makes_keys_makes_none_of_others(app: Deskmind, operator: Desk) -> None:
    await operator.access.define_role("locksmith", ["keys:*"])
    await operator.principals.add_user("first", role="operator")
    await operator.principals.add_user("ben")
    smith = await _desk(app, operator, "smith", "locksmith")
    for other in ("first", "ben"):
        with pytest.raises(PermissionDeniedError):
            await smith.keys.create(other)
    assert (await smith.keys.create("smith")).secret
    admin = await _desk(app, operator, "ann", "admin")
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await admin.keys.create("first")
    assert (await admin.keys.create("ben")).secret


async def test_a_role_in_use_grows_only_by_what_its_editor_holds(app: Deskmind, operator: Desk) -> None:
    await operator.access.define_role("editor", ["access:define", "access:read", "knowledge:search"])
    editor = await _desk(app, operator, "ann", "editor")
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await editor.access.define_role("editor", ["access:define", "audit:read"])
    await editor.access.define_role("finder", ["knowledge:search"], description="searches")
    await operator.access.define_role("books", ["budgets:*"])
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await editor.access.delete_role("books")
    await operator.access.grant("finder", user="ann")
    with pytest.raises(ConflictError, match="granted to somebody"):
        await editor.access.delete_role("finder")
    await operator.access.revoke("finder", user="ann")
    await editor.access.delete_role("finder")


# ---------------------------------------------------------------- keys


async def test_a_key_s_own_roles_bound_it_also_when_they_have_ended(
    app: Deskmind, operator: Desk, clock: Clock
) -> None:
    await operator.principals.add_user("boss", role="operator")
    await operator.knowledge.add("p.md", b"# Pay\n\nThe printer budget.", groups=["hr"])
    key = await operator.keys.create("boss", name="reader")
    assert await (await app.authenticate(key.secret)).keys.all()
    await operator.access.grant("requester", key=key.key_id, until=clock.now() + timedelta(hours=1))
    app.forget_authentication()
    desk = await app.authenticate(key.secret)
    with pytest.raises(PermissionDeniedError) as refused:
        await desk.keys.all()
    assert refused.value.why == "No role of the key reader includes 'keys:read'."
    assert await desk.knowledge.documents() == []
    with pytest.raises(PermissionDeniedError, match="may not"):
        await desk.access.grant("owner", user="boss")
    clock.seconds += 3600
    with pytest.raises(PermissionDeniedError, match="may not"):
        await desk.knowledge.documents()
    clock.seconds -= 3600
    assert await desk.knowledge.documents() == []
    await operator.access.revoke("requester", key=key.key_id)
    with pytest.raises(PermissionDeniedError, match="may not"):
        await desk.knowledge.documents()


async def test_a_key_never_has_more_than_its_user(app: Deskmind, operator: Desk) -> None:
    await operator.principals.add_user("ann")
    key = await operator.keys.create("ann")
    await operator.access.grant("owner", key=key.key_id)
    desk = await app.authenticate(key.secret)
    assert desk.scope.act == "desk"
    with pytest.raises(PermissionDeniedError, match="ann may not"):
        await desk.keys.all()


async def test_an_expired_or_revoked_key_opens_nothing_though_its_desk_is_open(
    app: Deskmind, operator: Desk, clock: Clock
) -> None:
    await operator.principals.add_user("ann")
    key = await operator.keys.create("ann", expires_at=clock.start + timedelta(hours=1))
    desk = await app.authenticate(key.secret)
    clock.seconds += 59 * 60
    assert await desk.knowledge.documents() == []
    clock.seconds += 60
    with pytest.raises(PermissionDeniedError):
        await desk.knowledge.documents()
    clock.seconds -= 60
    await operator.keys.revoke(key.key_id)
    with pytest.raises(AuthenticationError):
        await app.authenticate(key.secret)
    with pytest.raises(PermissionDeniedError) as refused:
        await desk.knowledge.documents()
    assert "a key that is gone" in refused.value.why


# ---------------------------------------------------------------- agents


async def test_an_agent_has_no_more_than_its_user_and_its_user_no_more_than_it(
    app: Deskmind, operator: Desk
) -> None:
    await operator.knowledge.add("p.md", b"# Pay\n\nThe printer budget.", groups=["hr"])
    await operator.principals.add_user("ann", groups=["hr"])
    await operator.principals.add_user("boss", role="operator")
    agent = await _desk(app, operator, "bot", "service")
    for_ann = await agent.acting_for("ann")
    assert [item.title for item in await for_ann.knowledge.documents()] == ["Pay"]
    assert (await for_ann.access.check("knowledge:ask")).because == [
        "role requester granted to user ann",
        "role requester granted to user bot",
    ]
    for_boss = await agent.acting_for("boss")
    with pytest.raises(PermissionDeniedError, match="bot, acting for boss, may not") as refused:
        await for_boss.audit()
    assert refused.value.why == "No role of bot includes 'audit:read'."
    assert await for_boss.knowledge.documents() == []
    with pytest.raises(PermissionDeniedError, match="bot, acting for boss"):
        await for_boss.keys.create("boss")
    with pytest.raises(PermissionDeniedError, match="bot, acting for boss"):
        await for_boss.access.grant("owner", user="bot")


async def test_an_admin_s_agent_cannot_use_the_users_rights_to_raise_itself(
    app: Deskmind, operator: Desk
) -> None:
    await operator.principals.add_user("boss", role="operator")
    agent = await _desk(app, operator, "bot", "admin")
    for_boss = await agent.acting_for("boss")
    assert await for_boss.audit()
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await for_boss.access.grant("owner", user="bot")
    with pytest.raises(PermissionDeniedError, match="hand out"):
        await for_boss.keys.create("boss")


async def test_an_agent_takes_nothing_lasting_away_from_acting(app: Deskmind, operator: Desk) -> None:
    await operator.access.define_role("smith", ["keys:*", "principals:*"])
    await _desk(app, operator, "ann", "smith")
    agent = await _desk(app, operator, "bot", "service", "smith")
    for_ann = await agent.acting_for("ann")
    with pytest.raises(PermissionDeniedError, match="by themselves"):
        await for_ann.keys.create("ann")
    for name in ("ann", "bot"):
        with pytest.raises(PermissionDeniedError, match="their own groups"):
            await for_ann.principals.set_groups(name, ["hr"])


async def test_acting_for_somebody_is_a_right_and_on_record(app: Deskmind, operator: Desk) -> None:
    ann = await _desk(app, operator, "ann", "knowledge-manager")
    await operator.principals.add_user("ben")
    with pytest.raises(PermissionDeniedError, match="act for a user"):
        await ann.acting_for("ben")
    agent = await _desk(app, operator, "bot", "service")
    for_ben = await agent.acting_for("ben")
    with pytest.raises(PermissionDeniedError):
        await for_ben.keys.all()
    denied, delegated = [e for e in await operator.audit() if e.principal in {"bot", "ben"}]
    assert (delegated.action, delegated.principal) == ("access.delegate", "bot")
    assert delegated.resource == f"users/{for_ben.scope.principal_id}"
    assert (denied.action, denied.principal, denied.details["agent"]) == ("keys.read", "ben", "bot")


async def test_an_agent_s_desk_ends_with_the_agent_s_role(app: Deskmind, operator: Desk) -> None:
    await operator.principals.add_user("ann")
    agent = await _desk(app, operator, "bot", "service")
    for_ann = await agent.acting_for("ann")
    assert await for_ann.knowledge.documents() == []
    await operator.access.revoke("service", user="bot")
    await operator.access.revoke("requester", user="bot")
    with pytest.raises(PermissionDeniedError, match="bot, acting for ann"):
        await for_ann.knowledge.documents()


# ---------------------------------------------------------------- policies

_NO_AUDIT = """
@id("auditors-only-from-hr")
forbid (principal, action == Deskmind::Action::"audit:read", resource) unless { principal in Deskmind::Group::"hr" };
@id("no-agents")
forbid (principal, action in Deskmind::Action::"knowledge:*", resource) when { context.agent != "" };
"""


async def test_a_policy_narrows_what_roles_permit(app: Deskmind, operator: Desk) -> None:
    ann = await _desk(app, operator, "ann", "auditor")
    agent = await _desk(app, operator, "bot", "service")
    saved = await operator.access.set_policy(_NO_AUDIT)
    assert (saved.version, saved.names) == (1, ("auditors-only-from-hr", "no-agents"))
    with pytest.raises(PermissionDeniedError) as refused:
        await ann.audit()
    assert refused.value.why == "The tenant's policy forbids it: auditors-only-from-hr."
    denied = next(event for event in await operator.audit() if event.outcome == "denied")
    assert denied.details == {"policies": ["auditors-only-from-hr"]}
    assert denied.decision == "policy auditors-only-from-hr"
    decision = await operator.access.check_of("ann", "audit:read")
    assert decision.because == [
        "role auditor granted to user ann",
        "policy auditors-only-from-hr forbids it",
    ]
    with pytest.raises(PermissionDeniedError, match="bot, acting for ann"):
        await (await agent.acting_for("ann")).knowledge.search("printer")
    assert await ann.knowledge.search("printer") == []
    await operator.principals.set_groups("ann", ["hr"])
    assert await ann.audit()
    await operator.access.set_policy("")
    assert await (await agent.acting_for("ann")).knowledge.search("printer") == []
    assert (await operator.access.policy()).version == 2


async def test_a_policy_that_does_not_fit_is_not_saved(operator: Desk) -> None:
    with pytest.raises(InvalidRequestError, match="policy cannot be used"):
        await operator.access.set_policy("forbid (principal, action, resource) when { context.moon };")
    assert (await operator.access.policy()).version == 0


async def test_a_policy_cannot_shut_the_installation_s_operator_out(app: Deskmind, operator: Desk) -> None:
    boss = await _desk(app, operator, "boss", "owner")
    await operator.access.set_policy("forbid (principal, action, resource);")
    with pytest.raises(PermissionDeniedError):
        await boss.access.set_policy("")
    await operator.access.set_policy("")
    assert await boss.audit()


async def test_a_saved_policy_that_this_release_cannot_read_forbids_everything(
    app: Deskmind, operator: Desk
) -> None:
    ann = await _desk(app, operator, "ann")
    async with operator.database.transaction(operator.scope) as connection:
        await connection.execute(
            "INSERT INTO access_policies (tenant_id, version, text, saved_by) VALUES (%s, 1, 'forbid (', %s)",
            (operator.scope.tenant_id, operator.scope.principal_id),
        )
    app.authority.forget(operator.scope.tenant_id)
    with pytest.raises(PermissionDeniedError, match="ann may not") as refused:
        await ann.knowledge.documents()
    assert "does not fit this release" in refused.value.why


# ---------------------------------------------------------------- review


async def test_a_review_tells_who_may_do_what_and_by_which_way(app: Deskmind, operator: Desk) -> None:
    until = datetime.now(UTC) + timedelta(days=30)
    await operator.principals.add_user("ann", groups=["watch"])
    await operator.access.grant("auditor", group="watch", until=until, reason="yearly audit")
    key = await operator.keys.create("ann", name="nightly")
    await operator.access.grant("requester", key=key.key_id)
    await app.authenticate(key.secret)
    lines = {(line.kind, line.holder, line.role): line for line in await operator.access.review()}
    assert set(lines) == {
        ("user", "ann", "requester"),
        ("user", "ann", "auditor"),
        ("key", str(key.key_id), "requester"),
    }
    auditor = lines["user", "ann", "auditor"]
    assert (auditor.via, auditor.until, auditor.granted_by, auditor.reason) == (
        "watch",
        until,
        "operator",
        "yearly audit",
    )
    assert "audit:read" in auditor.permissions
    assert auditor.last_used is not None
    assert lines["key", str(key.key_id), "requester"].via == "ann"


async def test_tenants_know_nothing_of_each_other_s_grants(app: Deskmind, operator: Desk) -> None:
    await operator.access.define_role("mine", ["audit:read"])
    await app.tenants.create("access-neighbour")
    other = await app.desk(tenant="access-neighbour")
    assert "mine" not in {role.name for role in await other.access.roles()}
    assert await other.access.review() == []
    async with other.database.transaction(other.scope) as connection:
        cursor = await connection.execute("SELECT count(*) FROM access_grants")
        assert await cursor.fetchone() == (0,)


async def test_a_process_that_never_met_the_user_lets_its_agent_act(
    app: Deskmind, operator: Desk, replica: Deskmind
) -> None:
    """An agent may not make the key under which another's name is encrypted, and needs none."""
    await operator.principals.add_user("ann")
    await _desk(app, operator, "bot", "service")
    agent = await replica.desk(tenant=operator.scope.tenant, user="bot")
    assert (await agent.acting_for("ann")).scope.principal == "ann"
