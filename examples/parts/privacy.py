"""Mentions of people alone: find and mask them, and recognise them later by marks that name nobody. No database.

Run it: python examples/parts/privacy.py
"""

from __future__ import annotations

from uuid import uuid4

from deskmind.governance.privacy import Mentions, identifier_of
from deskmind.governance.privacy.identifiers import forms
from deskmind.governance.privacy.marks import MarkKeys, marked_mentions
from deskmind.keyring import Keyring, MemoryKeySource

TICKET = "DE VRIES, ANN (ann.devries@example.com, 020 555 0173) has no VPN token. J. de Vries has one."


def main() -> None:
    person = [
        identifier_of(value) for value in ("Ann de Vries", "ann.devries@example.com", "+31 20 555 0173")
    ]
    print(Mentions.of(forms(person)).masked(TICKET))

    keys = MarkKeys(Keyring.open(MemoryKeySource()), uuid4())
    marks = keys.marks(person)
    print(f"kept: {len(marks)} marks, such as {marks[0].value.hex()[:16]}…")
    print(marked_mentions(keys, marks).masked(TICKET))


if __name__ == "__main__":
    main()
