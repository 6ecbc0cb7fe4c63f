"""Access: permissions, roles, the door of every public operation, principals and API keys."""

from deskmind.governance.access.operation import Governed, declared_permission, operation
from deskmind.governance.access.permissions import PERMISSIONS, Permission, authorize, permitted

__all__ = [
    "PERMISSIONS",
    "Governed",
    "Permission",
    "authorize",
    "declared_permission",
    "operation",
    "permitted",
]
