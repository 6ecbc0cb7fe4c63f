"""The tools there are from the start."""

from __future__ import annotations

from deskmind.agents.tool import Tool
from deskmind.agents.tools.diagnosing import query_metrics, run_diagnostic
from deskmind.agents.tools.foreign import adopt, tools_of, tools_of_mcp
from deskmind.agents.tools.http import http_get, http_request
from deskmind.agents.tools.knowledge import knowledge_search
from deskmind.agents.tools.notifying import notify_email, notify_webhook
from deskmind.agents.tools.person import ask_person
from deskmind.agents.tools.tickets import (
    ticket_assign,
    ticket_comment,
    ticket_create,
    ticket_read,
    ticket_search,
    ticket_tool,
    ticket_transition,
    ticket_update,
)
from deskmind.agents.tools.triage import similar_tickets, triage_predict

__all__ = [
    "BUILT_IN",
    "adopt",
    "ask_person",
    "http_get",
    "http_request",
    "knowledge_search",
    "notify_email",
    "notify_webhook",
    "query_metrics",
    "run_diagnostic",
    "similar_tickets",
    "ticket_assign",
    "ticket_comment",
    "ticket_create",
    "ticket_read",
    "ticket_search",
    "ticket_tool",
    "ticket_transition",
    "ticket_update",
    "tools_of",
    "tools_of_mcp",
    "triage_predict",
]

BUILT_IN: dict[str, Tool] = {
    one.name: one
    for one in (
        *(knowledge_search, similar_tickets, triage_predict, ask_person),
        *(
            ticket_search,
            ticket_read,
            ticket_comment,
            ticket_assign,
            ticket_update,
            ticket_transition,
            ticket_create,
        ),
        *(notify_email, notify_webhook, http_get, http_request, run_diagnostic, query_metrics),
    )
}
