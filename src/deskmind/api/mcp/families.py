"""What a desk has to show: documents, tickets of connected systems, runs of agents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import mcp_types as types

from deskmind.api.mcp.family import Family, Page, Suggestions
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.knowledge.documents import Document

__all__ = ["DOCUMENTS", "FAMILIES", "RUNS", "TICKETS"]

_MOST_SUGGESTED = 100


class _Texts(Family):
    """Of the knowledge base."""

    async def stamp(self, desk: Desk) -> str | None:
        return await desk.knowledge.view()


class _Documents(_Texts):
    """By their ids; every desk's list. A document of another text has another id."""

    async def page(self, desk: Desk, after: str | None, limit: int) -> Page:
        found = await desk.knowledge.documents(limit=limit + 1, after=_place(after))
        shown = found[:limit]
        resources = [
            types.Resource(
                uri=self.uri(document_id=str(item.document_id)),
                name=item.title,
                title=item.title,
                mime_type="text/plain",
                annotations=types.Annotations(last_modified=item.updated_at.isoformat()),
                _meta={"deskmind/uri": item.uri, "deskmind/media_type": item.media_type},
            )
            for item in shown
        ]
        return Page(resources, str(shown[-1].document_id) if len(found) > limit else None)

    async def read(
        self, desk: Desk, uri: str, values: Mapping[str, str]
    ) -> Sequence[types.TextResourceContents]:
        document = await desk.knowledge.document(_identity(values["document_id"]))
        return [_text(uri, document)]

    async def complete(self, desk: Desk, name: str, value: str) -> Suggestions:
        found = await desk.knowledge.named(value, limit=_MOST_SUGGESTED + 1)
        ids = [str(one.document_id) for one in found]
        return Suggestions(ids[:_MOST_SUGGESTED], len(ids) > _MOST_SUGGESTED)

    async def versions(self, desk: Desk, all_values: Sequence[Mapping[str, str]]) -> Sequence[str | None]:
        wanted = [_known(values["document_id"]) for values in all_values]
        found = await desk.knowledge.versions([one for one in wanted if one is not None])
        return [found.get(one) if one is not None else None for one in wanted]


class _Tickets(_Texts):
    """By what people call them, as they were last read from a connected system."""

    async def read(
        self, desk: Desk, uri: str, values: Mapping[str, str]
    ) -> Sequence[types.TextResourceContents]:
        return [_text(uri, await desk.knowledge.ticket(values["ticket"]))]

    async def complete(self, desk: Desk, name: str, value: str) -> Suggestions:
        found = await desk.knowledge.named(value, limit=_MOST_SUGGESTED + 1, kind="ticket")
        keys = [one.metadata["key"] for one in found if one.metadata.get("key")]
        return Suggestions(list(dict.fromkeys(keys[:_MOST_SUGGESTED])), len(found) > _MOST_SUGGESTED)

    async def versions(self, desk: Desk, all_values: Sequence[Mapping[str, str]]) -> Sequence[str | None]:
        keys = [values["ticket"] for values in all_values]
        found = await desk.knowledge.ticket_versions(keys)
        return [found.get(key) for key in keys]


class _Runs(Family):
    """By their ids: one's own, and an operator's all."""

    async def read(
        self, desk: Desk, uri: str, values: Mapping[str, str]
    ) -> Sequence[types.TextResourceContents]:
        found = await desk.agents.show(_identity(values["run_id"]))
        text = json.dumps(found.run.as_dict(), ensure_ascii=False, default=str)
        return [types.TextResourceContents(uri=uri, mime_type="application/json", text=text)]

    async def versions(self, desk: Desk, all_values: Sequence[Mapping[str, str]]) -> Sequence[str | None]:
        wanted = [_known(values["run_id"]) for values in all_values]
        found = await desk.agents.versions([one for one in wanted if one is not None])
        return [found.get(one) if one is not None else None for one in wanted]


DOCUMENTS: Final = _Documents(
    types.ResourceTemplate(
        name="document",
        title="Document",
        uri_template="deskmind://documents/{document_id}",
        description="A document of the knowledge base, by its id; a part of its title is completed to the ids that fit.",
        mime_type="text/plain",
    )
)
TICKETS: Final = _Tickets(
    types.ResourceTemplate(
        name="ticket",
        title="Ticket",
        uri_template="deskmind://tickets/{ticket}",
        description="A ticket of a connected system, by what people call it, such as INC0012345.",
        mime_type="text/plain",
    )
)
RUNS: Final = _Runs(
    types.ResourceTemplate(
        name="run",
        title="Run of an agent",
        uri_template="deskmind://runs/{run_id}",
        description="How far a run of an agent is, and what it gave.",
        mime_type="application/json",
    )
)
FAMILIES: Final[tuple[Family, ...]] = (DOCUMENTS, TICKETS, RUNS)


def _text(uri: str, document: Document) -> types.TextResourceContents:
    return types.TextResourceContents(
        uri=uri, mime_type="text/plain", text=document.text, _meta={"deskmind/untrusted": True}
    )


def _known(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _identity(text: str) -> UUID:
    found = _known(text)
    if found is None:
        raise NotFoundError("There is no such resource.", remedy="Addresses end with an id.")
    return found


def _place(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor is not None else None
    except ValueError as error:
        raise InvalidRequestError(
            "This cursor does not continue a list.", remedy="Give `nextCursor` of the page before."
        ) from error
