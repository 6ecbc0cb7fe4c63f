"""The generic cell rate algorithm, in integers of a microsecond.

A limit of ``quota`` requests in ``window`` seconds is a time of ``window / quota`` for each. What is stored is one number, the
theoretical arrival time (TAT): when everything asked for so far will have been paid. A request is admitted while that is less
than a window ahead, so ``quota`` may come at once, and then one for each interval. Source: ITU-T I.371, virtual scheduling.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from deskmind.errors import ConfigurationError

__all__ = ["Decision", "Limit", "Standing"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_WRITTEN = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)")
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds.

    Attributes:
        name: of the policy, such as ``tenant`` or ``user:models``.
        quota: requests.
        window: seconds.
        interval: microseconds for each request.
        span: microseconds for all of them.
        policy: as an item of ``RateLimit-Policy``.
    """

    name: str
    quota: int
    window: int
    interval: int = field(init=False, repr=False, compare=False)
    span: int = field(init=False, repr=False, compare=False)
    policy: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Every request asks for these."""
        interval = max(1, round(self.window * _MICRO / self.quota))
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "span", interval * self.quota)
        object.__setattr__(self, "policy", f'"{self.name}";q={self.quota};w={self.window}')

    @classmethod
    def parse(cls, name: str, text: str) -> Limit:
        """From ``600/minute``.

        Raises:
            ConfigurationError: it is not written so.
        """
        found = _WRITTEN.fullmatch(text.replace(" ", ""))
        if found is None:
            raise ConfigurationError(
                f"The limit '{name}' cannot be read.",
                remedy="Write it as 600/minute: per second, minute, hour or day.",
            )
        return cls(name, int(found[1]), _SECONDS[found[2]])


class Standing(NamedTuple):
    """How a limit stands after a request.

    Attributes:
        limit: which.
        ahead: microseconds from now until everything is paid.
        wait: microseconds until a request would be admitted; 0 where this one was.
    """

    limit: Limit
    ahead: int
    wait: int = 0

    @property
    def remaining(self) -> int:
        """Requests that would be admitted now."""
        return max(0, (self.limit.span - self.ahead) // self.limit.interval)

    @property
    def item(self) -> str:
        """As an item of ``RateLimit``: requests left, seconds until the quota is whole again."""
        limit, ahead, _ = self
        left = max(0, (limit.span - ahead) // limit.interval)
        return f'"{limit.name}";r={left};t={-(-ahead // _MICRO)}'


class Decision(NamedTuple):
    """Whether a request is admitted; it counts only then, and by all limits at once.

    Attributes:
        standings: in the order in which the limits were given.
        shared: by all processes, not by this one alone.
    """

    standings: tuple[Standing, ...]
    shared: bool

    @property
    def refusing(self) -> Standing | None:
        """The limit that admits again last; None when the request is admitted."""
        found: Standing | None = None
        for each in self.standings:
            if each.wait and (found is None or each.wait > found.wait):
                found = each
        return found

    @property
    def retry_after(self) -> int:
        """Seconds, 0 when the request is admitted."""
        refusing = self.refusing
        return math.ceil(refusing.wait / _MICRO) if refusing is not None else 0
