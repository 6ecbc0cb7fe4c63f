"""Names of cached things: always inside one tenant and one use."""

from __future__ import annotations

import hashlib
import re
from uuid import UUID

from deskmind.errors import ConfigurationError

__all__ = ["OWN_USES", "Namespace"]

OWN_USES = frozenset({"answers", "embeddings", "query-vectors", "rankings", "replies"})
"""What Deskmind itself keeps, in this process or another that shares a server."""

_USE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_DIGEST_BYTES = 20


class Namespace:
    """The names that one tenant's one use of the cache may form; no other namespace forms any of them.

    A key or tag is hashed (BLAKE2b, 160 bits), whatever its length, so that names are short and show no content
    to whoever lists them. Text and bytes are different keys.

    Attributes:
        prefix: what every name here begins with: ``deskmind:{tenant id}:use:`` in ASCII.
        root: the name that stands for all of the namespace.

    Raises:
        ConfigurationError: for a use that is not a short lower-case name.
    """

    __slots__ = ("_keys", "_tag", "_text", "prefix", "root", "tenant_id", "use")

    def __init__(self, tenant_id: UUID, use: str) -> None:
        if not _USE.fullmatch(use):
            raise ConfigurationError(
                f"A cache cannot be used as {use!r}.",
                why="The use becomes part of names and measurements.",
                remedy="Choose a short name of a-z, 0-9, '_', '.' and '-', such as 'embeddings'.",
            )
        self.tenant_id = tenant_id
        self.use = use
        self.prefix = f"deskmind:{{{tenant_id.hex}}}:{use}:".encode("ascii")
        self.root = self.prefix + b"r"
        self._keys = self.prefix + b"v"
        self._tag = self.prefix + b"t"
        self._text = hashlib.blake2b(digest_size=_DIGEST_BYTES, person=b"text")

    def key(self, key: str | bytes) -> bytes:
        """The name of a key."""
        if isinstance(key, str):
            state = self._text.copy()
            state.update(key.encode("utf-8", "surrogatepass"))
        else:
            state = hashlib.blake2b(key, digest_size=_DIGEST_BYTES)
        return self._keys + state.digest()

    def tag(self, tag: str) -> bytes:
        """The name of a tag."""
        return self._tag + self.tag_digest(tag)

    def tag_digest(self, tag: str) -> bytes:
        """The 20 bytes that tell a tag from others of the namespace."""
        return hashlib.blake2b(
            tag.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES, person=b"tag"
        ).digest()
