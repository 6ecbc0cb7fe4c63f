"""*shift-handover*: what the next shift has to know, from what happened in this one."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from deskmind.agents.workflows.flow import Flow
from deskmind.agents.workflows.ready.tickets import key_of, recent_tickets, write
from deskmind.agents.workflows.workflow import workflow

__all__ = ["shift_handover"]

_MOST_SHOWN = 40


@workflow("shift-handover")
async def shift_handover(
    flow: Flow,
    connection: str,
    hours: float = 8.0,
    group: str = "",
    create: dict[str, Any] | None = None,
    model: str = "",
) -> dict[str, Any]:
    """Sum up a shift for the next one: what came, what was solved, what is open and by when.

    Args:
        flow: the run.
        connection: name of the connected system.
        hours: of the shift.
        group: only tickets of this assignment group, by its name.
        create: values of a ticket in the vendor's terms that holds the summary; none is opened without.
        model: that sums up.
    """
    now = await flow.now()
    tickets = await flow.step(
        "read", recent_tickets, flow.systems, connection, now - timedelta(hours=hours), retries=2
    )
    of_group = [one for one in tickets if not group or one["group"] == group]
    counts = dict(Counter(one["status"] for one in of_group))
    if not of_group:
        return {"counts": {}, "summary": "", "handover": None}
    summary = await flow.agent(
        "summarise",
        f"Sum up the last {hours:g} hours for the next shift. Counts: {counts}. Begin with what is urgent.",
        instructions="You hand over a shift at a service desk. Name tickets by their key; short lines.",
        model=model,
        untrusted="\n\n".join(_line(one, now) for one in of_group[:_MOST_SHOWN]),
    )
    if create is None:
        return {"counts": counts, "summary": summary, "handover": None}
    values = {**create, "title": f"Shift handover {now:%Y-%m-%d %H:%M} UTC", "description": summary}
    opened = await write(flow, "open", connection, "create", values=values)
    key = key_of(opened) or None
    return {"counts": counts, "summary": summary, "handover": key, "outcome": opened.outcome}


def _line(one: dict[str, Any], now: datetime) -> str:
    due = [level["due_at"] for level in one["levels"] if level.get("due_at")]
    soon = sorted(moment for moment in due if datetime.fromisoformat(moment) >= now)
    promised = f", promised by {soon[0]}" if soon else ""
    return f"{one['key']} ({one['status']}, priority {one['priority'] or '-'}{promised}): {one['title']}\n{one['description'][:400]}"
