"""Removals that the shared server has not confirmed.

Until one is confirmed, this process reads nothing it concerns from the server, and it is sent again in the
background. Their number is bounded: when there are too many, those of a namespace become one removal of all of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from deskmind.cache.tier import Kind

__all__ = ["Debt", "Debts"]

_KIND_AND_DIGEST = 21


@dataclass(frozen=True, slots=True)
class Debt:
    """One removal.

    Attributes:
        kind: what the name stands for.
        name: what is to be removed.
        serial: tells it from later removals of the name.
    """

    kind: Kind
    name: bytes
    serial: int


class Debts:
    """The removals owed, by name."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._owed: dict[bytes, Debt] = {}
        self._serials = itertools.count()

    def __len__(self) -> int:
        return len(self._owed)

    def concern(self, names: Iterable[bytes]) -> bool:
        """Whether any of the names is to be removed."""
        return bool(self._owed) and any(name in self._owed for name in names)

    def add(self, kind: Kind, name: bytes) -> Debt:
        """Owe a removal."""
        debt = Debt(kind, name, next(self._serials))
        self._owed[name] = debt
        if len(self._owed) > self._limit:
            self._collapse()
        return debt

    def some(self, number: int) -> list[Debt]:
        """The oldest."""
        return list(itertools.islice(self._owed.values(), number))

    def paid(self, debts: Iterable[Debt]) -> None:
        """Confirmed; what was owed anew under the same name stays."""
        for debt in debts:
            if self._owed.get(debt.name) == debt:
                del self._owed[debt.name]

    def _collapse(self) -> None:
        roots = {
            debt.name if debt.kind == "root" else debt.name[:-_KIND_AND_DIGEST] + b"r"
            for debt in self._owed.values()
        }
        self._owed = {root: Debt("root", root, next(self._serials)) for root in roots}
        self._limit = max(self._limit, 2 * len(roots))
