"""Faults that a server can be told to show, and when each strikes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

from deskmind.sandbox.models.refusal import RetryForm

FaultKind = Literal[
    "rate_limit",
    "server_error",
    "context_length",
    "content_filter",
    "bad_json",
    "wrong_content_type",
    "empty_body",
    "no_usage",
    "close_without_answer",
    "slow_headers",
    "slow_first_token",
    "stall_after",
    "cut_before_first_token",
    "cut_after",
    "error_in_stream",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and when it strikes.

    `at` are positions (from 1) among the requests it looks at, `every` each n-th of them, `rate` a share of
    them drawn with `seed`; without any of the three it strikes each. It looks at requests for `model` only if
    one is named. `status` belongs to `server_error`; `retry_after` (seconds) and `retry_form` to `rate_limit`
    and `server_error`; `seconds` to the slow ones, and to `stall_after`, which waits for ever without; `after`
    (content chunks of a stream) to `stall_after`, `cut_after`, `error_in_stream` and `bad_json`.

    Raises `ValueError` for a kind that does not exist, or for more than one of `at`, `every` and `rate`.
    """

    kind: FaultKind
    at: tuple[int, ...] = ()
    every: int | None = None
    rate: float | None = None
    seed: int = 0
    model: str | None = None
    status: int = 500
    retry_after: float | None = None
    retry_form: RetryForm = "seconds"
    seconds: float | None = None
    after: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(get_args(FaultKind))}")
        if self.retry_form not in get_args(RetryForm):
            raise ValueError(
                f"retry_form is one of {', '.join(get_args(RetryForm))}, not {self.retry_form!r}"
            )
        if bool(self.at) + (self.every is not None) + (self.rate is not None) > 1:
            raise ValueError("a fault takes one of at, every and rate")
        if self.every is not None and self.every < 1:
            raise ValueError("every is at least 1")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("rate is a share from 0 to 1")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """The fault that `data` describes with this class's own field names; `ValueError` if it is none."""
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


class SwitchedFault:
    """A fault that is on: how many requests it has looked at (`seen`) and struck (`struck`)."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self._draw = random.Random(fault.seed)  # noqa: S311 - reproducible on purpose

    def strikes(self, model: str) -> bool:
        """Whether this request is hit; counts it."""
        fault = self.fault
        if fault.model is not None and fault.model != model:
            return False
        self.seen += 1
        if fault.at:
            hit = self.seen in fault.at
        elif fault.every is not None:
            hit = self.seen % fault.every == 0
        elif fault.rate is not None:
            hit = self._draw.random() < fault.rate
        else:
            hit = True
        self.struck += hit
        return hit

    def to_json(self) -> dict[str, object]:
        """The fault's fields with both counts."""
        return {**asdict(self.fault), "seen": self.seen, "struck": self.struck}


class Faults:
    """The faults that are on. Each counts every request it looks at; the first to strike is shown."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._on: list[SwitchedFault] = []

    def __iter__(self) -> Iterator[SwitchedFault]:
        return iter(tuple(self._on))

    def __len__(self) -> int:
        return len(self._on)

    def add(self, kind: FaultKind | Fault, **when: Any) -> SwitchedFault:
        """Switches a fault on, given whole or as kind and fields; returns it with its counts.

        Raises `ValueError` if there is no such fault.
        """
        fault = (
            kind
            if isinstance(kind, Fault)
            else Fault(kind, **cast("dict[str, Any]", {"seed": self.seed, **when}))
        )
        switched = SwitchedFault(fault)
        self._on.append(switched)
        return switched

    def remove(self, fault: SwitchedFault) -> None:
        """Switches one fault off; nothing happens if it is off."""
        if fault in self._on:
            self._on.remove(fault)

    def clear(self) -> None:
        """Switches all faults off."""
        self._on.clear()

    def strike(self, model: str) -> Fault | None:
        """The fault that this request is to show, if any."""
        if not self._on:
            return None
        hits = [switched.fault for switched in self._on if switched.strikes(model)]
        return hits[0] if hits else None
