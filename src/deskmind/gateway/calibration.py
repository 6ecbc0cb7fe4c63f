"""Estimates of calls that no provider counted, corrected by what it did count.

The estimates of ``tokens`` err on the side of reserving more. What is charged by estimate should not: each deployment's
counts are held beside our estimates of the same calls, and their ratio corrects the next estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

from deskmind.gateway.messages import Usage
from deskmind.gateway.models import Deployment

__all__ = ["Calibration"]

_MEMORY = 0.998
"""Weight of the past at each call: about the last 500 count."""


@dataclass(slots=True)
class _Sums:
    counted: float = 0.0
    estimated: float = 0.0
    calls: float = 0.0

    def learn(self, counted: int, estimated: int) -> None:
        self.counted = self.counted * _MEMORY + counted
        self.estimated = self.estimated * _MEMORY + estimated
        self.calls = self.calls * _MEMORY + 1

    def corrected(self, estimated: int) -> int:
        return round(estimated * self.counted / self.estimated) if self.estimated else estimated


class Calibration:
    """Per deployment, in this process. Learning and estimating cost O(1)."""

    def __init__(self) -> None:
        self._input: dict[str, _Sums] = {}
        self._output: dict[tuple[str, bool], _Sums] = {}

    def learn(self, deployment: Deployment, counted: Usage, estimated: Usage, *, streamed: bool) -> None:
        """A reply was counted."""
        name = deployment.name
        read = self._input.get(name)
        if read is None:
            read = self._input[name] = _Sums()
        read.learn(counted.input_tokens, estimated.input_tokens)
        if estimated.output_tokens:
            written = self._output.get((name, streamed))
            if written is None:
                written = self._output[name, streamed] = _Sums()
            written.learn(counted.output_tokens, estimated.output_tokens)

    def usage(self, deployment: Deployment, estimated: Usage, *, streamed: bool) -> Usage:
        """What a reply that was not counted probably cost."""
        read = self._input.get(deployment.name)
        written = self._output.get((deployment.name, streamed))
        return Usage(
            read.corrected(estimated.input_tokens) if read else estimated.input_tokens,
            written.corrected(estimated.output_tokens) if written else estimated.output_tokens,
        )

    def usual_output(self, deployment: Deployment) -> int:
        """Tokens of a reply of which nothing is known but that it was made: the mean of the others; 0 before the first."""
        sums = self._output.get((deployment.name, False))
        return round(sums.counted / sums.calls) if sums else 0
