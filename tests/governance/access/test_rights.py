"""Grants add up, decisions explain themselves, parties together never have more than one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import InvalidRequestError
from deskmind.governance.access import BUILT_IN, Grant, Holding, Permission, Rights
from deskmind.governance.access.permissions import PERMISSIONS
from deskmind.governance.access.roles import role_of

_NOW = datetime(2027, 1, 1, tzinfo=UTC)
_CODES = ["ticket:read", "ticket:close", "ticket:*", "article:read", "article:*"]

_grants = st.lists(
    st.tuples(
        st.builds(
            Grant,
            st.sampled_from(["a", "b"]),
            st.just("user x"),
            st.sampled_from([None, _NOW - timedelta(seconds=1), _NOW, _NOW + timedelta(days=1)]),
        ),
        st.lists(st.sampled_from(_CODES), max_size=3),
    ),
    max_size=4,
)


def test_a_decision_says_which_grant_permits_it_and_until_when() -> None:
    until = _NOW + timedelta(hours=8)
    rights = Rights(Holding("ann", [(Grant("closer", "group it", until), ["ticket:*"])]))
    decision = rights.decide("ticket:close", now=_NOW)
    assert decision.allowed
    assert decision.because == ["role closer granted to group it until 2027-01-01 08:00 UTC"]
    assert not rights.decide("ticket:close", now=until).allowed
    assert rights.decide("article:read", now=_NOW).because == ["no role of ann includes article:read"]


@given(_grants, _grants, st.sampled_from(["ticket:read", "ticket:close", "article:read"]))
def test_parties_together_may_what_each_of_them_may(first: object, second: object, code: str) -> None:
    user, agent = Holding("u", first), Holding("a", second)  # pyright: ignore[reportArgumentType]
    both = Rights(user, agent).decide(code, now=_NOW)
    alone = [Rights(one).decide(code, now=_NOW) for one in (user, agent)]
    assert both.allowed == all(decision.allowed for decision in alone)
    assert set(both.missing) == {name for name, one in zip("ua", alone, strict=True) if not one.allowed}


@given(_grants)
def test_what_is_held_and_until_when_agrees_with_decisions(grants: object) -> None:
    holding = Holding("u", grants)  # pyright: ignore[reportArgumentType]
    ends = holding.ends(_NOW)
    for code in ("ticket:*", "article:*"):
        assert (code in ends) == Rights(holding).decide(code, now=_NOW).allowed
        if code in ends:
            end = ends[code]
            assert Rights(holding).decide(code, now=(end or _NOW) - timedelta(seconds=1)).allowed
            assert end is None or not Rights(holding).decide(code, now=end).allowed


def test_nobody_permits_nothing() -> None:
    assert not Rights().decide("ticket:read").allowed


def test_built_in_roles_grow_from_requester_to_owner() -> None:
    roles = {name: role.includes for name, role in BUILT_IN.items()}
    assert (
        roles["requester"]
        < roles["technician"]
        < roles["knowledge-manager"]
        < roles["admin"]
        < roles["owner"]
    )
    assert roles["owner"] - roles["admin"] == {
        Permission.ACCESS_OWN,
        *(
            Permission.INSTALLATION_READ,
            Permission.INSTALLATION_CREATE,
            Permission.INSTALLATION_ERASE,
        ),
    }
    assert roles["service"] - roles["requester"] == {
        Permission.ACCESS_DELEGATE,
        Permission.AGENTS_RUN,
        Permission.AGENTS_READ,
        Permission.WORKFLOWS_RUN,
        Permission.WORKFLOWS_READ,
        Permission.TICKETS_READ,
        Permission.TICKETS_WRITE,
        Permission.NOTIFICATIONS_SEND,
        Permission.DIAGNOSTICS_RUN,
    }
    assert not {
        item for item in roles["auditor"] if item.value.endswith((".write", ".grant", ".ask", ".search"))
    }
    assert not any(
        item in includes
        for includes in roles.values()
        for item in (Permission.TENANTS_DELETE, Permission.USAGE_SURVEY)
    )


def test_a_permission_is_written_as_resource_and_action() -> None:
    assert all(Permission.of(item.code) is item and item.code.count(":") == 1 for item in PERMISSIONS)
    with pytest.raises(InvalidRequestError, match="no permission 'coffee:make'"):
        Permission.of("coffee:make")


@pytest.mark.parametrize(
    ("name", "permissions"),
    [
        ("owner", ["audit:read"]),
        ("Bad Name", ["audit:read"]),
        ("empty", []),
        ("unknown", ["coffee:make"]),
        ("everything", ["*"]),
        ("everything", ["*:*"]),
        ("outside", ["tenants:delete"]),
    ],
)
def test_a_role_that_cannot_be_is_refused(name: str, permissions: list[str]) -> None:
    with pytest.raises(InvalidRequestError):
        role_of(name, permissions)


def test_a_star_is_all_of_a_resource_inside_a_tenant() -> None:
    assert role_of("books", ["budgets:*", "audit:*"]).includes == {
        Permission.BUDGETS_READ,
        Permission.BUDGETS_WRITE,
        Permission.AUDIT_READ,
        Permission.AUDIT_FORGET,
    }
