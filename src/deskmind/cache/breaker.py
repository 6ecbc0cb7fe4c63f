"""When to stop asking a server that does not answer, and when to ask again."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Breaker"]

_LONGEST = 30.0


class Breaker:
    """Opens after some failures in a row; after a pause lets one call through to see.

    The pause doubles with each failed probe, up to 30 seconds or the first pause if that is longer.

    Attributes:
        opened: times it opened since the start.
    """

    __slots__ = (
        "_clock",
        "_failures",
        "_first_pause",
        "_pause",
        "_probing",
        "_threshold",
        "_until",
        "opened",
    )

    def __init__(
        self, threshold: int = 3, pause: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._first_pause = self._pause = pause
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._probing = False
        self.opened = 0

    @property
    def open(self) -> bool:
        """Whether calls are held back."""
        return self._failures >= self._threshold

    def admits(self) -> bool:
        """Whether to make a call now; each call admitted must end in ``succeeded``, ``failed`` or ``unknown``."""
        if not self.open:
            return True
        if self._probing or self._clock() < self._until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> bool:
        """The call was answered; whether that closed the breaker."""
        closed = self.open
        self._failures, self._probing, self._pause = 0, False, self._first_pause
        return closed

    def failed(self) -> bool:
        """The call was not answered; whether that opened the breaker."""
        self._failures += 1
        if not self.open:
            return False
        opens = self._failures == self._threshold
        if not opens and self._probing:
            self._pause = min(self._pause * 2, max(_LONGEST, self._first_pause))
        if opens or self._probing:
            self._until = self._clock() + self._pause
        self._probing = False
        self.opened += opens
        return opens

    def unknown(self) -> None:
        """The call was given up before it could tell."""
        self._probing = False
