"""Access: permissions, roles, grants, policies, the door of every public operation, principals and API keys.

``Rights`` and ``CedarPolicy`` work alone, with any application's permissions: see ``examples/parts/access.py``.
"""

from deskmind.governance.access.cedar import CedarPolicy, cedar_schema
from deskmind.governance.access.operation import Governed, declared_permission, operation
from deskmind.governance.access.permissions import PERMISSIONS, Permission, authorize, permitted
from deskmind.governance.access.policy import Asked, Policy, Resource, Verdict
from deskmind.governance.access.rights import Decision, Grant, Holding, Rights
from deskmind.governance.access.roles import BUILT_IN, Role

__all__ = [
    "BUILT_IN",
    "PERMISSIONS",
    "Asked",
    "CedarPolicy",
    "Decision",
    "Governed",
    "Grant",
    "Holding",
    "Permission",
    "Policy",
    "Resource",
    "Rights",
    "Role",
    "Verdict",
    "authorize",
    "cedar_schema",
    "declared_permission",
    "operation",
    "permitted",
]
