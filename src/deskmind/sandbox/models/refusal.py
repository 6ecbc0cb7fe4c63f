"""What a server refuses, before any vendor's wording."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

RefusalKind = Literal[
    "unauthorized",
    "bad_request",
    "bad_json",
    "not_found",
    "unknown_model",
    "rate_limit",
    "context_length",
    "content_filter",
    "server_error",
]
RetryForm = Literal["seconds", "date", "milliseconds"]


class Refused(Exception):
    """A request that is not answered; each wire format says it in its vendor's words.

    `status` is used for `server_error` only; `param` names the offending field; `tokens` and `limit` belong
    to `context_length`; `retry_after` (seconds) and its header's form to `rate_limit` and `server_error`.
    """

    def __init__(
        self,
        kind: RefusalKind,
        message: str = "",
        *,
        status: int = 500,
        param: str | None = None,
        model: str = "",
        tokens: int = 0,
        limit: int = 0,
        retry_after: float | None = None,
        retry_form: RetryForm = "seconds",
    ) -> None:
        super().__init__(kind)
        self.kind: RefusalKind = kind
        self.message = message
        self.status = status
        self.param = param
        self.model = model
        self.tokens = tokens
        self.limit = limit
        self.retry_after = retry_after
        self.retry_form: RetryForm = retry_form

    def retry_headers(self) -> dict[str, str]:
        """The header that tells when to come back, if any: whole seconds (rounded up), a date, milliseconds."""
        if self.retry_after is None:
            return {}
        if self.retry_form == "milliseconds":
            return {"retry-after-ms": f"{self.retry_after * 1000:g}"}
        seconds = math.ceil(self.retry_after)
        if self.retry_form == "seconds":
            return {"Retry-After": str(seconds)}
        moment = datetime.now(UTC) + timedelta(seconds=seconds + 1)
        return {"Retry-After": format_datetime(moment.replace(microsecond=0), usegmt=True)}
