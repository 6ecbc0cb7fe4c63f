"""Values of a query that are computed: `javascript:gs.daysAgo(7)` and its like, in the asking user's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from deskmind.sandbox.servicenow.store import moment

__all__ = ["Scripts"]

_CALL = re.compile(r"(?:javascript:)?\s*gs\.(?P<name>\w+)\((?P<arguments>[^)]*)\)\s*;?\s*")
_ARGUMENT = re.compile(r"'([^']*)'|\"([^\"]*)\"|(-?\d+)")
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}


class Scripts:
    """Computes scripted values for one user at one time."""

    def __init__(
        self, now: datetime, zone: ZoneInfo, user_id: str, user_name: str, groups: tuple[str, ...]
    ) -> None:
        self._now, self._zone = now, zone
        self._user_id, self._user_name, self._groups = user_id, user_name, groups

    def value(self, text: str) -> str | None:
        """What `text` stands for: itself if it is no script, None for a script that is not known."""
        if not text.startswith("javascript:"):
            return text
        found = _CALL.fullmatch(text)
        return self._called(found["name"], _arguments(found["arguments"])) if found else None

    def _called(self, name: str, arguments: list[str]) -> str | None:
        match name:
            case "getUserID":
                return self._user_id
            case "getUserName":
                return self._user_name
            case "getMyGroups":
                return ",".join(self._groups)
            case "dateGenerate":
                return self._generated(arguments)
            case "nowDateTime" | "now":
                return moment(self._now)
            case _:
                return self._relative(name, int(arguments[0]) if arguments else 0)

    def _generated(self, arguments: list[str]) -> str | None:
        """A date and a time in the user's zone: in two arguments, in one, or with `start` or `end` of the day."""
        named = {"start": "00:00:00", "end": "23:59:59"}
        words = " ".join(named.get(argument, argument) for argument in arguments).split()
        text = " ".join(words[:2]) if len(words) > 1 else f"{words[0]} 00:00:00" if words else ""
        try:
            local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=self._zone)
        except ValueError:
            return None
        return moment(local.astimezone(UTC))

    def _relative(self, name: str, amount: int) -> str | None:
        plain = re.fullmatch(r"(seconds|minutes|hours|days)Ago(Start|End)?", name)
        if plain:
            at = self._now - timedelta(seconds=amount * _UNITS[plain[1]])
            return moment(self._edge(at, plain[1], plain[2]) if plain[2] else at)
        maker = _NAMED.get(name)
        if maker is None:
            return None
        return moment(maker(self._now.astimezone(self._zone)).astimezone(UTC))

    def _edge(self, at: datetime, unit: str, edge: str) -> datetime:
        local = at.astimezone(self._zone)
        start = _floor(local, unit)
        end = start + timedelta(seconds=_UNITS[unit] - 1)
        return (start if edge == "Start" else end).astimezone(UTC)


def _floor(at: datetime, unit: str) -> datetime:
    at = at.replace(microsecond=0)
    if unit == "seconds":
        return at
    at = at.replace(second=0)
    if unit == "minutes":
        return at
    at = at.replace(minute=0)
    return at if unit == "hours" else at.replace(hour=0)


def _day(at: datetime) -> datetime:
    return _floor(at, "days")


def _end(start: datetime, length: timedelta) -> datetime:
    return start + length - timedelta(seconds=1)


def _month_after(at: datetime) -> datetime:
    return (_day(at).replace(day=1) + timedelta(days=32)).replace(day=1)


_NAMED: dict[str, Callable[[datetime], datetime]] = {
    "beginningOfToday": _day,
    "endOfToday": lambda at: _end(_day(at), timedelta(days=1)),
    "beginningOfYesterday": lambda at: _day(at) - timedelta(days=1),
    "endOfYesterday": lambda at: _end(_day(at), timedelta()),
    "beginningOfThisWeek": lambda at: _day(at) - timedelta(days=at.weekday()),
    "beginningOfThisMonth": lambda at: _day(at).replace(day=1),
    "endOfThisMonth": lambda at: _month_after(at) - timedelta(seconds=1),
    "beginningOfThisYear": lambda at: _day(at).replace(month=1, day=1),
}


def _arguments(text: str) -> list[str]:
    return [next(part for part in found if part) for found in _ARGUMENT.findall(text) if any(found)]
