"""The key set as bytes: JSON with base64 secrets."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deskmind.errors import KeyringError
from deskmind.keyring.key import SECRET_BYTES, Key

KeySet = dict[str, dict[int, Key]]

_FORMAT = 1


def serialise(keys: Mapping[str, Mapping[int, Key]]) -> bytes:
    """The stored form of a key set."""
    items = [
        {
            "purpose": key.purpose,
            "version": key.version,
            "secret": base64.b64encode(key.secret).decode(),
            "created_at": key.created_at.isoformat(),
        }
        for purpose in sorted(keys)
        for _, key in sorted(keys[purpose].items())
    ]
    return json.dumps({"format": _FORMAT, "keys": items}, indent=1).encode()


def parse(content: bytes | None) -> KeySet:
    """Read a key set; purposes of newer releases are kept.

    Raises:
        KeyringError: the content is not a key set, or one of a newer format.
    """
    if content is None:
        return {}
    read = _read(content)
    # Raised outside of the handler: a JSON error carries the content, and with it the secrets.
    if isinstance(read, str):
        raise KeyringError(
            "The keyring is broken.",
            why=f"It {read}; it was left as it is.",
            remedy="Restore it from your backup.",
        )
    return read


def _read(content: bytes) -> KeySet | str:
    try:
        document: Any = json.loads(content)
    except ValueError:
        return "is not JSON"
    try:
        if document["format"] != _FORMAT:
            return "has a format this release does not know"
        keys: KeySet = {}
        for item in document["keys"]:
            key = _key(item)
            versions = keys.setdefault(key.purpose, {})
            if key.version in versions:
                return "holds a version twice"
            versions[key.version] = key
    except (ValueError, KeyError, TypeError, AttributeError):
        return "is not a key set of ours"
    return keys


def _key(item: Any) -> Key:
    key = Key(
        purpose=item["purpose"],
        version=item["version"],
        secret=base64.b64decode(item["secret"], validate=True),
        created_at=datetime.fromisoformat(item["created_at"]),
    )
    sound = (
        isinstance(key.purpose, str)
        and type(key.version) is int
        and key.version > 0
        and len(key.secret) == SECRET_BYTES
        and key.created_at.tzinfo is not None
    )
    if not sound:
        raise ValueError
    return key
