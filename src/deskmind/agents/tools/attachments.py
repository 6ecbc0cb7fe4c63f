"""Texts that are attached to a ticket: plain ones, bounded."""

from __future__ import annotations

from deskmind.connectors import Attachment, Connector, Ticket

__all__ = ["attached_texts"]

_MOST_FILES = 3
_MOST_BYTES = 64_000
_PLAIN = ("text/", "application/json", "application/xml")


async def attached_texts(connector: Connector, ticket: Ticket) -> list[str]:
    """The texts of a ticket's own plain attachments, those of comments left out: they may be internal."""
    chosen = [one for one in ticket.attachments if one.content_type.startswith(_PLAIN)][:_MOST_FILES]
    return [f"attachment {one.name}:\n{await _text(connector, one)}" for one in chosen]


async def _text(connector: Connector, attachment: Attachment) -> str:
    body = b""
    async for piece in connector.download(attachment):
        body += piece
        if len(body) >= _MOST_BYTES:
            break
    return body[:_MOST_BYTES].decode("utf-8", errors="replace")
