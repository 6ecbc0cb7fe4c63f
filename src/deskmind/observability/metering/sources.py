"""Objects whose state metrics show for as long as they live: pools, caches, gateways."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar
from weakref import WeakSet

from deskmind.observability.instruments import Instrument, observe
from deskmind.observability.metering.labels import Labels

__all__ = ["Sources"]

_T = TypeVar("_T")
Read = Callable[[_T], Iterable[tuple[float, Labels]]]


class Sources(Generic[_T]):
    """All living objects of a kind; what several say with the same labels is added up, or the greatest is shown."""

    def __init__(self) -> None:
        self._living: WeakSet[_T] = WeakSet()

    def add(self, source: _T) -> None:
        """From now on it is read, until nobody else holds it."""
        self._living.add(source)

    def show(self, instrument: Instrument, read: Read[_T]) -> None:
        """Read an instrument's values from every source.

        Args:
            instrument: with ``observed``.
            read: what one source says, from any thread.
        """
        observe(instrument, lambda: self._together(instrument, read))

    def _together(self, instrument: Instrument, read: Read[_T]) -> Iterable[tuple[float, Labels]]:
        values: dict[int, tuple[float, Labels]] = {}
        for source in list(self._living):
            for value, labels in read(source):
                known = values.get(id(labels))
                if known is not None:
                    value = known[0] + value if instrument.across == "sum" else max(known[0], value)  # noqa: PLW2901
                values[id(labels)] = (value, labels)
        return values.values()
