"""Searching the knowledge base as the user may."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from deskmind.agents.safety.readers import lists_of_documents
from deskmind.agents.tool import Material, ToolContext, tool
from deskmind.governance.access import Permission

__all__ = ["knowledge_search"]


@tool(permission=Permission.KNOWLEDGE_SEARCH)
async def knowledge_search(
    context: ToolContext, question: str, limit: Annotated[int, Field(ge=1, le=10)] = 5
) -> Material:
    """Search the knowledge base; gives passages with their documents' titles.

    Args:
        context: of the call.
        question: what to look for, in words that the documents use.
        limit: how many passages.
    """
    found = await context.desk.knowledge.search(question, limit=limit)
    ids = {one.document_id for one in found}
    async with context.desk.database.transaction(context.desk.scope) as connection:
        readers = await lists_of_documents(connection, context.desk.scope, ids)
    text = "\n\n".join(f"[{number}] {one.title}\n{one.text}" for number, one in enumerate(found, 1))
    return Material(text or "Nothing was found.", readers)
