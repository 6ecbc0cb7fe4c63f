"""Redaction alone: what leaves has placeholders, what comes back has the values. No database; the extra ``redaction``.

Run it: python examples/parts/redaction.py
"""

from __future__ import annotations

from deskmind.governance.redaction import (
    Action,
    DirectoryDetector,
    DirectoryEntry,
    EntityType,
    NameDetector,
    PatternDetector,
    PlaceDetector,
    RedactionPolicy,
    Redactor,
)

TICKET = """Hi, this is Anna Kowalska from Gdansk. Please call me on +48 58 555 01 42 or mail anna.k@example.com.
ws-0815 of LINDQVIST Bo shows error TG-809. I paid with 4111 1111 1111 1111."""


def main() -> None:
    directory = DirectoryDetector(
        [DirectoryEntry("Bo Lindqvist"), DirectoryEntry("WS-0815", EntityType.HOST)]
    )
    redactor = Redactor(
        [PatternDetector(), directory, NameDetector(), PlaceDetector()],
        policy=RedactionPolicy({EntityType.CARD: Action.MASK}),
    )
    session = redactor.session()
    print(session.protect(TICKET))
    print(f"replaced: {session.counts}")

    restorer = session.restorer()
    reply = ["Dear <PERS", "ON_1>, I call <PHONE_NUM", "BER_1> and tell <PERSON_2>."]
    print("".join([*map(restorer.feed, reply), restorer.finish()]))


if __name__ == "__main__":
    main()
