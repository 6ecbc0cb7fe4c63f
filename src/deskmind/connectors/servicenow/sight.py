"""Who sees a ticket: those it names, who oversees everything, and technicians as far as the onlooker or their groups show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deskmind.connectors.access import NOBODY, Access, Grantee, any_of_all

__all__ = ["Sight", "TicketReaders"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What the onlooker is shown of some rows.

    Attributes:
        ids: the rows.
        onlooker: its own id: a row that names it tells nothing of others.
    """

    ids: frozenset[str] = frozenset()
    onlooker: str = ""

    def shows(self, row: str, named: Sequence[str]) -> bool:
        """Whether everybody with the role sees a row that names these people."""
        return row in self.ids and self.onlooker not in named


@dataclass(frozen=True, slots=True)
class TicketReaders:
    """Who reads the tickets of a page besides those they name; nobody where it is not said.

    Attributes:
        readers: roles of technicians.
        overseers: roles that see every ticket.
        sight: what everybody with a reader role sees.
        group_sees: whether a technician sees what is assigned to a group of theirs.
    """

    readers: frozenset[Grantee] = frozenset()
    overseers: frozenset[Grantee] = frozenset()
    sight: Sight = Sight()
    group_sees: bool = True

    def of(self, row: str, named: Sequence[str], group: str, *, staff_only: bool) -> tuple[Access, Access]:
        """Who sees a ticket and its public comments, and who its work notes.

        Args:
            row: the ticket's id.
            named: ids of its requester, of who opened it and of who watches it.
            group: id of its assignment group, or nothing.
            staff_only: whether those it names see it only as technicians.
        """
        technicians: list[tuple[frozenset[Grantee], ...]] = [(self.overseers,)]
        if self.sight.shows(row, named):
            technicians.append((self.readers,))
        elif group and self.group_sees:
            technicians.append((frozenset({Grantee("group", group)}), self.readers))
        people = frozenset(Grantee("user", one) for one in named)
        internal = _access(technicians)
        return (internal if staff_only else _access([*technicians, (people,)])), internal


def _access(alternatives: Sequence[tuple[frozenset[Grantee], ...]]) -> Access:
    """Whoever satisfies one of them; never more than an access list holds, so fewer sets mean nobody."""
    sets = any_of_all(alternatives)
    return NOBODY if sets is None else Access(sets)
