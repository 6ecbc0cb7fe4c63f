"""Continuing a list that is ordered by a time and an id."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from deskmind.errors import InvalidRequestError

__all__ = ["cursor_of", "place_of"]


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
