"""Who may see a record, in the words of the database's access lists: all of several any-of sets, and a deny set."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["EVERYONE", "MOST_SETS", "NOBODY", "PUBLIC", "Access", "Grantee", "GranteeKind", "any_of_all"]

GranteeKind = Literal[
    "user", "group", "role", "department", "company", "location", "organisation", "scope", "everyone"
]
MOST_SETS = 32
"""What an access list of the database holds at most."""


@dataclass(frozen=True, slots=True, order=True)
class Grantee:
    """One user of the source, or a set of users that the source has a name for.

    ``scope`` is a set that only the vendor's rules define, such as the agents who see every ticket; the connector tells
    its members as ``Membership`` like a group's.
    """

    kind: GranteeKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


EVERYONE = Grantee("everyone", "")


@dataclass(frozen=True, slots=True)
class Access:
    """A record is seen by who is in each set of ``any_of`` and in no part of ``deny``.

    Attributes:
        any_of: 1 to 32 sets; an empty one lets nobody in.
        deny: who is kept out whatever ``any_of`` says.
        unread: grants of the vendor that have no equal here (a script, an unknown kind), by name. They give nothing,
            and where they would keep somebody out, nobody is let in.
    """

    any_of: tuple[frozenset[Grantee], ...]
    deny: frozenset[Grantee] = frozenset()
    unread: tuple[str, ...] = ()

    def permits(self, held: Collection[Grantee]) -> bool:
        """Whether one who is ``held`` (themselves, their groups, roles and so on) may see it."""
        mine = frozenset(held) | {EVERYONE}
        return not mine & self.deny and all(mine & one for one in self.any_of)

    def both(self, other: Access) -> Access:
        """Who satisfies this and the other; nobody, where that takes more sets than a list holds."""
        sets = tuple(dict.fromkeys((*self.any_of, *other.any_of)))
        wide = tuple(one for one in sets if EVERYONE not in one) or (frozenset({EVERYONE}),)
        unread = tuple(dict.fromkeys((*self.unread, *other.unread)))
        if len(wide) > MOST_SETS:
            return Access((frozenset(),), unread=(*unread, "too many conditions"))
        return Access(wide, self.deny | other.deny, unread)


NOBODY = Access((frozenset(),))
PUBLIC = Access((frozenset({EVERYONE}),))


def any_of_all(
    alternatives: Iterable[Collection[frozenset[Grantee]]],
) -> tuple[frozenset[Grantee], ...] | None:
    """Alternatives that each demand several sets, as one conjunction: ``(a and b) or c`` is ``(a or c) and (b or c)``.

    Returns:
        The sets; None where they would be more than an access list holds.
    """
    sets: tuple[frozenset[Grantee], ...] = (frozenset(),)
    for alternative in alternatives:
        product = {known | one for known in sets for one in alternative}
        sets = tuple(
            sorted((one for one in product if not any(other < one for other in product)), key=sorted)
        )
        if len(sets) > MOST_SETS:
            return None
    return sets
