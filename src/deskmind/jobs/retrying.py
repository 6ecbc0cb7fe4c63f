"""When a job that failed is tried again."""

from __future__ import annotations

from procrastinate import BaseRetryStrategy, RetryDecision, RetryStrategy
from procrastinate.jobs import Job

from deskmind.errors import DeskmindError

__all__ = ["ATTEMPTS", "Retrying"]

ATTEMPTS = 5
"""How often a job is tried again, after an error or the death of its worker."""
_DOUBLING = RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2)


class Retrying(BaseRetryStrategy):
    """After 2, 4, 8, … seconds, five times; sooner where the error says so in ``retry_after``, in seconds."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When, or None to give it up."""
        decision = _DOUBLING.get_retry_decision(exception=exception, job=job)
        said = exception.details.get("retry_after") if isinstance(exception, DeskmindError) else None
        if decision is None or said is None:
            return decision
        sooner = RetryDecision(retry_in={"seconds": said})
        return min(decision, sooner, key=_at)


def _at(decision: RetryDecision) -> float:
    assert decision.retry_at is not None
    return decision.retry_at.timestamp()
