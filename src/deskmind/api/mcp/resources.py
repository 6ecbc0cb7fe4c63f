"""The documents that a desk may see, as resources: ``deskmind://documents/{document_id}``."""

from __future__ import annotations

from uuid import UUID

import mcp_types as types

from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError

__all__ = ["TEMPLATE", "list_resources", "read_resource"]

_PREFIX = "deskmind://documents/"
_PAGE = 100
TEMPLATE = types.ResourceTemplate(
    name="document",
    title="Document",
    uri_template=f"{_PREFIX}{{document_id}}",
    description="A document of the knowledge base, by its id.",
    mime_type="text/plain",
)


async def list_resources(desk: Desk, cursor: str | None) -> types.ListResourcesResult:
    """A page of documents; a cursor is given exactly where more follow.

    Raises:
        InvalidRequestError: the cursor is none of ours.
    """
    found = await desk.knowledge.documents(limit=_PAGE + 1, after=_place(cursor))
    shown = found[:_PAGE]
    return types.ListResourcesResult(
        resources=[
            types.Resource(
                uri=f"{_PREFIX}{item.document_id}",
                name=item.title,
                title=item.title,
                mime_type="text/plain",
                _meta={"deskmind/uri": item.uri, "deskmind/media_type": item.media_type},
            )
            for item in shown
        ],
        next_cursor=str(shown[-1].document_id) if len(found) > _PAGE else None,
    )


async def read_resource(desk: Desk, uri: str) -> types.ReadResourceResult:
    """A document's text.

    Raises:
        NotFoundError: there is none of this address that the desk may see.
    """
    try:
        document_id = UUID(uri.removeprefix(_PREFIX))
    except ValueError:
        document_id = None
    if document_id is None or not uri.startswith(_PREFIX):
        raise NotFoundError(
            "There is no such resource.",
            remedy=f"Addresses are {_PREFIX} and a document's id; resources/list has them.",
        )
    document = await desk.knowledge.document(document_id)
    return types.ReadResourceResult(
        contents=[types.TextResourceContents(uri=uri, mime_type="text/plain", text=document.text)]
    )


def _place(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor is not None else None
    except ValueError as error:
        raise InvalidRequestError(
            "This cursor does not continue a list.", remedy="Give `nextCursor` of the page before."
        ) from error
