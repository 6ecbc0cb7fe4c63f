"""What a schema cannot say of a request that is made up; read by Schemathesis, in its environment."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import schemathesis

_VALID = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """An ``Idempotency-Key`` is one request's: made up ones would be used again for another, which is rightly refused."""
    del context, kwargs
    given = (case.headers or {}).get("Idempotency-Key")
    if isinstance(given, str) and _VALID.fullmatch(given):
        case.headers["Idempotency-Key"] = str(uuid4())
