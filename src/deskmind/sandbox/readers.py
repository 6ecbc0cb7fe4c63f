"""Which people of the demo company an audience means."""

from __future__ import annotations

from collections.abc import Iterable

from deskmind.sandbox.company import Audience, Company

__all__ = ["members", "readers"]


def members(company: Company, audience: Audience) -> frozenset[str]:
    """Keys of the people meant: by every kind that is named with `match_all`, else by any; nobody if withdrawn."""
    if not audience.active:
        return frozenset()
    kinds = [found for named, found in _kinds(company, audience) if named]
    if not kinds:
        return frozenset()
    first, *others = kinds
    return first.intersection(*others) if audience.match_all else first.union(*others)


def readers(
    company: Company, can_read: Iterable[Audience], cannot_read: Iterable[Audience]
) -> frozenset[str] | None:
    """Keys of everybody who may read; None where that is not limited."""
    allowed, denied = tuple(can_read), tuple(cannot_read)
    if not allowed and not denied:
        return None
    everybody = frozenset(person.key for person in company.people)
    found = frozenset[str]().union(*(members(company, each) for each in allowed)) if allowed else everybody
    return found.difference(*(members(company, each) for each in denied))


def _kinds(company: Company, audience: Audience) -> list[tuple[tuple[str, ...], frozenset[str]]]:
    people = company.people
    return [
        (audience.people, frozenset(audience.people)),
        (audience.teams, frozenset(key for team in audience.teams for key in company.team(team).members)),
        (
            audience.departments,
            frozenset(one.key for one in people if one.department in audience.departments),
        ),
        (audience.sites, frozenset(one.key for one in people if one.site in audience.sites)),
        (
            audience.organisations,
            frozenset(one.key for one in people if one.organisation in audience.organisations),
        ),
        (audience.roles, frozenset(one.key for one in people if one.role in audience.roles)),
    ]
