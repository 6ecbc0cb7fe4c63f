"""What the integration's agent must be able to read and write, and whether it can."""

from __future__ import annotations

from collections.abc import Sequence

from deskmind.connectors.core.client import Client
from deskmind.connectors.protocol import Right
from deskmind.errors import NotFoundError, SourcePermissionError, SourceRequestError

__all__ = ["rights"]

_LISTS: tuple[tuple[str, str], ...] = (
    ("tickets", "tickets and their conversations"),
    ("agents", "technicians, and which tickets they see"),
    ("requesters", "requesters, and which departments they belong to"),
    ("groups", "assignment groups, and which of them are restricted"),
    ("requester_groups", "articles for groups of requesters"),
    ("departments", "organisations"),
    ("solutions/categories", "knowledge articles and their folders' visibility"),
    ("assets", "configuration items"),
    ("service_catalog/items", "catalog items"),
)


async def rights(client: Client) -> Sequence[Right]:
    """Each right, with whether it is there."""
    found = [await _readable(client, name, needed_for) for name, needed_for in _LISTS]
    remedy = "Found out by the first write: a role with edit, note and reply rights on tickets."
    return [*found, Right("write tickets", "comments, updates, assignments, transitions", None, remedy)]


async def _readable(client: Client, name: str, needed_for: str) -> Right:
    try:
        await client.get(f"/api/v2/{name}", {"per_page": 1})
    except (SourcePermissionError, NotFoundError, SourceRequestError):
        return Right(f"view {name}", needed_for, False, f"Give the agent's role the right to view {name}.")
    return Right(f"view {name}", needed_for, True)
