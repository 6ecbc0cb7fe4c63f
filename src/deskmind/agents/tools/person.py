"""Asking a person."""

from __future__ import annotations

from deskmind.agents.tool import ToolContext, tool

__all__ = ["ask_person"]


@tool(effect="ask", audience="technicians", untrusted=False)
async def ask_person(context: ToolContext, question: str) -> str:
    """Ask a technician a question and wait for the answer.

    Args:
        context: of the call.
        question: one question, with what a person needs to answer it.
    """
    raise AssertionError("a person answers")
