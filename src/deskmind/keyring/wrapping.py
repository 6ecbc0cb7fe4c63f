"""Keys at rest under a key that somebody else holds: the hook for a key management service."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from typing import Protocol

from deskmind.errors import KeyringError
from deskmind.keyring.source import KeySource

__all__ = ["AesGcmWrapper", "KeyWrapper", "WrappedKeySource"]

_MAGIC = b"dkw1"
_NONCE_BYTES = 12


class KeyWrapper(Protocol):
    """Encrypts and decrypts the key set (a few kilobytes), for example by a key management service."""

    def wrap(self, plain: bytes) -> bytes:
        """Encrypt and authenticate."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Undo ``wrap``.

        Raises:
            KeyringError: it was made with another key, or changed.
        """
        ...


class WrappedKeySource:
    """A source whose content is wrapped before it is saved and unwrapped after it is loaded."""

    def __init__(self, inner: KeySource, wrapper: KeyWrapper) -> None:
        self._inner = inner
        self._wrapper = wrapper

    def load(self) -> bytes | None:
        """The unwrapped key set.

        Raises:
            KeyringError: what is stored cannot be unwrapped.
        """
        wrapped = self._inner.load()
        return None if wrapped is None else self._wrapper.unwrap(wrapped)

    def save(self, content: bytes) -> None:
        """Wrap and save."""
        self._inner.save(self._wrapper.wrap(content))

    def locked(self) -> AbstractContextManager[None]:
        """The lock of the inner source."""
        return self._inner.locked()

    def revision(self) -> object:
        """The revision of the inner source."""
        return self._inner.revision()

    def __str__(self) -> str:
        return str(self._inner)


class AesGcmWrapper:
    """Wraps with AES-256-GCM (NIST SP 800-38D) under a key given to the process, such as a mounted secret.

    Args:
        key: 32 bytes.

    Raises:
        KeyringError: the key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise KeyringError(
                "The wrapping key cannot be used.",
                why=f"It has {len(key)} bytes instead of 32.",
                remedy="Make one with: openssl rand 32",
            )
        self._key = key

    def wrap(self, plain: bytes) -> bytes:
        """``dkw1``, 12 bytes of nonce, ciphertext with tag."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _MAGIC + nonce + AESGCM(self._key).encrypt(nonce, plain, _MAGIC)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Undo ``wrap``.

        Raises:
            KeyringError: it was made with another key, or changed.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        start = len(_MAGIC) + _NONCE_BYTES
        try:
            if not wrapped.startswith(_MAGIC) or len(wrapped) < start:
                raise InvalidTag
            return AESGCM(self._key).decrypt(wrapped[len(_MAGIC) : start], wrapped[start:], _MAGIC)
        except InvalidTag:
            raise KeyringError(
                "The keyring cannot be unwrapped.",
                why="It was wrapped with another key, was never wrapped, or was changed.",
                remedy="Give the wrapping key it was made with, or restore it from your backup.",
            ) from None
