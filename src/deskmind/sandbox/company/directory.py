"""The people of the demo company: who they are, where they sit, and the teams they are in."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from deskmind.sandbox.company.records import Department, Organisation, Person, PersonRole, Site, Team

__all__ = ["COMPANY", "DOMAIN", "ORGANISATIONS", "SITES", "departments", "people", "teams"]

COMPANY = "Halvern Quay Logistics"
DOMAIN = "halvern.example.net"

SITES = (
    Site("london", "London", "14 Wharf Street, London E14", "United Kingdom", "Europe/London"),
    Site("hull", "Hull", "Albert Dock 2, Hull HU1", "United Kingdom", "Europe/London"),
    Site("gdansk", "Gdańsk", "ul. Portowa 8, Gdańsk", "Poland", "Europe/Warsaw"),
    Site("rotterdam", "Rotterdam", "Waalhaven 31, Rotterdam", "Netherlands", "Europe/Amsterdam"),
    Site("baltimore", "Baltimore", "900 Pier Road, Baltimore MD", "United States", "America/New_York"),
)
ORGANISATIONS = (
    Organisation("halvern-quay", COMPANY, DOMAIN, internal=True),
    Organisation("northline", "Northline Carriers", "northline.example.com", internal=False),
    Organisation("sable-reef", "Sable Reef Shipping", "sablereef.example.com", internal=False),
    Organisation("bright-harbour", "Bright Harbour Foods", "brightharbour.example.com", internal=False),
    Organisation("kestrel-parts", "Kestrel Parts", "kestrelparts.example.com", internal=False),
    Organisation("ostra-steel", "Ostra Steel Trading", "ostrasteel.example.com", internal=False),
)
_DEPARTMENTS = {
    "it": "Information Technology",
    "security": "Information Security",
    "hr": "Human Resources",
    "finance": "Finance",
    "warehouse": "Warehouse Operations",
    "freight": "Freight Planning",
    "customer-desk": "Customer Desk",
    "facilities": "Workplace and Facilities",
}
_TEAMS = {
    "service-desk": ("Service Desk", "First contact for everything", "it"),
    "end-user-computing": ("End User Computing", "Laptops, mail and software", "it"),
    "network-operations": ("Network Operations", "Networks, VPN and telephony", "it"),
    "platform-engineering": ("Platform Engineering", "Servers, clusters and customer systems", "it"),
    "database-services": ("Database Services", "Databases and backups", "it"),
    "identity-access": ("Identity and Access", "Accounts, KeyBeacon and roles", "it"),
    "warehouse-systems": ("Warehouse Systems", "StowPlan, handhelds and label printers", "it"),
    "erp-support": ("ERP Support", "Ledgerline and its interfaces", "it"),
    "security-operations": ("Security Operations", "Investigations, evidence, break-glass", "security"),
    "workplace-services": ("Workplace Services", "Badges, rooms and printers", "facilities"),
    "hr-operations": ("HR Operations", "Contracts, payroll and leave", "hr"),
}
_ACCESS_GROUPS = {
    "hr": ("hr", "HR Operations and HR partners: pay, settlements, sensitive people matters"),
    "finance": ("finance", "Finance Control, treasury and accounts payable: payment limits, ledger close"),
    "security": ("security", "Security Operations: investigations, evidence, break-glass"),
    "it-ops": ("it-ops", "Platform Engineering, Database Services and Network Operations"),
    "managers": ("managers", "Everybody who leads people"),
    "contractors": ("contractors", "People of other companies who work for us"),
}
_IT_OPS = ("platform-engineering", "database-services", "network-operations")

_KNOWN = (
    ("Lena", "Fisk", "Shift lead, hall H2", "warehouse", "hull", "requester", ""),
    ("Marek", "Dudek", "Freight planner", "freight", "gdansk", "requester", ""),
    ("Imogen", "Talbot", "Service Desk manager", "it", "london", "admin", "service-desk"),
    ("Bronagh", "Kettle", "HR director", "hr", "london", "requester", ""),
    ("Tobias", "Wren", "Finance controller", "finance", "london", "requester", ""),
    ("Annike", "Voss", "Chief information security officer", "security", "london", "agent", "security-operations"),
    ("Piotr", "Zielonka", "Lead of Database Services", "it", "gdansk", "agent", "database-services"),
)  # fmt: skip
_FIRST = (
    "Amara Bram Celine Dorota Edwin Farah Grzegorz Hanneke Idris Jolanta Kwame Liesbeth Marisol Niamh Oskar Priya "
    "Quentin Ruben Saoirse Tamsin Ulrik Vesna Wojciech Xenia Yusuf Zofia Alasdair Beatriz Cormac Delphine Emeka "
    "Freya Gwilym Halina Ivo Jasmine Kacper Lowri Mateusz Nadia"
).split()
_LAST = (
    "Abernathy Bakker Calloway Dabrowski Ekholm Fairweather Gostling Hartog Iversen Jankowski Kowalczyk Lindqvist "
    "Marlowe Nowak Okafor Pemberton Quill Rutherford Sikorska Thackeray Underhill Vermeer Whitlock Yarrow Zawadzki "
    "Ashdown Brandsma Corrigan Drummond Elsworth Fenwick Garrick Holloway Innes Jessop"
).split()
_TITLES = {
    "it": "IT specialist",
    "security": "Security analyst",
    "hr": "HR partner",
    "finance": "Accountant",
    "warehouse": "Picker",
    "freight": "Freight planner",
    "customer-desk": "Customer agent",
    "facilities": "Workplace coordinator",
}
_PLACES = ("warehouse", "warehouse", "warehouse", "freight", "freight", "customer-desk", "finance", "hr")


def people(seed: int, count: int, until: datetime) -> tuple[Person, ...]:
    """`count` people, the demonstration's seven first; among them contacts of customers and some who have left."""
    draw = random.Random(seed * 7919 + 1)  # noqa: S311 - reproducible on purpose
    places = _spread(count)
    found: dict[str, Person] = {}
    for first, last, title, department, site, role, _ in _KNOWN:
        found |= _one(first, last, title, department, site, role, "halvern-quay", until, draw)
    for number in range(count - len(found)):
        first, last = _name(draw, found)
        department, role, organisation = next(places)
        title = _TITLES[department] if organisation == "halvern-quay" else "Logistics contact"
        site = draw.choice(SITES).key
        found |= _one(first, last, title, department, site, role, organisation, until, draw)
        if number % 23 == 22:
            left = next(reversed(found))
            found[left] = replace(found[left], active=False)
    return tuple(_managed(found, draw))


