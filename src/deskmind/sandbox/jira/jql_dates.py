"""JQL's dates: to the minute in the caller's zone, relative, or epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from deskmind.sandbox.jira.jql_syntax import Value, refused

_FORMATS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_RELATIVE = re.compile(r"[+-]?(?:\d+[wdhm]\s*)+", re.IGNORECASE)
_UNITS = {"w": 10_080, "d": 1_440, "h": 60, "m": 1}


def instant(field: str, value: Value, zone: ZoneInfo, now: datetime) -> datetime:
    """The moment that a value names, in UTC; `Refused` as Jira words it."""
    if value.arguments is not None:
        return _function(field, value, zone, now)
    text = value.text.strip()
    if text.lstrip("-").isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if _RELATIVE.fullmatch(text):
        return now + _period(text)
    for pattern in _FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    raise refused(
        f"Date value '{value.text}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )


def _period(text: str) -> timedelta:
    minutes = sum(int(count) * _UNITS[unit.lower()] for count, unit in re.findall(r"(\d+)([wdhmWDHM])", text))
    return timedelta(minutes=-minutes if text.startswith("-") else minutes)


def _function(field: str, value: Value, zone: ZoneInfo, now: datetime) -> datetime:
    name = value.text.lower()
    shift = _period(value.arguments[0]) if value.arguments and value.arguments[0] else timedelta(0)
    if name == "now":
        return now
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "day": midnight,
        "week": midnight - timedelta(days=(midnight.weekday() + 1) % 7),
        "month": midnight.replace(day=1),
        "year": midnight.replace(month=1, day=1),
    }
    for unit, start in starts.items():
        if name == f"startof{unit}":
            return (start + shift).astimezone(UTC)
    if name == "endofday":
        return (midnight + timedelta(days=1, milliseconds=-1) + shift).astimezone(UTC)
    raise refused(f"Unable to find JQL function '{value.text}({', '.join(value.arguments or ())})'.")
