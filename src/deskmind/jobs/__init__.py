"""Background work on procrastinate: one queue system on the same PostgreSQL, used by everything.

Job arguments are identifiers only; content stays in tenant tables.
"""

from deskmind.jobs.gauges import JobGauges
from deskmind.jobs.queue import JobQueue, Waiting, defer

__all__ = ["JobGauges", "JobQueue", "Waiting", "defer"]
