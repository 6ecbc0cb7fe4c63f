"""The form of a bundle: a ZIP of parts, a manifest with their hashes, and a signature over the manifest's bytes.

``manifest.json`` names every part with its SHA-256, length, what it shows and where it came from, and what was not
assessed. ``signature.json`` holds the Ed25519 signature over the manifest as it lies in the file, and the public key for
information: a verifier believes only keys that it is given from elsewhere. The same inputs give the same bytes.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deskmind.governance.audit.checkpoint import VerifyKey

__all__ = [
    "KIND",
    "MANIFEST",
    "PROMISE",
    "SIGNATURE",
    "Bundle",
    "EvidenceKey",
    "Part",
    "json_bytes",
    "write_bundle",
]

KIND = "deskmind.evidence"
MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
PROMISE = (
    "This is evidence that the software collected of itself. It does not say that anybody complies with anything;"
    " who examines it judges that."
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a bundle.

    Attributes:
        file: its name in the bundle, such as ``cc6/access-review.json``.
        content: its bytes.
        shows: what it is evidence of, in a sentence.
        source: where it was read from.
    """

    file: str
    content: bytes
    shows: str
    source: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle says of itself.

    Attributes:
        about: ``soc2`` or ``article30``.
        tenant: the tenant's name.
        tenant_id: its id.
        since: the period's beginning.
        until: its end, which is not in it.
        dated: when it was made.
        release: of Deskmind.
        not_assessed: what one may look for and does not find here, and why.
    """

    about: str
    tenant: str
    tenant_id: str
    since: datetime
    until: datetime
    dated: datetime
    release: str
    not_assessed: Sequence[str] = ()

    def manifest(self, parts: Iterable[Part]) -> dict[str, Any]:
        """The manifest over these parts."""
        return {
            "kind": KIND,
            "version": 1,
            "about": self.about,
            "tenant": self.tenant,
            "tenant_id": self.tenant_id,
            "since": _time(self.since),
            "until": _time(self.until),
            "dated": _time(self.dated),
            "release": self.release,
            "promise": PROMISE,
            "not_assessed": list(self.not_assessed),
            "parts": [
                {
                    "file": part.file,
                    "sha256": sha256(part.content).hexdigest(),
                    "bytes": len(part.content),
                    "shows": part.shows,
                    "source": part.source,
                }
                for part in sorted(parts, key=lambda part: part.file)
            ],
        }


class EvidenceKey:
    """Signs manifests and release records; its secret never prints.

    Args:
        secret: 32 bytes.
        name: of the key, without spaces and plus signs.
    """

    __slots__ = ("_private", "public")

    def __init__(self, secret: bytes, name: str = KIND) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = VerifyKey(name, self._private.public_key().public_bytes_raw())

    def signature(self, message: bytes) -> bytes:
        """``signature.json`` over a message."""
        signature = base64.b64encode(self._private.sign(message)).decode()
        return json_bytes({"key": str(self.public), "signature": signature})


def write_bundle(bundle: Bundle, parts: Sequence[Part], key: EvidenceKey) -> bytes:
    """The ZIP. The same bundle, parts and key give the same bytes.

    Raises:
        ValueError: two parts have the same name, or one has a name of the form's own.
    """
    names = [part.file for part in parts]
    if len({*names, MANIFEST, SIGNATURE}) != len(names) + 2:
        raise ValueError("every part of a bundle has a name of its own")
    manifest = json_bytes(bundle.manifest(parts))
    files = {MANIFEST: manifest, SIGNATURE: key.signature(manifest)}
    files |= {part.file: part.content for part in sorted(parts, key=lambda part: part.file)}
    return _zipped(files)


def json_bytes(value: Any) -> bytes:
    """JSON that is the same for the same value: keys in order, two spaces, UTF-8, a line end."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Stored, not deflated: what a compressor writes depends on its version.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
