"""When a fault that a sandbox was told to show strikes, and the faults that are on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, Self, TypeVar, cast, get_args

__all__ = ["FaultsOn", "Striking", "SwitchedFault", "known_kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Striking:
    """When a fault strikes, of the requests that it looks at.

    The positions `at` (from 1), or each n-th (`every`), or a share (`rate`) drawn with `seed`, or all; at most `times`
    in all.

    Raises `ValueError` for more than one of `at`, `every` and `rate`.
    """

    at: tuple[int, ...] = ()
    every: int | None = None
    rate: float | None = None
    times: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if bool(self.at) + (self.every is not None) + (self.rate is not None) > 1:
            raise ValueError("a fault takes one of at, every and rate")
        if self.every is not None and self.every < 1:
            raise ValueError("every is at least 1")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("rate is a share from 0 to 1")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The fault that `data` describes with the class's own field names; `ValueError` if it is none."""
        known = {field.name for field in fields(cls)}
        if strange := sorted(set(data) - known):
            raise ValueError(f"a fault has no {', '.join(strange)}; it has {', '.join(sorted(known))}")
        if "kind" not in data:
            raise ValueError("a fault needs a kind")
        values = dict(data)
        if "at" in values:
            positions = cast("object", values["at"])
            values["at"] = (
                tuple(cast("list[int]", positions)) if isinstance(positions, list) else (positions,)
            )
        return cls(**values)


def known_kind(kind: str, kinds: Any) -> None:
    """`ValueError` for a kind that the literal type `kinds` has not."""
    if kind not in get_args(kinds):
        raise ValueError(f"there is no fault {kind!r}; there are {', '.join(get_args(kinds))}")


_Fault = TypeVar("_Fault", bound=Striking)


class SwitchedFault(Generic[_Fault]):
    """A fault that is on: how many requests it has looked at (`seen`) and struck (`struck`)."""

    def __init__(self, fault: _Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self._draw = random.Random(fault.seed)  # noqa: S311 - reproducible on purpose

    def strikes(self) -> bool:
        """Whether a request that it looks at is hit; counts it."""
        fault = self.fault
        if fault.times is not None and self.struck >= fault.times:
            return False
        self.seen += 1
        if fault.at:
            hit = self.seen in fault.at
        elif fault.every is not None:
            hit = self.seen % fault.every == 0
        else:
            hit = fault.rate is None or self._draw.random() < fault.rate
        self.struck += hit
        return hit

    def to_json(self) -> dict[str, object]:
        """The fault's fields with both counts."""
        return {**asdict(self.fault), "seen": self.seen, "struck": self.struck}


class FaultsOn(Generic[_Fault]):
    """The faults that are on. Each counts every request it looks at; the first to strike is shown.

    Args:
        make: a fault from its kind and fields.
        seed: of those that are given none.
    """

    def __init__(self, make: Callable[..., _Fault], seed: int = 0) -> None:
        self.seed = seed
        self._make = make
        self._on: list[SwitchedFault[_Fault]] = []

    def __iter__(self) -> Iterator[SwitchedFault[_Fault]]:
        return iter(tuple(self._on))

    def __len__(self) -> int:
        return len(self._on)

    def add(self, kind: str | _Fault, **when: Any) -> SwitchedFault[_Fault]:
        """Switches a fault on, given whole or as kind and fields; returns it with its counts.

        Raises `ValueError` if there is no such fault.
        """
        fault = self._make(kind, **{"seed": self.seed, **when}) if isinstance(kind, str) else kind
        switched = SwitchedFault(fault)
        self._on.append(switched)
        return switched

    def remove(self, fault: SwitchedFault[_Fault]) -> None:
        """Switches one fault off; nothing happens if it is off."""
        if fault in self._on:
            self._on.remove(fault)

    def clear(self) -> None:
        """Switches all faults off."""
        self._on.clear()

    def struck(self, looks_at: Callable[[_Fault], bool]) -> _Fault | None:
        """The fault that a request is to show, if any; `looks_at` says which faults concern it."""
        hits = [one.fault for one in tuple(self._on) if looks_at(one.fault) and one.strikes()]
        return hits[0] if hits else None
