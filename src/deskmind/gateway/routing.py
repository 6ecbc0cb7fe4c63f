"""Which deployment takes a call: policies over what is known of each one's health.

Choosing costs O(d log d) for d deployments of the model.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from deskmind.gateway.models import Deployment, ModelConfig

__all__ = ["Health", "HealthBoard", "SharedHealth", "choose"]

_SMOOTHING = 0.3


@dataclass(slots=True)
class Health:
    """What one process knows of one deployment.

    Attributes:
        in_flight: calls under way.
        failures: failures in a row.
        open_until: ``time.time()`` until which its circuit breaker is open; 0 when closed.
        probing: a call is trying whether it has recovered.
        seconds: smoothed duration of its replies, None before the first.
    """

    in_flight: int = 0
    failures: int = 0
    open_until: float = 0.0
    probing: bool = False
    seconds: float | None = None

    @property
    def answered(self) -> bool:
        """Whether a reply has ever begun."""
        return self.seconds is not None

    def available(self, now: float) -> bool:
        """Closed, or open long enough for one call to probe it."""
        return not self.open_until or (now >= self.open_until and not self.probing)


class SharedHealth(Protocol):
    """Where replicas tell each other which deployments are out."""

    def announce(self, deployment: str, until: float) -> None:
        """Tell that a deployment is out until then (``time.time()``); 0 when it is back."""
        ...

    def known(self) -> dict[str, float]:
        """What others told, cheaply: refreshed in the background."""
        ...

    async def close(self) -> None:
        """Stop refreshing."""
        ...


@dataclass(slots=True)
class HealthBoard:
    """The health of all deployments; breakers are shared when ``shared`` is given."""

    shared: SharedHealth | None = None
    clock: Callable[[], float] = time.time
    _known: dict[str, Health] = field(default_factory=dict[str, Health])

    def of(self, deployment: Deployment) -> Health:
        """One deployment's health."""
        health = self._known.get(deployment.name)
        if health is None:
            health = self._known[deployment.name] = Health()
        if self.shared is not None:
            until = self.shared.known().get(deployment.name)
            if until is not None and until > health.open_until:
                health.open_until = until
        return health

    def state(self, deployment: str) -> int:
        """Its breaker as this process knows it: 0 closed, 1 half open (the next call probes it), 2 open."""
        health = self._known.get(deployment)
        if health is None or not health.open_until:
            return 0
        return 1 if self.clock() >= health.open_until else 2

    def started(self, deployment: Deployment) -> None:
        """A call goes out."""
        health = self.of(deployment)
        health.in_flight += 1
        if health.open_until:
            health.probing = True

    def succeeded(self, deployment: Deployment, seconds: float) -> None:
        """It answered."""
        self.opened(deployment, seconds)
        self.ended(deployment, well=True)

    def opened(self, deployment: Deployment, seconds: float) -> None:
        """Its stream has begun; failures in a row are forgotten only when it ends well."""
        health = self.of(deployment)
        health.seconds = (
            seconds if health.seconds is None else health.seconds + _SMOOTHING * (seconds - health.seconds)
        )
        if health.open_until:
            health.open_until = 0.0
            health.probing = False
            if self.shared is not None:
                self.shared.announce(deployment.name, 0.0)

    def ended(self, deployment: Deployment, *, well: bool) -> None:
        """A reply is over; ``well`` when it was read to its end."""
        health = self.of(deployment)
        health.in_flight -= 1
        if well:
            health.failures = 0

    def failed(
        self,
        deployment: Deployment,
        config: ModelConfig,
        *,
        unhealthy: bool,
        retry_after: float | None = None,
    ) -> None:
        """It did not; ``unhealthy`` when that speaks against the deployment rather than the request."""
        health = self.of(deployment)
        health.in_flight -= 1
        probed, health.probing = health.probing, False
        if not unhealthy:
            return
        health.failures += 1
        out = retry_after is not None and retry_after > 0
        if out or probed or health.failures >= config.breaker_failures:
            wait = max(retry_after or 0.0, 0.0 if out else config.cooldown)
            health.open_until = max(health.open_until, self.clock() + wait)
            if self.shared is not None:
                self.shared.announce(deployment.name, health.open_until)

    def abandoned(self, deployment: Deployment) -> None:
        """Nobody waits for it any more."""
        health = self.of(deployment)
        health.in_flight -= 1
        health.probing = False


def choose(
    config: ModelConfig, board: HealthBoard, price: Callable[[Deployment], Decimal | None]
) -> Sequence[Deployment]:
    """The deployments in the order in which they are tried, whatever their breakers say.

    ``weighted`` draws without replacement in proportion to the weights (Efraimidis and Spirakis, 2006);
    ``least-latency`` tries what it does not know yet first; ``least-cost`` puts unknown prices last.
    """
    deployments = config.deployments
    if len(deployments) == 1 or config.policy == "order":
        return deployments
    if config.policy == "weighted":
        drawn = {
            place: random.random() ** (1 / item.weight) if item.weight else -1.0  # noqa: S311
            for place, item in enumerate(deployments)
        }
        return [deployments[place] for place in sorted(drawn, key=lambda place: -drawn[place])]
    if config.policy == "least-latency":
        return sorted(deployments, key=lambda item: board.of(item).seconds or 0.0)
    if config.policy == "least-busy":
        return sorted(deployments, key=lambda item: board.of(item).in_flight)
    priced = [(price(item), place, item) for place, item in enumerate(deployments)]
    return [
        item
        for _, _, item in sorted(
            priced, key=lambda entry: (entry[0] is None, entry[0] or Decimal(0), entry[1])
        )
    ]
