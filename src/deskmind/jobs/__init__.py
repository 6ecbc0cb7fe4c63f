"""Background work on procrastinate: one queue system on the same PostgreSQL, used by everything.

Job arguments are identifiers only; content stays in tenant tables.
"""

from deskmind.jobs.queue import JobQueue, defer

__all__ = ["JobQueue", "defer"]
