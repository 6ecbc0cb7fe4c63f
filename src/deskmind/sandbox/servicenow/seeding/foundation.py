"""Companies, places, departments, people, groups, roles."""

from __future__ import annotations

import base64
import hashlib

from deskmind.sandbox.company import Person
from deskmind.sandbox.servicenow.instance import INTEGRATION_USER
from deskmind.sandbox.servicenow.seeding.keys import Seeder
from deskmind.sandbox.servicenow.store import moment

__all__ = ["ROLES", "fill_foundation"]

ROLES = {
    "admin": "Everything",
    "itil": "Works on tickets",
    "itil_admin": "Deletes tickets and reads their audit",
    "knowledge": "Writes articles",
    "knowledge_admin": "Administers knowledge",
    "user_criteria_admin": "Reads and writes user criteria",
    "user_admin": "Administers users and groups",
    "asset": "Writes configuration items",
    "import_set_loader": "Loads import sets",
    "import_transformer": "Transforms import sets",
    "snc_internal": "An employee",
    "snc_external": "Somebody of a customer",
}
_OF_ROLE = {
    "requester": (),
    "agent": ("itil", "knowledge"),
    "admin": ("itil", "itil_admin", "knowledge", "knowledge_admin"),
}
_INTEGRATION = ("itil", "itil_admin", "user_criteria_admin", "knowledge_admin", "import_set_loader", "import_transformer", "asset")  # fmt: skip


def fill_foundation(seeder: Seeder) -> None:
    """What everything else refers to."""
    company = seeder.company
    for organisation in company.organisations:
        customer = "false" if organisation.internal else "true"
        values = {
            "name": organisation.name,
            "customer": customer,
            "vendor": "false",
            "website": organisation.domain,
        }
        seeder.add("core_company", organisation.key, values)
    home = seeder.key("core_company", "halvern-quay")
    for site in company.sites:
        values = {
            "name": site.name,
            "full_name": f"{site.country}/{site.name}",
            "street": site.street,
            "company": home,
        }
        values |= {"city": site.name, "country": site.country, "time_zone": site.time_zone}
        seeder.add("cmn_location", site.key, values)
    for department in company.departments:
        head = seeder.key("sys_user", department.head)
        values = {"name": department.name, "id": department.key, "dept_head": head, "company": home}
        seeder.add("cmn_department", department.key, values)
    for name, description in ROLES.items():
        seeder.add("sys_user_role", name, {"name": name, "description": description})
    _people(seeder)
    _teams(seeder)


def _people(seeder: Seeder) -> None:
    _account(seeder, "admin", "System", "Administrator", ("admin",), {})
    machine = {"web_service_access_only": "true", "internal_integration_user": "true"}
    _account(seeder, INTEGRATION_USER, "Deskmind", "Integration", _INTEGRATION, machine)
    for person in seeder.company.people:
        inside = person.organisation == "halvern-quay"
        values = _person(seeder, person)
        roles = (*_OF_ROLE[person.role], "snc_internal" if inside else "snc_external")
        seeder.add("sys_user", person.key, values, person.created, person.updated)
        _grant(seeder, person.key, roles)


def _account(
    seeder: Seeder, name: str, first: str, last: str, roles: tuple[str, ...], more: dict[str, str]
) -> None:
    email = f"{name}@example.com"
    values = _SHARED | {"user_name": name, "first_name": first, "last_name": last, "name": f"{first} {last}"}
    values |= {"email": email, "active": "true", "roles": ",".join(roles), "federated_id": _federated(name)}
    seeder.add("sys_user", name, values | more)
    _grant(seeder, name, roles)


def _person(seeder: Seeder, person: Person) -> dict[str, str]:
    site = seeder.company.site(person.site)
    return _SHARED | {
        "user_name": person.key,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "name": person.name,
        "email": person.email,
        "title": person.title,
        "phone": person.phone,
        "active": "true" if person.active else "false",
        "roles": ",".join(_OF_ROLE[person.role]),
        "company": seeder.key("core_company", person.organisation),
        "department": seeder.key("cmn_department", person.department),
        "location": seeder.key("cmn_location", person.site),
        "manager": seeder.key("sys_user", person.manager),
        "time_zone": site.time_zone,
        "country": site.country,
        "employee_number": _digest(person.key)[:6].upper(),
        "federated_id": _federated(person.key),
        "last_login_time": moment(person.updated),
    }


_SHARED = {
    "notification": "2",
    "calendar_integration": "1",
    "web_service_access_only": "false",
    "enable_multifactor_authn": "false",
    "internal_integration_user": "false",
    "password_needs_reset": "false",
    "locked_out": "false",
    "vip": "false",
    "failed_attempts": "0",
    "sys_domain": "global",
    "sys_domain_path": "/",
}


def _grant(seeder: Seeder, name: str, roles: tuple[str, ...]) -> None:
    for role in roles:
        values = {
            "user": seeder.key("sys_user", name),
            "role": seeder.key("sys_user_role", role),
            "inherited": "false",
        }
        seeder.add("sys_user_has_role", f"{name}/{role}", values | {"state": "active"})


def _teams(seeder: Seeder) -> None:
    for team in seeder.company.teams:
        values = {
            "name": team.name,
            "description": team.description,
            "manager": seeder.key("sys_user", team.manager),
        }
        values |= {"active": "true", "exclude_manager": "false", "include_members": "false"}
        values |= {
            "type": seeder.key("type", "itil") if team.support else "",
            "roles": "itil" if team.support else "",
        }
        group = seeder.add("sys_user_group", team.key, values)
        for member in team.members:
            seeder.add(
                "sys_user_grmember",
                f"{team.key}/{member}",
                {"group": group, "user": seeder.key("sys_user", member)},
            )


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _federated(name: str) -> str:
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()
