"""A synchronous facade for notebooks and scripts: the same desks, without ``await``.

One event loop runs in a thread of its own, so it also works where a loop is already running. Each method has the
arguments, types and documentation of the one that it waits for.
"""

from deskmind.blocking._desk import BlockingDesk, BlockingDeskmind
from deskmind.blocking._waiting import BlockingStream

__all__ = ["BlockingDesk", "BlockingDeskmind", "BlockingStream"]
