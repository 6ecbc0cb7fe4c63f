"""*resolve*: search the knowledge base for a ticket, draft a reply, have it reviewed, and propose it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskmind.agents.workflows.flow import Flow
from deskmind.agents.workflows.ready.tickets import read_ticket, write
from deskmind.agents.workflows.workflow import workflow

if TYPE_CHECKING:
    from deskmind.agents.workflows.systems import Systems
    from deskmind.desk import Desk

__all__ = ["resolve"]

_MOST_QUERY = 1000


@dataclass(frozen=True, slots=True)
class _Review:
    """What a reviewer says of a draft: whether it can be sent, and what to change."""

    good: bool
    remarks: str = ""


@workflow("resolve")
async def resolve(
    flow: Flow,
    connection: str,
    ticket: str,
    model: str = "",
    reviewer: str = "",
    public: bool = False,
    rounds: int = 2,
) -> dict[str, Any]:
    """Search for a ticket's solution, draft a reply, have it reviewed, and propose it.

    Args:
        flow: the run.
        connection: name of the connected system.
        ticket: the vendor's id, or the key where the ticket was read before.
        model: that drafts.
        reviewer: the model that reviews; default ``model``.
        public: reply to the requester: only by what the requester may read. Otherwise, and where the requester is no
            user here, it is an internal note.
        rounds: of drafting, at most.
    """
    found = await flow.step("read", read_ticket, flow.systems, connection, ticket, retries=2)
    sources = await flow.step(
        "search", _sources, flow.desk, flow.systems, connection, found, public, retries=2
    )
    if not sources["passages"]:
        return {"ticket": found["key"], "outcome": "nothing found", "reply": "", "public": False}
    text = await _drafted(flow, found["text"], sources["passages"], model, reviewer, rounds)
    named = "\n".join(f"- {title}" for title in dict.fromkeys(sources["titles"]))
    values = {"text": f"{text}\n\nSources:\n\n{named}", "internal": not sources["public"]}
    proposed = await write(flow, "propose", connection, "comment", ticket=found["id"], values=values)
    return {
        "ticket": found["key"],
        "outcome": proposed.outcome,
        "reply": text,
        "public": sources["public"],
    }


async def _drafted(
    flow: Flow, ticket: str, passages: list[str], model: str, reviewer: str, rounds: int
) -> str:
    """The draft that the reviewer found good, else the last one."""
    given = "\n\n".join((f"Ticket:\n{ticket}", *(f"Passage:\n{one}" for one in passages)))
    draft, remarks = "", ""
    for _ in range(max(1, min(rounds, 5))):
        wanted = "Write a reply to the requester that solves the ticket."
        draft = await flow.agent(
            "draft",
            f"{wanted} A reviewer had remarks on your last draft; they and it are below."
            if remarks
            else wanted,
            instructions="You are a technician of a service desk. Say only what the passages say; be short and friendly.",
            model=model,
            untrusted=f"{given}\n\n{remarks}" if remarks else given,
        )
        review: _Review = await flow.agent(
            "review",
            "May this reply be sent? It must solve the ticket and say nothing that the passages do not say.",
            instructions="You review replies of a service desk. `good` tells whether it may be sent as it is.",
            model=reviewer or model,
            output_type=_Review,
            untrusted=f"{given}\n\nReply:\n{draft}",
        )
        if review.good:
            break
        remarks = f"Last draft:\n{draft}\n\nRemarks:\n{review.remarks}"
    return str(draft)


async def _sources(
    desk: Desk, systems: Systems, connection: str, ticket: dict[str, Any], public: bool
) -> dict[str, Any]:
    """Passages for the ticket that the reply's readers may see; whether those may be the requester."""
    reader = await systems.reading_as(connection, ticket["requester"]) if public else None
    query = " ".join(ticket["text"].split())[:_MOST_QUERY] or "-"
    passages = await (reader or desk).knowledge.search(query, limit=6)
    others = [one for one in passages if ticket["key"] not in one.title]  # the ticket itself is knowledge too
    return {
        "passages": [f"{one.title}\n{one.text}" for one in others],
        "titles": [one.title for one in others],
        "public": reader is not None,
    }
