"""Faults that a sandbox can be told to show, and when each strikes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from deskmind.sandbox.striking import FaultsOn, Striking, SwitchedFault, known_kind

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
class Fault(Striking):
    """One fault and when it strikes.

    It looks at requests whose path matches `path` (a regular expression, searched) and whose method is `method`, if
    they are given. Of those it strikes as `Striking` says.

    Raises `ValueError` for a kind that does not exist, or for more than one of `at`, `every` and `rate`.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    status: int = 503
    retry_after: float | None = None
    seconds: float = 1.0
    rename: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        Striking.__post_init__(self)
        known_kind(self.kind, FaultKind)
        re.compile(self.path)

    def looks_at(self, method: str, path: str) -> bool:
        """Whether it concerns such a request."""
        return self.method in {"", method} and re.search(self.path, path) is not None


class Faults(FaultsOn[Fault]):
    """The faults that are on."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(Fault, seed)

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that this request is to show, if any."""
        return self.struck(lambda fault: fault.looks_at(method, path))


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
