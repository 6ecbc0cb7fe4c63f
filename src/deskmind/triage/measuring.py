"""Metrics and spans of triage."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

from deskmind.observability import span
from deskmind.observability.instruments import TRIAGE, TRIAGE_DURATION, counter, histogram
from deskmind.observability.metering import labels
from deskmind.triage.predictions import Prediction

__all__ = ["count_predictions", "working"]

Stage = Literal["train", "evaluate", "predict", "similar", "duplicates", "clusters"]

_predictions = counter(TRIAGE)
_duration = histogram(TRIAGE_DURATION)
_stages = {stage: labels({"deskmind.stage": stage}) for stage in get_args(Stage)}
_outcomes = {
    abstained: labels({"deskmind.outcome": name})
    for abstained, name in ((False, "predicted"), (True, "abstained"))
}


@contextmanager
def working(stage: Stage, tickets: int) -> Generator[None]:
    """Work on so many tickets; what fails is not measured, but has a span."""
    started = time.perf_counter()
    with span(f"triage {stage}") as current:
        current.set_attribute("deskmind.triage.tickets", tickets)
        yield
    _duration.record(time.perf_counter() - started, _stages[stage])


def count_predictions(said: Sequence[Prediction]) -> None:
    """Count tickets, those apart whose label a person must choose."""
    abstained = sum(any(guess.abstained for guess in one.guesses.values()) for one in said)
    for outcome, count in ((True, abstained), (False, len(said) - abstained)):
        if count:
            _predictions.add(count, _outcomes[outcome])
