"""Policies in Cedar (extra ``access``): parsed once, validated against a schema before they are used."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from deskmind.errors import InvalidRequestError, MissingExtraError
from deskmind.governance.access.policy import Asked, Verdict

__all__ = ["CedarPolicy", "cedar_schema"]

_MOST_CHARS = 200_000
_MOST_ENTITIES = 2_000
_ROLES_PERMIT = '@id("roles")\npermit (principal, action, resource);\n'

_SCHEMA = """
namespace Deskmind {
  entity Group;
  entity User in [Group] = {
    name: String,
    roles: Set<String>,
    groups: Set<String>,
    service: Bool,
  };
  entity Resource = {
    kind: String,
    name: String,
    owner: String,
    labels: Set<String>,
  };
  type Circumstances = {
    hour: Long,
    weekday: Long,
    key: Bool,
    agent: String,
  };
"""


def cedar_schema(permissions: Iterable[str]) -> str:
    """The Cedar schema that policies are validated against: ``Action::"knowledge:ask"`` in ``Action::"knowledge:*"``."""
    codes = sorted(set(permissions))
    groups = sorted({code.partition(":")[0] for code in codes})
    applies = "appliesTo { principal: [User], resource: [Resource], context: Circumstances }"
    actions = [f'  action "{group}:*";' for group in groups]
    actions += [f'  action "{code}" in [Action::"{code.partition(":")[0]}:*"] {applies};' for code in codes]
    return _SCHEMA + "\n".join(actions) + "\n}\n"


class CedarPolicy:
    """Policies that say ``forbid``. Roles permit; what is forbidden here, or cannot be evaluated, is refused.

    Raises:
        MissingExtraError: cedarpy is not installed.
        InvalidRequestError: the text does not parse, does not fit the schema, or holds a ``permit``.
    """

    def __init__(self, text: str, permissions: Iterable[str]) -> None:
        self._cedar = _cedarpy()
        codes = frozenset(permissions)
        self._actions = {code: {"type": "Deskmind::Action", "id": code} for code in codes}
        schema = self._cedar.Schema.from_str(cedar_schema(codes))
        self.names = _checked(self._cedar, text, schema)
        self._policies = self._cedar.PolicySet.from_str(text + "\n" + _ROLES_PERMIT)
        self._hierarchy = [
            {
                "uid": action,
                "attrs": {},
                "parents": [{"type": "Deskmind::Action", "id": f"{code.partition(':')[0]}:*"}],
            }
            for code, action in self._actions.items()
        ]
        self._entities: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def judge(self, asked: Asked) -> Verdict:
        """Whether nothing forbids it. A permission that the schema does not know is refused."""
        action = self._actions.get(asked.permission)
        if action is None:
            return Verdict(False, failed=("schema",))
        request = {
            "principal": {"type": "Deskmind::User", "id": asked.user},
            "action": action,
            "resource": {"type": "Deskmind::Resource", "id": f"{asked.resource.kind}/{asked.resource.name}"},
            "context": {"hour": 0, "weekday": 1, "key": False, "agent": "", **asked.context},
        }
        result = self._cedar.is_authorized(request, self._policies, self._of(asked))
        told = result.diagnostics
        if result.allowed and not told.errors:
            return Verdict(True)
        names = told.id_annotations_by_reason
        reasons = tuple(sorted(names.get(reason) or reason for reason in told.reasons))
        forbidding = reasons if not result.allowed else ()
        return Verdict(False, forbidding, ("a policy that failed",) if told.errors else ())

    def _of(self, asked: Asked) -> Any:
        """The entities of a request, parsed; the latest are kept."""
        name = (asked.user, asked.roles, asked.groups, asked.service, asked.resource)
        found = self._entities.get(name)
        if found is None:
            found = self._cedar.Entities.from_json_str(json.dumps(self._hierarchy + _entities(asked)))
            self._entities[name] = found
            if len(self._entities) > _MOST_ENTITIES:
                self._entities.popitem(last=False)
        return found


def _entities(asked: Asked) -> list[dict[str, Any]]:
    resource = asked.resource
    return [
        {
            "uid": {"type": "Deskmind::User", "id": asked.user},
            "attrs": {
                "name": asked.user,
                "roles": sorted(asked.roles),
                "groups": sorted(asked.groups),
                "service": asked.service,
            },
            "parents": [{"type": "Deskmind::Group", "id": group} for group in sorted(asked.groups)],
        },
        {
            "uid": {"type": "Deskmind::Resource", "id": f"{resource.kind}/{resource.name}"},
            "attrs": {
                "kind": resource.kind,
                "name": resource.name,
                "owner": resource.owner,
                "labels": sorted(resource.labels),
            },
            "parents": [],
        },
    ]


def _checked(cedar: Any, text: str, schema: Any) -> tuple[str, ...]:
    """The names of the policies of a text that is in order."""
    if len(text) > _MOST_CHARS:
        raise _refused(f"It has more than {_MOST_CHARS:,} characters.")
    try:
        stated = json.loads(cedar.policies_to_json_str(text))
    except ValueError as error:
        raise _refused(f"It does not parse: {error}.") from None
    if stated["templates"]:
        raise _refused("It holds a template, and nothing links templates.")
    names = ["roles"]
    for identifier, policy in stated["staticPolicies"].items():
        name = policy.get("annotations", {}).get("id") or identifier
        if policy["effect"] != "forbid":
            raise _refused(
                f"The policy {name} says permit, which would have no effect: roles permit, policies forbid.",
                remedy="Grant a role, or write it as `forbid (…) unless { … };`.",
            )
        if name in names:
            raise _refused(f"Two policies are called {name}.")
        names.append(name)
    result = cedar.validate_policies(text, schema)
    if not result.validation_passed:
        known = result.id_annotations_by_policy_id
        first = {known.get(e.policy_id, e.policy_id): e.error for e in reversed(result.errors)}
        raise _refused("; ".join(f"{name}: {problem}" for name, problem in sorted(first.items())[:5]) + ".")
    return tuple(names[1:])


def _refused(
    why: str, remedy: str = "`deskmind access policy schema` shows what a policy may go by."
) -> Exception:
    return InvalidRequestError("The policy cannot be used.", why=why, remedy=remedy)


def _cedarpy() -> Any:
    try:
        import cedarpy
    except ImportError:
        raise MissingExtraError("Cedar", "access") from None
    return cedarpy
