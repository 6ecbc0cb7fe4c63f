"""Keyed marks: they tell whether somebody is a person who was erased, and name nobody without the key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from deskmind.governance.privacy.identifiers import PHONE, Identifier, forms, whole_forms
from deskmind.governance.privacy.mentions import Mentions
from deskmind.keyring import Keyring

__all__ = ["PURPOSE", "Mark", "MarkKeys", "marked_mentions"]

PURPOSE = "privacy-mark"
"""The keys of marks. One that is retired takes its marks with it: those people can come back."""

_NOT_IN_TEXTS = -1
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Mark:
    """HMAC-SHA-256 of a form, for one tenant.

    Attributes:
        value: 32 bytes.
        version: of the key.
        words: how many words the form has; 0 for a telephone number, -1 for what is not looked for in texts.
    """

    value: bytes
    version: int
    words: int


class MarkKeys:
    """Makes a tenant's marks, so that those of two tenants cannot be compared."""

    def __init__(self, keyring: Keyring, tenant_id: UUID) -> None:
        self._keyring = keyring
        self._salt = b"privacy.mark:" + tenant_id.bytes
        self._derived: dict[int, bytes] = {}

    @property
    def version(self) -> int:
        """Of the key that new marks are made with."""
        return self._keyring.current(PURPOSE).version

    @property
    def versions(self) -> tuple[int, ...]:
        """Of the keys that there are."""
        return self._keyring.versions(PURPOSE) or (self.version,)

    def mark(self, form: str, version: int | None = None) -> bytes:
        """The mark of a form under the current key, or another.

        Raises:
            KeyringError: the key was retired.
        """
        version = self.version if version is None else version
        key = self._derived.get(version)
        if key is None:
            key = self._derived[version] = self._keyring.get(PURPOSE, version).derive(self._salt)
        return hmac.digest(key, form.encode(), hashlib.sha256)

    def marks(self, identifiers: Iterable[Identifier], *others: str) -> list[Mark]:
        """Marks of all forms of identifiers, and of forms that are not looked for in texts."""
        given = list(identifiers)
        spoken = forms(given)
        silent = {form for identifier in given for form in whole_forms(identifier)}.union(others) - spoken
        version = self.version
        return [
            *(Mark(self.mark(form, version), version, _words(form)) for form in sorted(spoken)),
            *(Mark(self.mark(form, version), version, _NOT_IN_TEXTS) for form in sorted(silent)),
        ]

    def every(self, form: str) -> list[bytes]:
        """The marks of a form under every key."""
        return [self.mark(form, version) for version in self.versions]


def marked_mentions(keys: MarkKeys, marks: Iterable[Mark]) -> Mentions:
    """Finds in texts whom the marks stand for. A word costs a microsecond for each length, once."""
    by_words: dict[int, dict[int, set[bytes]]] = {}
    for mark in marks:
        if mark.words != _NOT_IN_TEXTS:
            by_words.setdefault(mark.words, {}).setdefault(mark.version, set()).add(mark.value)

    @lru_cache(maxsize=_REMEMBERED)
    def known(form: str) -> bool:
        candidates = by_words.get(_words(form), {})
        return any(keys.mark(form, version) in values for version, values in candidates.items())

    return Mentions(known, by_words)


def _words(form: str) -> int:
    return 0 if form.startswith(PHONE) else form.count(" ") + 1
