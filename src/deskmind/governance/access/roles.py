"""The roles there are from the start, and what a tenant's own may say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from deskmind.errors import InvalidRequestError
from deskmind.governance.access.permissions import OWN_REACH, Permission, permitted
from deskmind.scope import Scope

__all__ = ["BUILT_IN", "OVERSEEING", "Role", "role_of"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_P = Permission

_TENANT: Final = permitted(Scope.operator(Scope.directory().tenant_id, ""))
_AGENTS = frozenset(
    {
        *(
            _P.AGENTS_RUN,
            _P.AGENTS_READ,
            _P.WORKFLOWS_RUN,
            _P.WORKFLOWS_READ,
            _P.TICKETS_READ,
            _P.TICKETS_WRITE,
        ),
        *(_P.NOTIFICATIONS_SEND, _P.DIAGNOSTICS_RUN),
    }
)
_REQUESTER: Final = OWN_REACH - {_P.ACCESS_DELEGATE} - _AGENTS
_OVERLOOKING = frozenset({_P.PRINCIPALS_READ, _P.QUALITY_READ, _P.EXPERIMENTS_READ})
_APPROVING = frozenset({_P.APPROVALS_READ, _P.APPROVALS_DECIDE})
_TECHNICIAN: Final = _REQUESTER | _OVERLOOKING | _AGENTS | _APPROVING | {_P.TRIAGE_COMPARE}
_OWNERS_ALONE: Final = frozenset(
    {_P.ACCESS_OWN, _P.INSTALLATION_READ, _P.INSTALLATION_CREATE, _P.INSTALLATION_ERASE}
)
_AUDITOR = frozenset(
    {
        *(_P.ACCESS_CHECK, _P.ACCESS_READ, _P.AUDIT_READ, _P.PRINCIPALS_READ),
        *(_P.KEYS_READ, _P.BUDGETS_READ, _P.QUALITY_READ),
        *(_P.PRIVACY_READ, _P.REDACTION_READ, _P.EVIDENCE_MAKE),
    }
)

OVERSEEING: Final = frozenset({"owner", "admin"})
"""The roles whose holders reach all of a tenant: everybody's documents, requests, usage and feedback."""


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions.

    Attributes:
        name: as it is granted.
        permissions: ``resource:action`` or ``resource:*``, as written.
        description: for people.
        built_in: whether it is the same for all tenants and cannot be changed.
    """

    name: str
    permissions: tuple[str, ...]
    description: str = ""
    built_in: bool = False

    @property
    def includes(self) -> frozenset[Permission]:
        """The permissions, with ``*`` written out."""
        return frozenset(
            found for pattern in self.permissions for found in _TENANT if _matches(pattern, found.code)
        )


def _built_in(name: str, permissions: Iterable[Permission], description: str) -> Role:
    return Role(name, tuple(sorted(item.code for item in permissions)), description, built_in=True)


BUILT_IN: Final[dict[str, Role]] = {
    role.name: role
    for role in (
        _built_in("owner", _TENANT, "everything in the tenant, who else owns it, and what it operates"),
        _built_in("admin", _TENANT - _OWNERS_ALONE, "everything in the tenant but its owners"),
        _built_in(
            "knowledge-manager",
            _TECHNICIAN | {_P.PROMPTS_WRITE, _P.EXPERIMENTS_WRITE, _P.REDACTION_READ, _P.AGENTS_DEFINE},
            "prompts, stored agents, experiments and the quality of answers",
        ),
        _built_in(
            "technician",
            _TECHNICIAN,
            "asks, compares tickets, runs agents and approves what those of others propose, and sees how answers are rated",
        ),
        _built_in("requester", _REQUESTER, "asks, and keeps documents and conversations of one's own"),
        _built_in(
            "auditor",
            _AUDITOR,
            "reads the audit log, who may do what, erasures and their receipts; no content",
        ),
        _built_in("service", OWN_REACH, "a program that may act for users, with no more than they may"),
    )
}


def role_of(name: str, permissions: Iterable[str], description: str = "") -> Role:
    """A tenant's own role.

    Raises:
        InvalidRequestError: the name is taken by a built-in role or not well-formed, or a permission does not exist.
    """
    if not _NAME.fullmatch(name) or name in BUILT_IN:
        raise InvalidRequestError(
            f"'{name[:80]}' cannot name a role of the tenant.",
            why=f"{', '.join(BUILT_IN)} are built in."
            if name in BUILT_IN
            else "A role's name has 1 to 63 characters of a-z, 0-9 and '-', starting with a letter.",
            remedy="Choose another name.",
        )
    wanted = tuple(sorted(set(permissions)))
    if not wanted:
        raise InvalidRequestError(f"The role '{name}' permits nothing.", remedy="Name its permissions.")
    if len(description) > 500 or not description.isprintable():
        raise InvalidRequestError(
            "The description is not valid.", why="It has up to 500 printable characters."
        )
    for pattern in wanted:
        if not any(_matches(pattern, item.code) for item in _TENANT):
            raise InvalidRequestError(
                f"There is no permission '{pattern[:80]}' in a tenant.",
                why="A permission is resource:action; resource:* is all of a resource.",
                remedy="`deskmind access roles --permissions` lists them.",
            )
    return Role(name, wanted, description)


def _matches(pattern: str, code: str) -> bool:
    return pattern == code or (pattern.endswith(":*") and code.startswith(pattern[:-1]))
