"""Continuing a list that is ordered by a time and an id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Query
from pydantic import Field

from deskmind.errors import InvalidRequestError

__all__ = ["After", "Before", "Next", "cursor_of", "next_of", "place_of"]

_HEX = "[0-9a-f]"
_CURSOR = Query(
    pattern=rf"^[0-9]{{1,11}}\.[0-9]{{6}}_{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}$",
    description="`next` of the page before",
)
Before = Annotated[str | None, _CURSOR]
"""The parameter that continues a list whose newest items come first."""
After = Annotated[str | None, _CURSOR]
"""That of a list whose oldest items come first."""
Next = Annotated[str | None, Field(description="give it as `before` for the next page; null on the last one")]
"""The field of a page that says where the next one begins."""


class Placed(Protocol):
    """An item of such a list."""

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Its time and its id."""
        ...


def next_of(found: Sequence[Placed], limit: int) -> str | None:
    """Where the page after one of at most ``limit`` items begins; None where none comes."""
    return cursor_of(found[-1].place) if len(found) == limit else None


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
            "This does not continue a list.", remedy="Give `next` of the page before, as it was."
        ) from error
