"""The demo company's people as accounts and groups of a Jira site."""

from __future__ import annotations

import hashlib

from deskmind.sandbox.company import Company, Person
from deskmind.sandbox.jira.people import Group, Organization, User
from deskmind.sandbox.jira.seed_scheme import ADMINS, AGENTS
from deskmind.sandbox.jira.site import Site
from deskmind.sandbox.jira.wiki_render import EVERYONE


def account_id(key: str) -> str:
    """The account of a person, by key."""
    return "5b" + hashlib.sha256(f"jira:{key}".encode()).hexdigest()[:22]


def api_token(seed: int, key: str) -> str:
    """The person's API token."""
    return "ATATT3x" + hashlib.sha256(f"jira-token:{seed}:{key}".encode()).hexdigest()[:48]


def populate(site: Site, company: Company) -> None:
    """Accounts, groups and the organisations of customers."""
    for number, person in enumerate(company.people):
        site.users[account_id(person.key)] = _user(company, person, number)
    for name, members in _groups(company).items():
        identifier = hashlib.sha256(f"jira-group:{name}".encode()).hexdigest()
        group_id = "-".join(
            (identifier[:8], identifier[8:12], identifier[12:16], identifier[16:20], identifier[20:32])
        )
        site.groups[group_id] = Group(group_id, name, [account_id(key) for key in members])
    for number, one in enumerate(company.customers, start=1):
        held = [account_id(person.key) for person in company.people if person.organisation == one.key]
        site.organizations[str(number)] = Organization(str(number), one.name, held)


def administrator(company: Company) -> Person:
    """Who administers the site."""
    return next(person for person in company.people if person.role == "admin")


def _user(company: Company, person: Person, number: int) -> User:
    outside = person.organisation != "halvern-quay"
    return User(
        account_id(person.key),
        person.name,
        person.email,
        api_token(company.seed, person.key),
        "customer" if outside else "atlassian",
        person.active,
        company.site(person.site).time_zone,
        shows_email=number % 7 != 6,
        admin=person.role == "admin",
    )


def _groups(company: Company) -> dict[str, list[str]]:
    people = company.people
    groups = {
        EVERYONE: [person.key for person in people],
        AGENTS: [person.key for person in people if person.role != "requester"],
        ADMINS: [person.key for person in people if person.role == "admin"],
    }
    groups |= {team.key: list(team.members) for team in company.teams}
    for department in company.departments:
        groups[f"department-{department.key}"] = [
            one.key for one in people if one.department == department.key
        ]
    for place in company.sites:
        groups[f"site-{place.key}"] = [one.key for one in people if one.site == place.key]
    for one in company.organisations:
        groups[f"organisation-{one.key}"] = [each.key for each in people if each.organisation == one.key]
    return groups
