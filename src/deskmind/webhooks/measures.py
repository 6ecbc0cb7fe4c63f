"""Metrics of attempts."""

from __future__ import annotations

from typing import get_args

from deskmind.observability.instruments import WEBHOOK_ATTEMPTS, WEBHOOK_DURATION, counter, histogram
from deskmind.observability.metering import labels
from deskmind.webhooks.sending import Outcome

__all__ = ["count_attempt"]

_attempts = counter(WEBHOOK_ATTEMPTS)
_duration = histogram(WEBHOOK_DURATION)
_outcomes = {outcome: labels({"deskmind.outcome": outcome}) for outcome in get_args(Outcome)}


def count_attempt(outcome: Outcome, seconds: float) -> None:
    """An attempt that came to an end."""
    _attempts.add(1, _outcomes[outcome])
    _duration.record(seconds, _outcomes[outcome])
