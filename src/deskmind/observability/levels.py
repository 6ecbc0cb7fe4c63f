"""The log level of a running service: a small file in the home that its processes watch.

A file rather than a signal or a request, because it reaches every process of ``deskmind serve`` and every worker on a
machine, those started later included, and needs no open port and no database.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from deskmind.errors import ConfigurationError, InvalidRequestError
from deskmind.observability.logs import LEVELS, logger, set_level

__all__ = ["LevelFile", "WantedLevel", "watch_level"]

_log = logger("deskmind.logs")
_WATCH_SECONDS = 1.0
_LARGEST = 1_000


@dataclass(frozen=True, slots=True)
class WantedLevel:
    """A level, and until when it holds: seconds since the epoch, or None for as long as nobody takes it back."""

    level: str
    until: float | None = None

    def over(self, now: float) -> bool:
        """Whether its time is over."""
        return self.until is not None and now >= self.until


class LevelFile:
    """What is wanted for the services of one home."""

    def __init__(self, home: Path) -> None:
        self._path = home / "log-level.json"

    def write(self, wanted: WantedLevel) -> None:
        """Ask for a level; running services have it within a second or two.

        Raises:
            InvalidRequestError: there is no such level.
            ConfigurationError: the home cannot be written.
        """
        if wanted.level not in LEVELS:
            raise InvalidRequestError(
                f"'{wanted.level}' is not a log level.", remedy=f"Known: {', '.join(LEVELS)}."
            )
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(asdict(wanted)), "utf-8")
            beside.replace(self._path)
        except OSError as error:
            raise ConfigurationError(
                f"The log level cannot be written to {self._path}.", why=f"{error.strerror}."
            ) from error

    def clear(self) -> None:
        """Go back to the configured level."""
        self._path.unlink(missing_ok=True)

    def read(self) -> WantedLevel | None:
        """What is wanted now; None when nothing is, its time is over, or the file is not ours."""
        try:
            with self._path.open(encoding="utf-8") as file:
                found: Any = json.loads(file.read(_LARGEST))
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        values = cast("dict[str, Any]", found)
        level, until = values.get("level"), values.get("until")
        if level not in LEVELS or not isinstance(until, (int, float, type(None))):
            return None
        wanted = WantedLevel(level, until)
        return None if wanted.over(time.time()) else wanted


async def watch_level(
    home: Path,
    usual: str,
    *,
    interval: float = _WATCH_SECONDS,
    on_change: Callable[[str], None] | None = None,
) -> None:
    """Follow the file until cancelled.

    Args:
        home: the data folder.
        usual: the configured level, which holds when the file says nothing.
        interval: seconds between looks.
        on_change: called with each new level, after it holds.
    """
    file = LevelFile(home)
    current = usual
    while True:
        wanted = file.read()
        level = wanted.level if wanted is not None else usual
        if level != current:
            set_level(level)
            _log.warning("log.level_changed", old=current, new=level)
            current = level
            if on_change is not None:
                on_change(level)
        await asyncio.sleep(interval)
