"""Evidence bundles alone: parts of your own, signed, verified, and what another key's signature is worth. No database.

Run it: python examples/parts/evidence.py
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deskmind.governance.evidence import Bundle, EvidenceKey, Part, verify_bundle, write_bundle
from deskmind.keyring import Keyring, MemoryKeySource

DAY = datetime(2026, 3, 31, tzinfo=UTC)


def main() -> None:
    keyring = Keyring.open(MemoryKeySource())
    key = EvidenceKey(keyring.current("evidence").derive(b"ed25519"))
    about = Bundle(
        "soc2", "harbour", "-", DAY - timedelta(days=90), DAY, DAY, "1.0", ["incidents: kept elsewhere"]
    )
    parts = [Part("cc6/access.csv", b"user,role\nann,auditor\n", "Who may do what.", "our directory")]
    content = write_bundle(about, parts, key)
    print(f"made again: {'the same bytes' if content == write_bundle(about, parts, key) else 'other bytes'}")
    print(verify_bundle(content, [key.public]))
    other = write_bundle(about, [Part("cc6/access.csv", b"", "Who may do what.", "our directory")], key)
    stranger = EvidenceKey(bytes(32))
    print(f"by a stranger's key: {verify_bundle(other, [stranger.public]).findings[0]}")


if __name__ == "__main__":
    main()
