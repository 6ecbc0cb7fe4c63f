"""The configuration as evidence: without secrets, and a fingerprint by which changes show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

from deskmind.governance.evidence.bundle import json_bytes
from deskmind.settings import Settings

__all__ = ["configuration", "fingerprint"]

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def configuration(settings: Settings) -> dict[str, Any]:
    """The settings as JSON; secrets are asterisks, also those inside of addresses."""
    return cast("dict[str, Any]", _plain(settings.model_dump(mode="json", exclude={"home"})))


def fingerprint(settings: Settings) -> str:
    """The first 16 hex digits of the SHA-256 of ``configuration``: another one means that something changed, secrets aside."""
    return sha256(json_bytes(configuration(settings))).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, str):
        return _CREDENTIALS.sub("**********@", value)
    return value
