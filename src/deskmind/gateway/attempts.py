"""Trying a model's deployments until one answers: fallback first, then back-off with full jitter.

The wait before round n is uniform in 0 … min(``max_backoff``, ``backoff`` × 2ⁿ) (Brooker, "Exponential Backoff and
Jitter", 2015), or as long as a provider asked for when it names a time and nobody else can be tried. A call fails at once when all
deployments are out for longer than ``max_backoff``.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from deskmind.errors import BudgetExceededError
from deskmind.gateway.accounts import Account, error_for
from deskmind.gateway.messages import Attempt
from deskmind.gateway.models import Deployment, ModelConfig
from deskmind.gateway.providers import ProviderFailure
from deskmind.gateway.routing import HealthBoard
from deskmind.gateway.spans import note_attempt

__all__ = ["attempt"]

_T = TypeVar("_T")


async def attempt(
    model: str,
    config: ModelConfig,
    order: Sequence[Deployment],
    board: HealthBoard,
    account: Account,
    call: Callable[[Deployment], Awaitable[_T]],
) -> tuple[Deployment, _T]:
    """The first answer, and whose it is.

    Raises:
        ModelError: no deployment answered; it names every attempt.
        BudgetExceededError: a charged attempt failed and there is no room for another.
    """
    try:
        async with asyncio.timeout(config.timeouts.total - account.elapsed):
            return await _rounds(model, config, order, board, account, call)
    except TimeoutError as error:
        failure = ProviderFailure("model-timeout", f"{config.timeouts.total:g} seconds in all are over")
        tried = account.attempts[-1].deployment if account.attempts else ""
        last = next((item for item in order if item.name == tried), order[-1])
        raise error_for(failure, model, last, account.attempts) from error


async def _rounds(
    model: str,
    config: ModelConfig,
    order: Sequence[Deployment],
    board: HealthBoard,
    account: Account,
    call: Callable[[Deployment], Awaitable[_T]],
) -> tuple[Deployment, _T]:
    last: tuple[ProviderFailure, Deployment] | None = None
    waited = 0.0
    asked: list[float] = []
    out: set[str] = set()
    for number in range(config.retries + 1):
        asked = []
        for deployment in order:
            if deployment.name in out:
                continue
            health = board.of(deployment)
            if not health.available(board.clock()):
                _tried(account, Attempt(deployment.name, "skipped", waited=waited))
                asked.append(max(health.open_until - board.clock(), 0.0))
                continue
            if account.charged and account.attempts:
                await _hold_more(account)
            try:
                return deployment, await _once(config, deployment, board, account, call, waited)
            except ProviderFailure as failure:
                last = (failure, deployment)
                if not failure.elsewhere:
                    raise error_for(failure, model, deployment, account.attempts) from failure
                if not failure.retriable:
                    out.add(deployment.name)
                asked.append(failure.retry_after or 0.0)
            waited = 0.0
        if number == config.retries or not asked or all(item.name in out for item in order):
            break
        waited = _wait(config, number, min(asked))
        if last is None and waited > config.max_backoff:
            break
        if waited > config.timeouts.total - account.elapsed:
            break
        await asyncio.sleep(waited)
    if last is None:
        failure = ProviderFailure(
            "model-unavailable",
            "every deployment failed lately and is left alone for a while",
            retry_after=min(asked, default=None),
        )
        raise error_for(failure, model, order[0], account.attempts)
    raise error_for(*((last[0], model, last[1], account.attempts))) from last[0]


async def _once(
    config: ModelConfig,
    deployment: Deployment,
    board: HealthBoard,
    account: Account,
    call: Callable[[Deployment], Awaitable[_T]],
    waited: float,
) -> _T:
    started = time.perf_counter()
    board.started(deployment)
    try:
        answer = await call(deployment)
    except ProviderFailure as failure:
        unhealthy = failure.retriable or failure.cause == "provider-authentication"
        board.failed(deployment, config, unhealthy=unhealthy, retry_after=failure.retry_after)
        charged = account.charge_failure(deployment, failure)
        _tried(
            account,
            Attempt(deployment.name, failure.cause, (time.perf_counter() - started) * 1000, charged, waited),
        )
        raise
    except BaseException:
        board.abandoned(deployment)
        _tried(
            account,
            Attempt(deployment.name, "cancelled", (time.perf_counter() - started) * 1000, None, waited),
        )
        raise
    seconds = time.perf_counter() - started
    if account.streamed:
        board.opened(deployment, seconds)
    else:
        board.succeeded(deployment, seconds)
    _tried(account, Attempt(deployment.name, "ok", seconds * 1000, None, waited))
    return answer


def _tried(account: Account, made: Attempt) -> None:
    account.attempts.append(made)
    note_attempt(made, len(account.attempts))


async def _hold_more(account: Account) -> None:
    try:
        await account.hold_more()
    except BudgetExceededError as error:
        error.details["attempts"] = [f"{item.deployment}: {item.outcome}" for item in account.attempts]
        raise


def _wait(config: ModelConfig, number: int, asked: float) -> float:
    jitter = random.uniform(0, min(config.max_backoff, config.backoff * 2**number))  # noqa: S311
    return asked + jitter if asked else jitter
