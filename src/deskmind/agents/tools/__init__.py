"""The tools there are from the start."""

from __future__ import annotations

from deskmind.agents.tool import Tool
from deskmind.agents.tools.http import http_get
from deskmind.agents.tools.knowledge import knowledge_search
from deskmind.agents.tools.person import ask_person
from deskmind.agents.tools.tickets import ticket_tool
from deskmind.agents.tools.triage import similar_tickets, triage_predict

__all__ = [
    "BUILT_IN",
    "ask_person",
    "http_get",
    "knowledge_search",
    "similar_tickets",
    "ticket_tool",
    "triage_predict",
]

BUILT_IN: dict[str, Tool] = {
    one.name: one for one in (knowledge_search, similar_tickets, triage_predict, ask_person, http_get)
}
