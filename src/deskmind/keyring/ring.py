"""The keyring: one current and any number of older keys for each purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from deskmind.errors import KeyringError
from deskmind.keyring._keyset import KeySet, parse, serialise
from deskmind.keyring.key import PURPOSES, Key
from deskmind.keyring.source import FileKeySource, KeySource

__all__ = ["Keyring"]


class Keyring:
    """Keys by purpose and version; safe between threads and processes.

    Every method sees what other processes rotated or retired, and raises ``KeyringError`` when the source
    cannot be read any more. The first key of a purpose, ``rotate`` and ``retire`` write to the source and may
    take some milliseconds; the rest costs one look at the source's revision (a few µs for a file).
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._lock = threading.RLock()
        self._revision = source.revision()
        content = source.load()
        self._stored = content is not None
        self._keys = parse(content)

    @classmethod
    def open(cls, source: KeySource | Path, *, create: bool = True) -> Keyring:
        """Read the key set from a source, or from the file at a path.

        Raises:
            KeyringError: it is missing (with ``create=False``), broken, a link, or readable by others.
        """
        ring = cls(FileKeySource(source) if isinstance(source, Path) else source)
        if not ring._stored and not create:
            raise KeyringError(
                f"There is no keyring in {ring._source}.",
                remedy="Restore it from your backup, or start with a new home.",
            )
        return ring

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
            raise _unknown(purpose, version)
        return key

    def versions(self, purpose: str) -> tuple[int, ...]:
        """The versions kept, oldest first."""
        with self._lock:
            return tuple(sorted(self._of(purpose)))

    def rotate(self, purpose: str, *, announce: Callable[[Key], object] | None = None) -> Key:
        """Make a new current key; older ones stay for verifying and decrypting.

        Args:
            purpose: what the key is for.
            announce: told of the new key before anyone can use it, for verifiers elsewhere; when it raises, there
                is no new key.
        """
        with self._lock:
            self._of(purpose)
            return self._add(purpose, announce=announce)

    def retire(self, purpose: str, version: int) -> None:
        """Forget an older version for good: what it signed or encrypted is no longer accepted or readable.

        Raises:
            KeyringError: it is the current one, or there is none of that number.
        """
        with self._lock, self._source.locked():
            self._reload()
            keys = self._known(purpose)
            if version not in keys:
                raise _unknown(purpose, version)
            if version == max(keys):
                raise KeyringError(f"The current key {purpose} cannot be retired.", remedy="Rotate it first.")
            self._store({**self._keys, purpose: {kept: key for kept, key in keys.items() if kept != version}})

    def mac(self, purpose: str, message: bytes) -> tuple[int, bytes]:
        """Version and HMAC-SHA-256 (32 bytes) of a message under the current key."""
        key = self.current(purpose)
        return key.version, key.mac(message)

    def verify(self, purpose: str, version: int, message: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is right, in constant time; False when the version is gone."""
        with self._lock:
            key = self._of(purpose).get(version)
        return key is not None and key.verifies(message, mac)

    def _of(self, purpose: str) -> dict[int, Key]:
        if self._source.revision() != self._revision:
            self._reload()
        return self._known(purpose)

    def _known(self, purpose: str) -> dict[int, Key]:
        if purpose not in PURPOSES:
            raise KeyringError(
                f"'{purpose}' is not a purpose of keys.", remedy=f"Known: {', '.join(sorted(PURPOSES))}."
            )
        return self._keys.get(purpose, {})

    def _add(
        self,
        purpose: str,
        *,
        only_first: bool = False,
        announce: Callable[[Key], object] | None = None,
    ) -> Key:
        with self._source.locked():
            self._reload()
            keys = self._known(purpose)
            if only_first and keys:
                return keys[max(keys)]
            key = Key.generate(purpose, max(keys, default=0) + 1)
            if announce is not None:
                announce(key)
            self._store({**self._keys, purpose: {**keys, key.version: key}})
            return key

    def _reload(self) -> None:
        # The revision is taken first: a change in between is then read once more, never missed.
        revision = self._source.revision()
        content = self._source.load()
        if content is None and self._stored:
            raise KeyringError(
                f"The keyring in {self._source} disappeared while it was in use.",
                why="Going on would replace the keys that stored data was made with.",
                remedy="Restore it from your backup, then try again.",
            )
        self._keys = parse(content)
        self._stored = content is not None
        self._revision = revision

    def _store(self, keys: KeySet) -> None:
        self._source.save(serialise(keys))
        self._keys = keys
        self._stored = True
        self._revision = self._source.revision()

    def __repr__(self) -> str:
        counts = ", ".join(f"{purpose}: {len(keys)}" for purpose, keys in sorted(self._keys.items()))
        return f"Keyring({counts})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("keyrings are not pickled")


def _unknown(purpose: str, version: int) -> KeyringError:
    return KeyringError(
        f"There is no key {purpose} version {version}.",
        why="It was retired, or belongs to another keyring.",
        remedy="Use the keyring this data was made with.",
    )
