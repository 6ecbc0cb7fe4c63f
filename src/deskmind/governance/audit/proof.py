"""The proof of one event: that it stands in the log at its position, without any of the others."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey
from deskmind.governance.audit.tree import leaf_hash, verify_inclusion

__all__ = ["PROOF_START", "Proof"]

_VERSION = 1
PROOF_START = b'{"proof":'


@dataclass(frozen=True, slots=True)
class Proof:
    """An event with its way to the root of a checkpoint.

    Attributes:
        event: its canonical bytes.
        position: in the log, from 0.
        path: hashes, lowest first.
        checkpoint: over the log it is in.
    """

    event: bytes
    position: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    def holds(self, keys: Sequence[VerifyKey]) -> bool:
        """Whether the event is in the log that one of these keys signed."""
        signed, last = self.checkpoint.signed_by(keys), self.checkpoint
        leaf = leaf_hash(self.event)
        return signed is not None and verify_inclusion(leaf, self.position, last.size, self.path, last.root)

    def __str__(self) -> str:
        """One line of JSON."""
        content = {
            "proof": _VERSION,
            "event": self.event.decode(),
            "position": self.position,
            "path": [base64.b64encode(item).decode() for item in self.path],
            "checkpoint": self.checkpoint.note,
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Read what ``str`` writes.

        Raises:
            ValueError: it is not a proof.
        """
        try:
            content = json.loads(text)
            if content["proof"] != _VERSION:
                raise ValueError("this proof has an unknown form")
            path = tuple(base64.b64decode(item, validate=True) for item in content["path"])
            checkpoint = Checkpoint.parse(content["checkpoint"])
            return cls(content["event"].encode(), int(content["position"]), path, checkpoint)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is not the proof of an event") from error
