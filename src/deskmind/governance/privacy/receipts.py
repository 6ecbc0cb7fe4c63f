"""Receipts of erasures: signed, checkable without the database, naming nobody."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from deskmind.governance.audit.checkpoint import SigningKey, VerifyKey
from deskmind.keyring import Keyring

__all__ = ["PURPOSE", "Receipt", "ReceiptKeys"]

PURPOSE = "privacy-receipt"
_KIND = "deskmind.privacy.erasure"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did.

    Attributes:
        statement: the facts, as they were signed.
        text: the whole receipt, one JSON document.
    """

    statement: Mapping[str, Any]
    text: str

    @property
    def erasure_id(self) -> UUID:
        """Which erasure."""
        return UUID(self.statement["erasure"])

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read a receipt; what it states is not to be believed before ``signed_by``.

        Raises:
            ValueError: it is no receipt.
        """
        document = cast("dict[str, Any]", json.loads(text))
        statement = document["statement"]
        if not isinstance(statement, dict) or cast("dict[str, Any]", statement).get("kind") != _KIND:
            raise ValueError("this is no receipt of an erasure")
        return cls(cast("dict[str, Any]", statement), text)

    def signed_by(self, keys: Iterable[VerifyKey]) -> VerifyKey | None:
        """The first of these keys that signed it; None when none did."""
        document = cast("dict[str, Any]", json.loads(self.text))
        try:
            signature = base64.b64decode(str(document.get("signature", "")), validate=True)
        except binascii.Error:
            return None
        message = _canonical(self.statement)
        return next((key for key in keys if len(signature) == 64 and key.verifies(message, signature)), None)


class ReceiptKeys:
    """Signs receipts and knows the public halves."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    @property
    def public(self) -> list[VerifyKey]:
        """Those of all versions: give them to who is to check receipts elsewhere."""
        self._keyring.current(PURPOSE)
        return [self._key(version).public for version in self._keyring.versions(PURPOSE)]

    def sign(
        self,
        *,
        tenant_id: UUID,
        erasure_id: UUID,
        subject_mark: bytes,
        requested_at: datetime,
        completed_at: datetime,
        counts: Mapping[str, Mapping[str, int]],
        release: str,
        replays: UUID | None,
    ) -> Receipt:
        """A receipt under the current key."""
        statement = {
            "kind": _KIND,
            "version": 1,
            "tenant": str(tenant_id),
            "erasure": str(erasure_id),
            "replays": str(replays) if replays is not None else None,
            "subject_mark": subject_mark.hex(),
            "requested_at": requested_at.astimezone(UTC).isoformat(),
            "completed_at": completed_at.astimezone(UTC).isoformat(),
            "stores": {store: dict(found) for store, found in sorted(counts.items())},
            "release": release,
        }
        key = self._key(self._keyring.current(PURPOSE).version)
        signature = base64.b64encode(key.signature(_canonical(statement))).decode()
        text = json.dumps({"statement": statement, "key": str(key.public), "signature": signature}, indent=2)
        return Receipt(statement, text)

    def _key(self, version: int) -> _SigningKey:
        return _SigningKey(self._keyring.get(PURPOSE, version).derive(b"ed25519"), "deskmind.privacy")


class _SigningKey(SigningKey):
    __slots__ = ()

    def signature(self, message: bytes) -> bytes:
        return self._private.sign(message)


def _canonical(statement: Mapping[str, Any]) -> bytes:
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
