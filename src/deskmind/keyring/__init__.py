"""Purpose-separated, versioned, rotatable keys, from a file or a key management service."""

from deskmind.keyring.ring import PURPOSES, Key, Keyring
from deskmind.keyring.source import FileKeySource, KeySource, MemoryKeySource

__all__ = ["PURPOSES", "FileKeySource", "Key", "KeySource", "Keyring", "MemoryKeySource"]
