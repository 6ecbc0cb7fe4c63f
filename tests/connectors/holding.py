"""What each person of a source holds, by the memberships that a connector tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deskmind.connectors import Grantee, Kind, Membership


class Holdings:
    """All memberships of a source, followed through sets within sets."""

    def __init__(self, memberships: Iterable[Membership]) -> None:
        self._of_person: dict[str, set[Grantee]] = {}
        self._around: dict[Grantee, set[Grantee]] = {}
        for one in memberships:
            if one.members is not None:
                self._around.setdefault(one.members, set()).add(one.grantee)
            else:
                self._of_person.setdefault(one.person, set()).add(one.grantee)

    @classmethod
    async def read(cls, source: Any) -> Holdings:
        """From a source's memberships."""
        return cls([one async for page in source.pages(Kind.MEMBERSHIP) for one in page.records])

    def of(self, person: str) -> set[Grantee]:
        """The person, everybody, and each set that holds them."""
        held: set[Grantee] = set()
        left = {Grantee("user", person), Grantee("everyone", ""), *self._of_person.get(person, ())}
        while left:
            one = left.pop()
            held.add(one)
            left |= self._around.get(one, set()) - held
        return held
