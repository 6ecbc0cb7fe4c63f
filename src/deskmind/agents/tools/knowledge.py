"""Searching the knowledge base as the user may."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from deskmind.agents.safety.readers import lists_of_documents, open_documents
from deskmind.agents.tool import Material, ToolContext, tool
from deskmind.governance.access import Permission

__all__ = ["knowledge_search"]

_SPARE = 4


@tool(permission=Permission.KNOWLEDGE_SEARCH)
async def knowledge_search(
    context: ToolContext, question: str, limit: Annotated[int, Field(ge=1, le=10)] = 5, public: bool = False
) -> Material:
    """Search the knowledge base; gives passages with their documents' titles.

    Args:
        context: of the call.
        question: what to look for, in words that the documents use.
        limit: how many passages.
        public: only what everybody may see, to be used in texts that requesters read.
    """
    found = await context.desk.knowledge.search(question, limit=limit * _SPARE if public else limit)
    readers = await lists_of_documents(context, {one.document_id for one in found})
    seen = await open_documents(context, readers) if public else readers.keys()
    kept = [one for one in found if one.document_id in seen][:limit]
    text = "\n\n".join(f"[{number}] {one.title}\n{one.text}" for number, one in enumerate(kept, 1))
    lists = frozenset(readers[one.document_id] for one in kept)
    return Material(text or "Nothing was found.", lists)
