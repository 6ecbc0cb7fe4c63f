"""One at a time writes a tenant's knowledge, with statements whose plans fit a tenant that the statistics do not know.

A tenant that came since the tables were last counted has no rows as far as the planner knows. For no rows any index is as good
as another, and it takes one that leads through all that the tenant has, for each name that is asked for: rows times names, or
their square, while the lock is held. What it assumes of just any tenant leads to the index on the name.

A server process tells how many rows it changed at most once a second, and what is told late is not counted in time: whoever
counts the tables again after a job would take those for unchanged that the job has just filled.
"""

from __future__ import annotations

from deskmind.database import Connection

__all__ = ["lock_to_write", "plan_for_any_tenant"]

_PLANS = "pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)"
_TELL_CHANGES = "pg_catalog.pg_stat_force_next_flush()"


async def lock_to_write(connection: Connection) -> None:
    """Hold the tenant's knowledge until the transaction ends, tell then what changed, and ``plan_for_any_tenant``."""
    await connection.execute(f"SELECT lock_knowledge(), {_PLANS}, {_TELL_CHANGES}")


async def plan_for_any_tenant(connection: Connection) -> None:
    """Have the statements until the end of the transaction be planned without their values."""
    await connection.execute(f"SELECT {_PLANS}")
