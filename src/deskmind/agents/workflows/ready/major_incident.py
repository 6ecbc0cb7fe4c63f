"""*major-incident*: find the tickets that are one incident, sum them up, open it and tell those who work on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deskmind.agents.workflows.flow import Flow
from deskmind.agents.workflows.ready.tickets import comparable, key_of, recent_tickets, write
from deskmind.agents.workflows.workflow import workflow

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["major_incident"]

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Summary:
    """A major incident in words: a title, what is known, and what users notice."""

    title: str
    summary: str


@workflow("major-incident")
async def major_incident(
    flow: Flow,
    connection: str,
    create: dict[str, Any],
    hours: float = 2.0,
    least: int = 5,
    similarity: float = 0.3,
    model: str = "",
    notify: bool = True,
) -> dict[str, Any]:
    """Find tickets that are one incident, sum them up, open a major incident and tell their technicians.

    Args:
        flow: the run.
        connection: name of the connected system.
        create: further values of the new ticket in the vendor's terms, such as ``{"urgency": "1"}``.
        hours: how far back to look.
        least: tickets that make an incident.
        similarity: of their words, 0 to 1.
        model: that sums up.
        notify: whether each of the tickets gets an internal note.
    """
    since = await flow.now() - timedelta(hours=hours)
    tickets = await flow.step("read", recent_tickets, flow.systems, connection, since, retries=2)
    still = [one for one in tickets if one["status"] not in ("resolved", "closed")]
    keys = await flow.step("cluster", _cluster, flow.desk, still, hours, least, similarity)
    if not keys:
        return {"incident": None, "tickets": []}
    members = [one for one in still if one["key"] in set(keys)]
    summary: _Summary = await flow.agent(
        "summarise",
        f"These {len(members)} tickets seem to have one cause. Sum them up as one major incident.",
        instructions="You lead major incidents of a service desk. Say what users notice and since when; guess no cause.",
        model=model,
        output_type=_Summary,
        untrusted="\n\n".join(
            f"{one['key']}: {one['title']}\n{one['description']}" for one in members[:_MOST_SHOWN]
        ),
    )
    text = f"{summary.summary}\n\nTickets: {', '.join(keys)}"
    values = {**create, "title": summary.title[:200], "description": text}
    opened = await write(flow, "open", connection, "create", values=values)
    if not opened.ok:
        return {"incident": None, "tickets": keys, "outcome": opened.outcome}
    key = key_of(opened) or summary.title[:200]

    async def tell(one: Flow, ticket: str) -> str:
        note = {"text": f"This is part of a major incident: {key}.", "internal": True}
        return (await write(one, "tell", connection, "comment", ticket=ticket, values=note)).outcome

    told = await flow.map([one["id"] for one in members], tell) if notify else []
    return {"incident": key, "tickets": keys, "told": told.count("ok")}


async def _cluster(
    desk: Desk, tickets: list[dict[str, Any]], hours: float, least: int, similarity: float
) -> list[str]:
    """Keys of the largest cluster's tickets."""
    if len(tickets) < least:
        return []
    found = await desk.triage.clusters(
        [comparable(one) for one in tickets],
        window=timedelta(hours=hours),
        least=least,
        similarity=similarity,
    )
    return list(found[0].references) if found else []
