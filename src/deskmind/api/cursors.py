"""Continuing a list that is ordered by a time and an id."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from deskmind.errors import InvalidRequestError

__all__ = ["Before", "cursor_of", "place_of"]

_HEX = "[0-9a-f]"
Before = Annotated[
    str | None,
    Query(
        pattern=rf"^[0-9]{{1,11}}\.[0-9]{{6}}_{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}$",
        description="`next` of the page before",
    ),
]
"""The parameter that continues a list."""


def cursor_of(place: tuple[datetime, UUID]) -> str:
    """Where the last item of a page stands, for ``before``."""
    return f"{place[0].timestamp():.6f}_{place[1]}"


def place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The other way round; None without a cursor.

    Raises:
        InvalidRequestError: it is not one.
    """
    if not cursor:
        return None
    moment, _, identifier = cursor.partition("_")
    try:
        return datetime.fromtimestamp(float(moment)).astimezone(), UUID(identifier)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidRequestError(
            "This does not continue a list.", remedy="Give `next` of the previous page as `before`."
        ) from error
