"""Tickets of connected systems: searched and read as the user may, changed by proposal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Annotated, Any, Literal

from pydantic import Field

from deskmind.agents.safety.readers import lists_of_documents
from deskmind.agents.tool import Material, Preview, Tool, ToolContext, tool
from deskmind.agents.tools.attachments import attached_texts
from deskmind.agents.tools.booked import claims_of, proposal_of, reconciled
from deskmind.agents.tools.confidence import confidence_of, is_asked
from deskmind.agents.tools.systems import open_system
from deskmind.connectors import Act, Connector, Outcome, Ticket
from deskmind.errors import NotFoundError
from deskmind.governance.access import Permission
from deskmind.knowledge.retrieval import SearchFilter

__all__ = [
    "ticket_assign",
    "ticket_comment",
    "ticket_create",
    "ticket_read",
    "ticket_search",
    "ticket_tool",
    "ticket_transition",
    "ticket_update",
]

_SHOWN = 600


@tool(permission=Permission.TICKETS_READ)
async def ticket_search(
    context: ToolContext, words: str, limit: Annotated[int, Field(ge=1, le=20)] = 5
) -> Material:
    """Search the tickets of the connected systems.

    Args:
        context: of the call.
        words: what to look for.
        limit: how many.
    """
    found = await context.desk.knowledge.search(
        words, limit=limit, filter=SearchFilter(metadata={"kind": "ticket"})
    )
    readers = await lists_of_documents(context, {one.document_id for one in found})
    known = [one for one in found if one.document_id in readers]
    text = "\n\n".join(f"{one.title}\n{one.text[:_SHOWN]}" for one in known)
    return Material(text or "No ticket was found.", frozenset(readers.values()))


@tool(permission=Permission.TICKETS_READ)
async def ticket_read(
    context: ToolContext, ticket: str, internal: bool = False, attachments: bool = False, system: str = ""
) -> Material:
    """Read a ticket with its comments.

    Args:
        context: of the call.
        ticket: what people call it, such as INC0012345.
        internal: whether to read internal comments, too; what is written after that cannot be public.
        attachments: whether to read the texts that are attached, too.
        system: name of the connected system; empty where there is one.
    """
    async with open_system(context, system) as reached:
        seen = await reached.ticket(ticket)
        texts = await attached_texts(reached.connector, seen.ticket) if attachments else []
    internal = internal and seen.sees_internal and any(one.internal for one in seen.ticket.comments)
    readers = {seen.public, seen.internal} if internal else {seen.public}
    return Material("\n\n".join([_told(seen.ticket, internal=internal), *texts]), frozenset(readers))


def _told(ticket: Ticket, *, internal: bool) -> str:
    facts = {
        "type": ticket.type,
        "status": ticket.status,
        "priority": ticket.priority,
        "category": " / ".join(ticket.category),
        "requester": ticket.requester.name if ticket.requester else "",
        "group": ticket.assignment_group.name if ticket.assignment_group else "",
        "assignee": ticket.assignee.name if ticket.assignee else "",
        "resolution": ticket.resolution_notes,
    }
    lines = [f"{ticket.key}: {ticket.title}", *(f"{name}: {one}" for name, one in facts.items() if one)]
    lines += ["", ticket.description, *_comments(ticket, internal=internal)]
    return "\n".join(lines)


def _comments(ticket: Ticket, *, internal: bool) -> list[str]:
    return [
        f"\n{'internal comment' if one.internal else 'comment'}: {one.text}"
        for one in ticket.comments
        if internal or not one.internal
    ]


async def _comment(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    values = {"text": arguments["text"], "internal": arguments.get("internal", True)}
    return await _proposed(context, Act.COMMENT, arguments, values)


async def _assign(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    values = {name: arguments[name] for name in ("group", "assignee") if arguments.get(name)}
    return await _proposed(context, Act.ASSIGN, arguments, values)


async def _update(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    return await _proposed(context, Act.UPDATE, arguments, dict(arguments["values"]))


async def _transition(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    values: dict[str, Any] = {"to": arguments["to"], **(arguments.get("values") or {})}
    return await _proposed(context, Act.TRANSITION, arguments, values)


async def _create(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    values = {"title": arguments["title"], "description": arguments["description"]}
    async with open_system(context, arguments.get("system", "")) as reached:
        proposal = await reached.connector.propose(
            Act.CREATE, None, **values, **(arguments.get("values") or {})
        )
    return Preview(proposal.changes, {"proposal": proposal.to_json()})


async def _proposed(
    context: ToolContext, act: Act, arguments: Mapping[str, Any], values: Mapping[str, Any]
) -> Preview:
    async with open_system(context, arguments.get("system", "")) as reached:
        seen = await reached.ticket(arguments["ticket"])
        proposal = await reached.connector.propose(act, seen.ticket.id, **values)
        sure = None
        if act in (Act.ASSIGN, Act.UPDATE) and is_asked(context.desk):
            names = await reached.names(values.values())
            sure = await confidence_of(context.desk, seen.ticket, values, names)
    internal = act is Act.COMMENT and proposal.internal
    if internal and not seen.sees_internal:
        raise NotFoundError("There are no internal comments.", why="You may not see them.")
    readers = seen.written_internal if internal else seen.written_public
    return Preview(proposal.changes, {"proposal": proposal.to_json()}, readers, sure)


async def _reconcile(context: ToolContext, arguments: Mapping[str, Any]) -> Outcome:
    return await reconciled(context, lambda: _reached(context, arguments.get("system", "")))


@asynccontextmanager
async def _reached(context: ToolContext, system: str) -> AsyncGenerator[Connector]:
    async with open_system(context, system) as reached:
        yield reached.connector


async def _applied(context: ToolContext, system: str) -> str:
    async with _reached(context, system) as connector:
        return await _sent(connector, context)


async def _sent(connector: Connector, context: ToolContext) -> str:
    applied = await connector.apply(proposal_of(context), claims=claims_of(context))
    differing = f" The system holds otherwise: {', '.join(applied.differing)}." if applied.differing else ""
    return f"Written to {applied.key or applied.id}.{differing}"


def _writes(
    preview: Callable[[ToolContext, Mapping[str, Any]], Awaitable[Preview]],
) -> Callable[[Callable[..., Awaitable[Any]]], Tool]:
    return tool(
        permission=Permission.TICKETS_WRITE,
        effect="write",
        audience="requesters",
        untrusted=False,
        preview=preview,
        reconcile=_reconcile,
    )


@_writes(_comment)
async def ticket_comment(
    context: ToolContext, ticket: str, text: str, internal: bool = True, system: str = ""
) -> str:
    """Comment on a ticket.

    Args:
        context: of the call.
        ticket: what people call it.
        text: of the comment, in Markdown.
        internal: whether technicians alone read it; false for the requester, too.
        system: name of the connected system; empty where there is one.
    """
    del ticket, text, internal
    return await _applied(context, system)


@_writes(_assign)
async def ticket_assign(
    context: ToolContext, ticket: str, group: str = "", assignee: str = "", system: str = ""
) -> str:
    """Assign a ticket to a group, a person, or both.

    Args:
        context: of the call.
        ticket: what people call it.
        group: the vendor's id of the group.
        assignee: the vendor's id of the person.
        system: name of the connected system; empty where there is one.
    """
    del ticket, group, assignee
    return await _applied(context, system)


@_writes(_update)
async def ticket_update(context: ToolContext, ticket: str, values: dict[str, str], system: str = "") -> str:
    """Change fields of a ticket, such as its priority, category or urgency.

    Args:
        context: of the call.
        ticket: what people call it.
        values: by field.
        system: name of the connected system; empty where there is one.
    """
    del ticket, values
    return await _applied(context, system)


@_writes(_transition)
async def ticket_transition(
    context: ToolContext, ticket: str, to: str, values: dict[str, str] | None = None, system: str = ""
) -> str:
    """Bring a ticket into another state, such as resolved.

    Args:
        context: of the call.
        ticket: what people call it.
        to: the state, in the vendor's words.
        values: further fields, such as resolution_code and resolution_notes.
        system: name of the connected system; empty where there is one.
    """
    del ticket, to, values
    return await _applied(context, system)


@_writes(_create)
async def ticket_create(
    context: ToolContext, title: str, description: str, values: dict[str, str] | None = None, system: str = ""
) -> str:
    """Create a ticket.

    Args:
        context: of the call.
        title: one line.
        description: what happened and what is wanted, in Markdown.
        values: further fields, such as requester, category, urgency.
        system: name of the connected system; empty where there is one.
    """
    del title, description, values
    return await _applied(context, system)


TicketAct = Literal["comment", "update", "assign", "transition", "create"]


def ticket_tool(connector: Connector, *, name: str = "ticket_propose") -> Tool:
    """The tool that proposes any write to the system of a connector of one's own; approved, it is sent once and read back.

    It knows nothing of who sees the ticket, so that after reading what not everybody may see nothing is written with it.

    Args:
        connector: of the system.
        name: of the tool; each system has its own.
    """

    async def preview(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
        del context
        proposal = await connector.propose(
            Act(arguments["act"]), arguments.get("ticket") or None, **(arguments.get("values") or {})
        )
        return Preview(proposal.changes, {"proposal": proposal.to_json()})

    async def reconcile(context: ToolContext, arguments: Mapping[str, Any]) -> Outcome:
        del arguments
        return await reconciled(context, lambda: nullcontext(connector))

    @tool(
        name=name,
        effect="propose",
        audience="requesters",
        untrusted=False,
        preview=preview,
        reconcile=reconcile,
    )
    async def ticket_propose(
        context: ToolContext, act: TicketAct, ticket: str = "", values: dict[str, Any] | None = None
    ) -> str:
        """Propose a change of a ticket; it is made when a technician has approved it.

        Args:
            context: of the call.
            act: what to do.
            ticket: its id; empty to create one.
            values: by field: text and internal of a comment, group or person of an assignment, fields of an update.
        """
        del act, ticket, values
        return await _sent(connector, context)

    return ticket_propose
