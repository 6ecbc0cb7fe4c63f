"""What is counted in the catalogue's instruments, read as a scrape reads it."""

from __future__ import annotations

import pytest

from deskmind.observability import instruments
from deskmind.observability.instruments import Instrument
from deskmind.observability.metering import MemoryMeterProvider
from deskmind.observability.metering.families import Family, families_of
from deskmind.observability.metering.memory import ProcessMemory


class Counted:
    """One counter that a module holds, in memory of ours for as long as a test lasts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: str, instrument: Instrument) -> None:
        self._name = instrument.name
        self._provider = MemoryMeterProvider(ProcessMemory())
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(instruments, "_meter", self._provider.get_meter("deskmind"))
            counter = instruments.counter(instrument)
        monkeypatch.setattr(place, counter)

    def values(self) -> dict[tuple[str, ...], float]:
        """By the values of the labels."""
        return {
            tuple(value for _, value in labels): series.values()[0]
            for labels, series in self._family().series.items()
        }

    def labels(self) -> list[dict[str, str]]:
        """Of each series."""
        return [dict(labels) for labels in self._family().series]

    def _family(self) -> Family:
        return families_of(self._provider.memory.explanations(), self._provider.memory.values)[self._name]
