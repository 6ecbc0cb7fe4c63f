"""What connected systems hold, copied and kept up to date: tickets and articles are knowledge at once.

Each page of records is one transaction with the cursor that stands behind it, so that a run may end at any instant and the next
goes on. Access lists are mirrored with the records: the vendor's sets become groups, its people are matched with the
tenant's users.
"""

from deskmind.sync.connections import Connection, Connections
from deskmind.sync.service import Sync
from deskmind.sync.status import KindStatus, SyncStatus

__all__ = ["Connection", "Connections", "KindStatus", "Sync", "SyncStatus"]
