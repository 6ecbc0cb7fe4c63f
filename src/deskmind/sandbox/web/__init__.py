"""What the ITSM sandboxes have in common: a server on a real socket with a clock, faults and a log.

`SandboxServer` is implemented by each vendor's package; `serve` runs one as a process. A vendor's package answers a
`Call` with a `Reply`, uses `FixedWindow` for its rate limits, `IndexLag` (`self.lag`) for its search, and
`self.outbox` for its webhooks.
"""

from deskmind.sandbox.web.clock import Clock, FixedWindow, IndexLag, Spent
from deskmind.sandbox.web.exchange import Blob, Call, Reply
from deskmind.sandbox.web.faults import Fault, FaultKind, Faults, SwitchedFault
from deskmind.sandbox.web.log import Entry, RequestLog
from deskmind.sandbox.web.outbox import Delivery, Outbox
from deskmind.sandbox.web.server import SandboxServer
from deskmind.sandbox.web.serving import serve

__all__ = [
    "Blob",
    "Call",
    "Clock",
    "Delivery",
    "Entry",
    "Fault",
    "FaultKind",
    "Faults",
    "FixedWindow",
    "IndexLag",
    "Outbox",
    "Reply",
    "RequestLog",
    "SandboxServer",
    "Spent",
    "SwitchedFault",
    "serve",
]
