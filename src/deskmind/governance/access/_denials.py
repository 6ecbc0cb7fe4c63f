"""Refusals: what is missing, and who can grant it."""

from __future__ import annotations

from deskmind.errors import PermissionDeniedError
from deskmind.governance.access.permissions import PERMISSIONS, Permission
from deskmind.governance.access.rights import Decision
from deskmind.governance.access.roles import BUILT_IN
from deskmind.scope import Scope

__all__ = ["basis_of", "ended", "forbidden", "not_held"]


def not_held(scope: Scope, permission: Permission, decision: Decision) -> PermissionDeniedError:
    """No role of one who must hold it includes the permission."""
    holding = [role.name for role in BUILT_IN.values() if permission in role.includes]
    parties = ", ".join(decision.missing) or scope.principal
    return PermissionDeniedError(
        _what(scope, permission),
        why=f"No role of {parties} includes '{permission.code}'.",
        remedy=f"An owner or admin of the tenant can grant one that does: {', '.join(holding)}"
        f" (`deskmind access grant ROLE --user {scope.principal}`)."
        if holding
        else "It is for the installation's operator.",
        permission=permission.code,
        missing=list(decision.missing),
    )


def forbidden(scope: Scope, decision: Decision) -> PermissionDeniedError:
    """A policy of the tenant forbids it."""
    permission = Permission.of(decision.permission)
    return PermissionDeniedError(
        _what(scope, permission),
        why=f"The tenant's policy forbids it: {', '.join(decision.policies)}.",
        remedy="Ask an owner or admin of the tenant, who can read and change it (`deskmind access policy show`).",
        permission=permission.code,
        policies=list(decision.policies),
    )


def ended(scope: Scope, permission: Permission) -> PermissionDeniedError:
    """The desk was opened with more than its user has now."""
    return PermissionDeniedError(
        _what(scope, permission),
        why="A role or membership that this desk was opened with has ended.",
        remedy="Open the desk again.",
        permission=permission.code,
    )


def basis_of(error: PermissionDeniedError) -> str:
    """What a refusal goes by, in a few words that name no person."""
    if policies := error.details.get("policies"):
        return f"policy {', '.join(policies)}"
    if "missing" in error.details:
        return f"no role includes {error.details.get('permission', '')}"
    return ""


def _what(scope: Scope, permission: Permission) -> str:
    who = f"{scope.agent.principal}, acting for {scope.principal}," if scope.agent else scope.principal
    return f"{who} may not do this: {PERMISSIONS[permission]}."
