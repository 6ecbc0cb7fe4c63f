"""*knowledge-gap*: find what was solved again and again without an article about it, and draft that article."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deskmind.agents.workflows.flow import Flow
from deskmind.agents.workflows.ready.tickets import comparable, recent_tickets, write
from deskmind.agents.workflows.workflow import workflow

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["knowledge_gap"]

_MOST_SHOWN = 10
_MOST_QUERY = 1000


@dataclass(frozen=True, slots=True)
class _Draft:
    """An article: its title, and its text in Markdown."""

    title: str
    text: str


@workflow("knowledge-gap")
async def knowledge_gap(
    flow: Flow,
    connection: str,
    base: str,
    days: float = 90.0,
    least: int = 3,
    similarity: float = 0.3,
    covered: float = 0.6,
    model: str = "",
    fields: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Draft an article from resolved tickets about what no article covers.

    Args:
        flow: the run.
        connection: name of the connected system.
        base: the knowledge base, folder or space, by the vendor's id.
        days: how far back to look.
        least: resolved tickets about the same.
        similarity: of their words, 0 to 1.
        covered: similarity of an article from which the matter counts as covered, 0 to 1.
        model: that drafts.
        fields: further columns in the vendor's terms, such as ``{"workflow_state": "draft"}`` in ServiceNow.
    """
    since = await flow.now() - timedelta(days=days)
    tickets = await flow.step("read", recent_tickets, flow.systems, connection, since, retries=2)
    solved = [one for one in tickets if one["status"] in ("resolved", "closed") and one["resolution"]]
    groups = await flow.step("group", _groups, flow.desk, solved, days, least, similarity)
    for keys in groups:
        members = [one for one in solved if one["key"] in set(keys)][:_MOST_SHOWN]
        query = " ".join(members[0]["title"].split())[:_MOST_QUERY] or "-"
        if await flow.step("covered", _covered, flow.desk, query, covered, untrusted=False):
            continue
        draft: _Draft = await flow.agent(
            "draft",
            "Write a knowledge article from how these tickets were solved: the symptom, the cause, the steps.",
            instructions="You write for technicians of a service desk. Use only what the tickets say; name no person.",
            model=model,
            output_type=_Draft,
            untrusted="\n\n".join(
                f"{one['title']}\n{one['description']}\nSolved: {one['resolution']}" for one in members
            ),
        )
        values: dict[str, Any] = {"title": draft.title[:200], "text": draft.text, "base": base}
        values |= {"fields": fields} if fields else {}
        proposed = await write(flow, "propose", connection, "publish", values=values)
        return {"article": draft.title, "tickets": keys, "outcome": proposed.outcome}
    return {"article": None, "tickets": [], "outcome": "nothing found"}


async def _groups(
    desk: Desk, tickets: list[dict[str, Any]], days: float, least: int, similarity: float
) -> list[list[str]]:
    """Keys of tickets about the same, the largest group first."""
    if len(tickets) < least:
        return []
    found = await desk.triage.clusters(
        [comparable(one) for one in tickets], window=timedelta(days=days), least=least, similarity=similarity
    )
    return [list(one.references) for one in found]


async def _covered(desk: Desk, query: str, least: float) -> bool:
    """Whether an article says it: tickets are knowledge too, and do not count."""
    found = await desk.knowledge.search(query, limit=20)
    return any(one.metadata.get("kind") == "article" and one.score >= least for one in found)
