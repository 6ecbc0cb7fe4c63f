"""Whether the desk of a request is still the one that its user would get now."""

from __future__ import annotations

from deskmind.desk import Desk

__all__ = ["reaches"]


async def reaches(desk: Desk) -> bool:
    """Whether a desk reaches no more than its user may now; a request goes on with another one otherwise.

    A membership may end while a request's body comes: its operations would be refused for what it needs no more.
    """
    authority = desk.database.authority
    return authority is None or await authority.reaches(desk.scope)
