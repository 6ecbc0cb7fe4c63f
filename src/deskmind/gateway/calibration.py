"""Estimates of calls that no provider counted, corrected by what it did count.

Each deployment's counts are held beside our estimates of the same calls, and their ratio corrects the next estimate. A
deployment that has counted nothing yet is corrected by others of the same model, whose tokens are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deskmind.gateway.messages import Usage
from deskmind.gateway.models import Deployment

__all__ = ["Calibration"]

_MEMORY = 0.998
"""Weight of the past at each call: about the last 500 count."""


@dataclass(slots=True)
class _Sums:
    model: str
    counted: float = 0.0
    estimated: float = 0.0
    calls: float = 0.0

    def learn(self, counted: int, estimated: int) -> None:
        self.counted = self.counted * _MEMORY + counted
        self.estimated = self.estimated * _MEMORY + estimated
        self.calls = self.calls * _MEMORY + 1

    def corrected(self, estimated: int, otherwise: int) -> int:
        return round(estimated * self.counted / self.estimated) if self.estimated else otherwise


def _together(sums: Iterable[_Sums]) -> _Sums:
    """What several deployments counted."""
    total = _Sums("")
    for item in sums:
        total.counted += item.counted
        total.estimated += item.estimated
    return total


class Calibration:
    """Per deployment, in this process. Learning costs O(1), estimating what nobody counted yet O(deployments)."""

    def __init__(self) -> None:
        self._input: dict[str, _Sums] = {}
        self._output: dict[tuple[str, bool], _Sums] = {}

    def learn(self, deployment: Deployment, counted: Usage, estimated: Usage, *, streamed: bool) -> None:
        """A reply was counted."""
        name = deployment.name
        read = self._input.get(name)
        if read is None:
            read = self._input[name] = _Sums(deployment.model)
        read.learn(counted.input_tokens, estimated.input_tokens)
        if estimated.output_tokens:
            written = self._output.get((name, streamed))
            if written is None:
                written = self._output[name, streamed] = _Sums(deployment.model)
            written.learn(counted.output_tokens, estimated.output_tokens)

    def usage(
        self, deployment: Deployment, estimated: Usage, *, streamed: bool, likely: Usage | None = None
    ) -> Usage:
        """What a reply that was not counted probably cost.

        Args:
            deployment: whose reply.
            estimated: as it would have been learnt from.
            streamed: whether it was a stream.
            likely: what stands where nothing was learnt; ``estimated`` when left out.
        """
        likely = likely or estimated
        read = self._input.get(deployment.name) or _together(
            item for item in self._input.values() if item.model == deployment.model
        )
        written = self._output.get((deployment.name, streamed)) or _together(
            item
            for (_, mode), item in self._output.items()
            if item.model == deployment.model and mode == streamed
        )
        return Usage(
            read.corrected(estimated.input_tokens, likely.input_tokens),
            written.corrected(estimated.output_tokens, likely.output_tokens),
        )

    def usual_output(self, deployment: Deployment) -> int:
        """Tokens of a reply of which nothing is known but that it was made: the mean of the others; 0 before the first."""
        sums = self._output.get((deployment.name, False))
        return round(sums.counted / sums.calls) if sums else 0
