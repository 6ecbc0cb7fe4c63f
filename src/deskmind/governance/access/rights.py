"""What grants add up to, and decisions that explain themselves. Permissions are any ``resource:action``.

Nothing here knows of a database or of Deskmind's own permissions: see ``examples/parts/access.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Decision", "Grant", "Holding", "Rights"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somebody has.

    Attributes:
        role: its name.
        holder: who has it: ``user ann``, ``group it``, ``key 4f…``.
        until: when it ends, with a time zone; None for never.
    """

    role: str
    holder: str
    until: datetime | None = None

    def live(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return self.until is None or now < self.until

    @property
    def basis(self) -> str:
        """The role, and the group that it comes by; users and keys go unnamed."""
        return (
            f"role:{self.role} via {self.holder}" if self.holder.startswith("group ") else f"role:{self.role}"
        )

    def __str__(self) -> str:
        until = f" until {self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"role {self.role} granted to {self.holder}{until}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody may do something, and why.

    Attributes:
        allowed: the answer.
        permission: ``resource:action``.
        grants: what permits it, of each party that must.
        policies: ids of the policies that forbid it, or could not be evaluated.
        missing: the parties that no role permits it.
    """

    allowed: bool
    permission: str
    grants: tuple[Grant, ...] = ()
    policies: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def basis(self) -> str:
        """The reasons in a few words that name no person, for the audit log: ``role:requester via group hr``."""
        if self.policies:
            return f"policy {', '.join(self.policies)}"
        if not self.allowed:
            return f"no role includes {self.permission}"
        if len(self.grants) == 1:
            return self.grants[0].basis
        return ", ".join(dict.fromkeys([grant.basis for grant in self.grants]))

    @property
    def because(self) -> list[str]:
        """The reasons, in words."""
        return [
            *(str(grant) for grant in self.grants),
            *(f"no role of {party} includes {self.permission}" for party in self.missing),
            *(f"policy {name} forbids it" for name in self.policies),
        ]


class Holding:
    """What one party's grants permit, compiled: two look-ups a decision, however many grants.

    Args:
        party: who, in words: ``ann``, ``the key ci``.
        grants: each with what its role permits: ``resource:action`` or ``resource:*``.
    """

    __slots__ = ("_held", "grants", "party")

    def __init__(self, party: str, grants: Iterable[tuple[Grant, Collection[str]]]) -> None:
        self.party = party
        held: dict[str, list[Grant]] = {}
        found: list[Grant] = []
        for grant, permissions in grants:
            found.append(grant)
            for permission in permissions:
                held.setdefault(permission, []).append(grant)
        self.grants = tuple(found)
        # lasting ones first: they are found at once and explain best
        self._held = {name: tuple(sorted(those, key=_lasting)) for name, those in held.items()}

    def permits(self, permission: str, now: datetime) -> Grant | None:
        """The grant that permits it, None when none does."""
        for name in (permission, permission[: permission.index(":") + 1] + "*"):
            for grant in self._held.get(name, ()):
                if grant.live(now):
                    return grant
        return None

    def ends(self, now: datetime) -> dict[str, datetime | None]:
        """Until when each permission is held, None for always; those that are not held are not there."""
        found = {
            name: [grant.until for grant in grants if grant.live(now)] for name, grants in self._held.items()
        }
        return {name: _latest(ends) for name, ends in found.items() if ends}

    def roles(self, now: datetime) -> frozenset[str]:
        """Names of the roles that are held now."""
        return frozenset(grant.role for grant in self.grants if grant.live(now))


class Rights:
    """What several parties may do together: what each of them may. One party's own are the rights of that party.

    >>> reader = Holding("ann", [(Grant("reader", "user ann"), ["ticket:read"])])
    >>> Rights(reader).decide("ticket:read").because
    ['role reader granted to user ann']
    >>> Rights(reader).decide("ticket:close").because
    ['no role of ann includes ticket:close']
    """

    __slots__ = ("parties",)

    def __init__(self, *parties: Holding) -> None:
        self.parties = parties

    def decide(self, permission: str, *, now: datetime | None = None) -> Decision:
        """Whether all parties hold the permission; O(parties)."""
        at = now or datetime.now(UTC)
        if len(self.parties) == 1:
            grant = self.parties[0].permits(permission, at)
            if grant is not None:
                return Decision(True, permission, (grant,))
        found = [(party, party.permits(permission, at)) for party in self.parties]
        missing = tuple(party.party for party, grant in found if grant is None)
        grants = tuple(grant for _, grant in found if grant is not None)
        return Decision(bool(self.parties) and not missing, permission, grants, missing=missing)

    def roles(self, now: datetime | None = None) -> frozenset[str]:
        """Roles that the first party holds."""
        return self.parties[0].roles(now or datetime.now(UTC)) if self.parties else frozenset()

    def ends(self, now: datetime) -> dict[str, datetime | None]:
        """Until when all parties hold each permission, None for always."""
        each = [party.ends(now) for party in self.parties]
        shared = set(each[0]).intersection(*each[1:]) if each else set[str]()
        return {name: _earliest([ends[name] for ends in each]) for name in shared}

    def all_hold_one_of(self, roles: Collection[str], now: datetime | None = None) -> bool:
        """Whether each party holds one of these roles."""
        at = now or datetime.now(UTC)
        return bool(self.parties) and all(not party.roles(at).isdisjoint(roles) for party in self.parties)


def _lasting(grant: Grant) -> tuple[bool, str]:
    return grant.until is not None, grant.role


def _latest(ends: list[datetime | None]) -> datetime | None:
    return None if None in ends else max(end for end in ends if end is not None)


def _earliest(ends: list[datetime | None]) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)
