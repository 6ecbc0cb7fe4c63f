"""Rules on attributes, on top of roles: what a policy is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Asked", "Policy", "Resource", "Verdict"]


@dataclass(frozen=True, slots=True)
class Resource:
    """What is acted on.

    Attributes:
        kind: such as ``tenant``, ``document``, ``ticket``.
        name: its identifier.
        owner: the user it belongs to, if any.
        labels: whatever else policies go by.
    """

    kind: str
    name: str
    owner: str = ""
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a role permits.

    Attributes:
        permission: ``resource:action``.
        user: who acts.
        roles: names of the user's roles.
        groups: names of the user's groups.
        service: whether the user is a program.
        resource: what is acted on; at the door of an operation, the tenant.
        context: circumstances: texts, whole numbers, truth values.
    """

    permission: str
    user: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    service: bool = False
    resource: Resource = field(default_factory=lambda: Resource("tenant", ""))
    context: Mapping[str, str | int | bool] = field(default_factory=dict[str, "str | int | bool"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says.

    Attributes:
        allowed: nothing forbids it.
        policies: ids of what forbids it.
        failed: ids of what could not be evaluated; that forbids it too.
    """

    allowed: bool
    policies: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Policy(Protocol):
    """Narrows what roles permit; it never widens it."""

    def judge(self, asked: Asked) -> Verdict:
        """Whether a request that a role permits may be done."""
        ...
