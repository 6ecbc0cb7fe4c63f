"""PostgreSQL: connections, signed scopes, roles, migrations, the embedded server.

``Database`` hands out transactions that are bound to one verified ``Scope``; there is no other way to a
tenant's rows. ``Provisioner`` prepares roles, schema and embedding spaces with administrator's rights.
Names are loaded on first use: the embedded server's supervisor lives in this package and must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deskmind.database._faults import translated
    from deskmind.database._flight import Rows
    from deskmind.database._numbered import numbered
    from deskmind.database.endpoints import Endpoints
    from deskmind.database.pool import Connection, Database
    from deskmind.database.provision import Provisioner
    from deskmind.database.scope_token import ScopeSigner

__all__ = [
    "Connection",
    "Database",
    "Endpoints",
    "Provisioner",
    "Rows",
    "ScopeSigner",
    "numbered",
    "translated",
]

_HOMES = {
    "Connection": "pool",
    "Database": "pool",
    "Endpoints": "endpoints",
    "Provisioner": "provision",
    "Rows": "_flight",
    "ScopeSigner": "scope_token",
    "numbered": "_numbered",
    "translated": "_faults",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deskmind.database' has no attribute '{name}'")
    return getattr(import_module(f"deskmind.database.{_HOMES[name]}"), name)
