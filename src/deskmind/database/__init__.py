"""PostgreSQL: connections, signed scopes, roles, migrations, the embedded server.

``Database`` hands out transactions that are bound to one verified ``Scope``; there is no other way to a
tenant's rows. ``provision`` prepares roles, schema and embedding spaces with administrator's rights.
"""

from deskmind.database._faults import translated
from deskmind.database.endpoints import Endpoints
from deskmind.database.pool import Connection, Database
from deskmind.database.provision import Provisioner
from deskmind.database.scope_token import ScopeSigner

__all__ = ["Connection", "Database", "Endpoints", "Provisioner", "ScopeSigner", "translated"]
