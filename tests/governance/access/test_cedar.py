"""Policies narrow what roles permit, and nothing that cannot be understood is saved or let through."""

from __future__ import annotations

import pytest

from deskmind.errors import InvalidRequestError
from deskmind.governance.access import Asked, CedarPolicy, Resource

_CODES = ["ticket:read", "ticket:close", "article:read"]

_NIGHT = """
@id("no-closing-at-night")
forbid (principal in Deskmind::Group::"contractors", action in Deskmind::Action::"ticket:*", resource)
unless { context.hour >= 8 && context.hour < 18 };
"""


def test_a_policy_forbids_by_group_action_and_hour() -> None:
    policy = CedarPolicy(_NIGHT, _CODES)
    contractor = frozenset({"contractors"})
    late = policy.judge(Asked("ticket:close", "ann", groups=contractor, context={"hour": 22}))
    assert (late.allowed, late.policies) == (False, ("no-closing-at-night",))
    assert policy.judge(Asked("ticket:close", "ann", groups=contractor, context={"hour": 9})).allowed
    assert policy.judge(Asked("ticket:close", "ben", context={"hour": 22})).allowed
    assert policy.judge(Asked("article:read", "ann", groups=contractor, context={"hour": 22})).allowed


def test_a_policy_goes_by_roles_resource_and_agent() -> None:
    policy = CedarPolicy(
        'forbid (principal, action, resource) when { resource.labels.contains("vip") && '
        '!principal.roles.contains("lead") };'
        'forbid (principal, action == Deskmind::Action::"ticket:close", resource) when { context.agent != "" };',
        _CODES,
    )
    vip = Resource("ticket", "INC1", labels=frozenset({"vip"}))
    assert not policy.judge(Asked("ticket:read", "ann", resource=vip)).allowed
    assert policy.judge(Asked("ticket:read", "ann", roles=frozenset({"lead"}), resource=vip)).allowed
    assert policy.judge(Asked("ticket:read", "ann", context={"agent": "bot"})).allowed
    assert not policy.judge(Asked("ticket:close", "ann", context={"agent": "bot"})).allowed


def test_what_cannot_be_evaluated_is_refused() -> None:
    policy = CedarPolicy(
        '@id("sum") forbid (principal, action, resource) when { context.hour + 9223372036854775807 > 0 };',
        _CODES,
    )
    assert not policy.judge(Asked("ticket:read", "ann", context={"hour": 3})).allowed
    assert not policy.judge(Asked("coffee:make", "ann")).allowed


def test_names_with_quotes_and_line_ends_are_names() -> None:
    policy = CedarPolicy('forbid (principal == Deskmind::User::"ann", action, resource);', _CODES)
    assert policy.judge(Asked("ticket:read", 'ann"', groups=frozenset({'a"\n'}))).allowed
    assert not policy.judge(Asked("ticket:read", "ann")).allowed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("forbid (", "does not parse"),
        ("permit (principal, action, resource);", "says permit"),
        ("forbid (principal, action, resource) when { context.moon };", "moon"),
        ('forbid (principal, action == Deskmind::Action::"coffee:make", resource);', "coffee:make"),
        ("forbid (principal == ?principal, action, resource);", "template"),
        ('@id("a") forbid (principal, action, resource);' * 2, "called a"),
        ('@id("roles") forbid (principal, action, resource);', "called roles"),
        ("//" + "x" * 200_001, "more than"),
    ],
)
def test_a_policy_that_is_not_in_order_is_not_made(text: str, why: str) -> None:
    with pytest.raises(InvalidRequestError, match="policy cannot be used") as refused:
        CedarPolicy(text, _CODES)
    assert why in refused.value.why
