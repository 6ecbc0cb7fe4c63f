"""Times by a crontab's expression, in a place's time; read by croniter, which the job system uses too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import croniter as library

from deskmind.errors import InvalidRequestError

__all__ = ["check_cron", "next_time"]

_FIELDS = 5


def check_cron(expression: str, zone: str) -> None:
    """See that both can be used.

    Raises:
        InvalidRequestError: they cannot.
    """
    if len(expression.split()) != _FIELDS or not library.croniter.is_valid(expression):
        raise InvalidRequestError(
            f"'{expression[:80]}' tells no times.",
            why="It has five fields: minute, hour, day of the month, month, day of the week.",
            remedy="Weekdays at eight: '0 8 * * 1-5'.",
        )
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidRequestError(
            f"There is no time zone '{zone[:80]}'.", remedy="Name it as Europe/Berlin."
        ) from error


def next_time(expression: str, zone: str, after: datetime) -> datetime:
    """The first time after a moment, in UTC. Where clocks are put forward, a time that does not exist is the next that does."""
    local = after.astimezone(ZoneInfo(zone))
    times: Any = library.croniter(expression, local)
    return cast("datetime", times.get_next(datetime)).astimezone(UTC)
