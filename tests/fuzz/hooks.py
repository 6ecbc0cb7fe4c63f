"""What a schema cannot say of a request that is made up; read by Schemathesis, in its environment."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.core.parameters import ParameterLocation

_VALID = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")
_EVENT = re.compile(r"[0-9a-f]{32}\.[0-9]{1,9}")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """An ``Idempotency-Key`` is one request's: made up ones would be used again for another, which is rightly refused.

    And a number that another resource gives for an event is no ``Last-Event-ID``, though the names are alike.
    """
    del context, kwargs
    headers = case.headers or {}
    given = headers.get("Idempotency-Key")
    if isinstance(given, str) and _VALID.fullmatch(given):
        headers["Idempotency-Key"] = str(uuid4())
    last = headers.get("last-event-id")
    if last is not None and not _EVENT.fullmatch(str(last)) and _is_meant_to_fit(case):
        headers["last-event-id"] = f"{uuid4().hex}.1"


def _is_meant_to_fit(case: Any) -> bool:
    part = case.meta.components.get(ParameterLocation.HEADER) if case.meta is not None else None
    return part is not None and part.mode.is_positive
