"""Faults that a sandbox can be told to show, and when each strikes."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

__all__ = ["Fault", "FaultKind", "Faults", "SwitchedFault", "changed"]

FaultKind = Literal[
    "rate_limit",
    "server_error",
    "error_after",
    "expired_token",
    "slow",
    "refuse",
    "lose",
    "cut",
    "bad_json",
    "html",
    "changed_schema",
]
"""What each does:

- `rate_limit`: 429 as the vendor says it, with `retry_after`, before anything is done
- `server_error`: `status`, before anything is done; `error_after`: the request is carried out, then `status`
- `expired_token`: 401 as the vendor says it
- `slow`: the answer comes `seconds` late
- `refuse`: the connection is closed before anything is done; `lose`: it is carried out, then closed without a word
- `cut`: half of the body, then the connection is closed; `bad_json`: half of the body, as if it were all
- `html`: 200 with a maintenance page in place of the answer
- `changed_schema`: keys of the answer are renamed by `rename`, or dropped where the new name is empty
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and when it strikes.

    It looks at requests whose path matches `path` (a regular expression, searched) and whose method is `method`, if
    they are given. Of those it strikes the positions `at` (from 1), or each n-th (`every`), or a share (`rate`) drawn
    with `seed`, or all; at most `times` in all.

    Raises `ValueError` for a kind that does not exist, or for more than one of `at`, `every` and `rate`.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    at: tuple[int, ...] = ()
    every: int | None = None
    rate: float | None = None
    times: int | None = None
    seed: int = 0
    status: int = 503
    retry_after: float | None = None
    seconds: float = 1.0
    rename: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(get_args(FaultKind))}")
        if bool(self.at) + (self.every is not None) + (self.rate is not None) > 1:
            raise ValueError("a fault takes one of at, every and rate")
        if self.every is not None and self.every < 1:
            raise ValueError("every is at least 1")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("rate is a share from 0 to 1")
        re.compile(self.path)

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
        self._path = re.compile(fault.path)
        self._draw = random.Random(fault.seed)  # noqa: S311 - reproducible on purpose

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        fault = self.fault
        if (fault.method and fault.method != method) or not self._path.search(path):
            return False
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
        """Switches a fault on, given whole or as kind and fields; returns it with its counts."""
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

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that this request is to show, if any."""
        hits = [switched.fault for switched in tuple(self._on) if switched.strikes(method, path)]
        return hits[0] if hits else None


def changed(body: bytes, rename: Mapping[str, str]) -> bytes:
    """A JSON body with keys renamed at every depth, or dropped where the new name is empty; other bodies as they are."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {rename.get(key, key): walk(one) for key, one in pairs if rename.get(key, key)}
        return [walk(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value

    try:
        return json.dumps(walk(json.loads(body)), ensure_ascii=False, separators=(",", ":")).encode()
    except ValueError:
        return body
