"""Faults that a server can be told to show, and when each strikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from deskmind.sandbox.models.refusal import RetryForm
from deskmind.sandbox.striking import FaultsOn, Striking, known_kind

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
class Fault(Striking):
    """One fault and when it strikes: see `Striking`.

    It looks at requests for `model` only if one is named. `status` belongs to `server_error`; `retry_after` (seconds)
    and `retry_form` to `rate_limit` and `server_error`; `seconds` to the slow ones, and to `stall_after`, which waits
    for ever without; `after` (content chunks of a stream) to `stall_after`, `cut_after`, `error_in_stream` and
    `bad_json`.

    Raises `ValueError` for a kind that does not exist, or for more than one of `at`, `every` and `rate`.
    """

    kind: FaultKind
    model: str | None = None
    status: int = 500
    retry_after: float | None = None
    retry_form: RetryForm = "seconds"
    seconds: float | None = None
    after: int = 1

    def __post_init__(self) -> None:
        Striking.__post_init__(self)
        known_kind(self.kind, FaultKind)
        if self.retry_form not in get_args(RetryForm):
            raise ValueError(
                f"retry_form is one of {', '.join(get_args(RetryForm))}, not {self.retry_form!r}"
            )


class Faults(FaultsOn[Fault]):
    """The faults that are on."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(Fault, seed)

    def strike(self, model: str) -> Fault | None:
        """The fault that this request is to show, if any."""
        return self.struck(lambda fault: fault.model in {None, model})
