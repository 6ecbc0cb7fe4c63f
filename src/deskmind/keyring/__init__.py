"""Purpose-separated, versioned, rotatable keys, from a file or a key management service.

``Keyring.open(path)`` reads a file that only its owner may read; a ``WrappedKeySource`` around the
``FileKeySource`` keeps it encrypted at rest under a key that a service (or ``AesGcmWrapper``) holds. One
``Key`` serves one purpose; the newest version signs and encrypts, older ones verify and decrypt until they
are retired. What another process rotates or retires is seen at the next use. Secrets never appear in
``repr``, pickles or errors.
"""

from deskmind.keyring.key import PURPOSES, Key
from deskmind.keyring.ring import Keyring
from deskmind.keyring.source import FileKeySource, KeySource, MemoryKeySource
from deskmind.keyring.wrapping import AesGcmWrapper, KeyWrapper, WrappedKeySource

__all__ = [
    "PURPOSES",
    "AesGcmWrapper",
    "FileKeySource",
    "Key",
    "KeySource",
    "KeyWrapper",
    "Keyring",
    "MemoryKeySource",
    "WrappedKeySource",
]