def _spread(count: int) -> Iterator[tuple[str, PersonRole, str]]:
    """Department, role and organisation of everybody who is not known by name."""
    for department in (team[2] for team in _TEAMS.values() for _ in range(2)):
        yield department, "agent", "halvern-quay"
    customers = [organisation.key for organisation in ORGANISATIONS if not organisation.internal]
    for number in range(count):
        outside = number % 6 == 5
        organisation = customers[number // 6 % len(customers)] if outside else "halvern-quay"
        department = "customer-desk" if outside else _PLACES[number % len(_PLACES)]
        many = number % 40 == 39
        yield ("it", "agent", "halvern-quay") if many else (department, "requester", organisation)


def _name(draw: random.Random, taken: dict[str, Person]) -> tuple[str, str]:
    for attempt in range(10_000):
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        if attempt > 50:
            last = f"{last}-{draw.choice(_LAST)}"
        if _key(first, last) not in taken:
            return first, last
    raise ValueError("there are not that many names")


def _key(first: str, last: str) -> str:
    plain = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", "")


def _one(
    first: str,
    last: str,
    title: str,
    department: str,
    site: str,
    role: PersonRole,
    organisation: str,
    until: datetime,
    draw: random.Random,
) -> dict[str, Person]:
    key = _key(first, last)
    domain = next(one.domain for one in ORGANISATIONS if one.key == organisation)
    created = until - timedelta(days=draw.randint(420, 900), seconds=draw.randrange(86_400))
    # a third was touched by one import, in one second
    imported = until - timedelta(days=90, hours=3)
    updated = imported if draw.random() < 0.34 else created + (until - created) * draw.random()
    return {
        key: Person(
            key,
            first,
            last,
            f"{key}@{domain}",
            title,
            role,
            department,
            site,
            organisation,
            "",
            f"+44 20 7946 {draw.randrange(10_000):04d}",
            True,
            created,
            updated.replace(microsecond=0),
        )
    }


def _managed(found: dict[str, Person], draw: random.Random) -> Iterator[Person]:
    heads: dict[str, str] = {}
    for person in found.values():
        if person.organisation == "halvern-quay" and person.active:
            heads.setdefault(person.department, person.key)
    for person in found.values():
        head = heads.get(person.department, "")
        inside = person.organisation == "halvern-quay"
        yield replace(person, manager=head if inside and head != person.key else "")


def departments(found: tuple[Person, ...]) -> tuple[Department, ...]:
    """The departments; whoever leads most people of one is its head."""
    heads = {person.department: person.key for person in reversed(found) if not person.manager}
    return tuple(Department(key, name, heads.get(key, "")) for key, name in _DEPARTMENTS.items())


def teams(found: tuple[Person, ...]) -> tuple[Team, ...]:
    """Support teams with their agents, and the groups that only grant access."""
    members: dict[str, list[str]] = {key: [] for key in _TEAMS}
    known = {_key(first, last): team for first, last, *_, team in _KNOWN}
    agents = [person for person in found if person.role != "requester"]
    for person in agents:
        if person.key in known:
            members[known[person.key]].append(person.key)
    waiting = [person for person in agents if person.key not in known]
    for number, person in enumerate(waiting):
        fitting = [key for key, team in _TEAMS.items() if team[2] == person.department]
        members[min(fitting, key=lambda key: (len(members[key]), fitting.index(key)))].append(person.key)
        if number % 7 == 0:
            members["service-desk"].append(person.key)
    support = [
        Team(key, name, description, True, members[key][0], tuple(dict.fromkeys(members[key])))
        for key, (name, description, _) in _TEAMS.items()
    ]
    return (*support, *_access_groups(found, {team.key: team.members for team in support}))


def _access_groups(found: tuple[Person, ...], support: dict[str, tuple[str, ...]]) -> Iterator[Team]:
    managers = {person.manager for person in found if person.manager}
    chosen: dict[str, list[str]] = {
        "hr": [person.key for person in found if person.department == "hr"],
        "finance": [person.key for person in found if person.department == "finance"],
        "security": list(support["security-operations"]),
        "it-ops": [key for team in _IT_OPS for key in support[team]],
        "managers": [person.key for person in found if person.key in managers],
        "contractors": [person.key for person in found if person.organisation != "halvern-quay"],
    }
    for key, (name, description) in _ACCESS_GROUPS.items():
        members = tuple(dict.fromkeys(chosen[key]))
        yield Team(key, name, description, False, members[0] if members else "", members)
