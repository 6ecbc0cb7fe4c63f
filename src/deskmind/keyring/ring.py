"""The keyring: one current and any number of older keys for each purpose."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deskmind.errors import KeyringError
from deskmind.keyring.source import FileKeySource, KeySource

__all__ = ["PURPOSES", "Key", "Keyring"]

PURPOSES = frozenset(
    {"scope-token", "api-key", "database-role", "pseudonym", "content-encryption", "audit-signing", "webhook"}
)
"""What keys are for. A key serves one purpose only."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: 32 random bytes that never print."""

    purpose: str
    version: int
    secret: bytes = field(repr=False)
    created_at: datetime

    def derive(self, info: bytes, length: int = 32) -> bytes:
        """A subkey of ``length`` bytes by HKDF-SHA-256 (RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self.secret)

    def __reduce__(self) -> Any:
        raise TypeError("keys are not pickled")


class Keyring:
    """Keys by purpose and version; safe between threads and processes."""

    def __init__(self, source: KeySource, keys: dict[str, dict[int, Key]]) -> None:
        self._source = source
        self._keys = keys
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Keyring({', '.join(f'{purpose}: {len(keys)}' for purpose, keys in sorted(self._keys.items()))})"

    @classmethod
    def open(cls, source: KeySource | Path, *, create: bool = True) -> Keyring:
        """Read the key set.

        Raises:
            KeyringError: it is missing (with ``create=False``), broken, or readable by others.
        """
        origin: KeySource = FileKeySource(source) if isinstance(source, Path) else source
        content = origin.load()
        if content is None and not create:
            raise KeyringError(
                "There is no keyring.", remedy="Restore keyring.json from your backup, or start with a new home."
            )
        return cls(origin, _parse(content))

    def current(self, purpose: str) -> Key:
        """The newest key of a purpose, made when there is none.

        Raises:
            KeyringError: nothing is known of such a purpose.
        """
        with self._lock:
            keys = self._of(purpose)
            return keys[max(keys)] if keys else self._add(purpose, only_first=True)

    def get(self, purpose: str, version: int) -> Key:
        """One version.

        Raises:
            KeyringError: the version was retired or never existed.
        """
        with self._lock:
            key = self._of(purpose).get(version)
        if key is None:
            raise KeyringError(
                f"There is no key {purpose} version {version}.",
                why="It was retired, or belongs to another keyring.",
                remedy="Use the keyring this data was made with.",
            )
        return key

    def versions(self, purpose: str) -> tuple[int, ...]:
        """The versions kept, oldest first."""
        with self._lock:
            return tuple(sorted(self._of(purpose)))

    def rotate(self, purpose: str) -> Key:
        """Make a new current key; older ones stay for verifying and decrypting."""
        with self._lock:
            self._of(purpose)
            return self._add(purpose)

    def retire(self, purpose: str, version: int) -> None:
        """Forget an older version.

        Raises:
            KeyringError: it is the current one.
        """
        with self._lock, self._source.locked():
            self._keys = _parse(self._source.load())
            keys = self._of(purpose)
            if not keys or version == max(keys):
                raise KeyringError(f"The current key {purpose} cannot be retired.", remedy="Rotate it first.")
            keys.pop(version, None)
            self._source.save(_serialise(self._keys))

    def mac(self, purpose: str, message: bytes) -> tuple[int, bytes]:
        """Version and HMAC-SHA-256 of a message under the current key."""
        key = self.current(purpose)
        return key.version, hmac.digest(key.secret, message, hashlib.sha256)

    def verify(self, purpose: str, version: int, message: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is right, in constant time; False when the version is gone."""
        with self._lock:
            key = self._of(purpose).get(version)
        return key is not None and hmac.compare_digest(hmac.digest(key.secret, message, hashlib.sha256), mac)

    def _of(self, purpose: str) -> dict[int, Key]:
        if purpose not in PURPOSES:
            raise KeyringError(f"'{purpose}' is not a purpose of keys.", remedy=f"Known: {', '.join(sorted(PURPOSES))}.")
        return self._keys.setdefault(purpose, {})

    def _add(self, purpose: str, *, only_first: bool = False) -> Key:
        with self._source.locked():
            self._keys = _parse(self._source.load())
            keys = self._of(purpose)
            if only_first and keys:
                return keys[max(keys)]
            version = max(keys, default=0) + 1
            keys[version] = Key(purpose, version, secrets.token_bytes(32), datetime.now(UTC))
            self._source.save(_serialise(self._keys))
            return keys[version]


def _parse(content: bytes | None) -> dict[str, dict[int, Key]]:
    if content is None:
        return {}
    try:
        keys: dict[str, dict[int, Key]] = {}
        for item in json.loads(content)["keys"]:
            key = Key(
                str(item["purpose"]),
                int(item["version"]),
                base64.b64decode(item["secret"], validate=True),
                datetime.fromisoformat(item["created_at"]),
            )
            if len(key.secret) != 32:
                raise ValueError("length")
            keys.setdefault(key.purpose, {})[key.version] = key
    except (ValueError, KeyError, TypeError):
        raise KeyringError(
            "The keyring is broken.",
            why="Its content is not a key set of ours; it was left as it is.",
            remedy="Restore it from your backup.",
        ) from None
    return keys


def _serialise(keys: dict[str, dict[int, Key]]) -> bytes:
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
    return json.dumps({"format": 1, "keys": items}, indent=1).encode()
