"""Configuration items, services, the catalog and service levels."""

from __future__ import annotations

from deskmind.sandbox.company import Item
from deskmind.sandbox.servicenow.seeding.keys import Seeder
from deskmind.sandbox.servicenow.store import moment

__all__ = ["CLASSES", "fill_assets", "item_class"]

CLASSES = {
    "laptop": "cmdb_ci_computer",
    "server": "cmdb_ci_server",
    "printer": "cmdb_ci_printer",
    "scanner": "cmdb_ci_hardware",
    "network": "cmdb_ci_netgear",
    "phone": "cmdb_ci_comm",
    "application": "cmdb_ci_appl",
}
_CRITICALITY = ("1 - most critical", "2 - somewhat critical", "3 - less critical", "4 - not critical")
_SLAS = {"1": "4 Hours", "2": "8 Hours", "3": "1 Day", "4": "3 Days", "5": "5 Days"}
_MORE = {"server": {"os": "Linux Debian", "cpu_count": "8", "ram": "32768"}, "laptop": {"os": "Windows 11", "ram": "16384"}}  # fmt: skip


def item_class(item: Item) -> str:
    """The table of a configuration item."""
    return CLASSES[item.kind]


def fill_assets(seeder: Seeder) -> None:
    """Services first, because items hang on them."""
    company = seeder.company
    for service in company.services:
        values = {"name": service.name, "short_description": service.description, "install_status": "1"}
        values |= {"support_group": seeder.key("sys_user_group", service.team), "operational_status": "1"}
        values |= {
            "busines_criticality": _CRITICALITY[service.criticality - 1],
            "service_status": "operational",
        }
        seeder.add("cmdb_ci_service", service.key, values | _DOMAIN)
    for item in company.items:
        _item(seeder, item)
    _catalog(seeder)
    for priority, target in _SLAS.items():
        values = {
            "name": f"Priority {priority} resolution ({target})",
            "collection": "incident",
            "active": "true",
        }
        seeder.add("contract_sla", priority, values | {"target": "resolution"})


_DOMAIN = {"sys_domain": "global", "sys_domain_path": "/", "monitor": "false"}


def _item(seeder: Seeder, item: Item) -> None:
    table = item_class(item)
    owner = seeder.key("sys_user", item.owner)
    service = next(one for one in seeder.company.services if one.key == item.service)
    values = {
        "name": item.name,
        "asset_tag": item.key,
        "serial_number": item.serial,
        "category": item.kind.capitalize(),
        "short_description": item.model,
        "model_id": item.model,
        "assigned_to": owner,
        "owned_by": owner,
        "support_group": seeder.key("sys_user_group", service.team),
        "company": seeder.key("core_company", "halvern-quay"),
        "location": seeder.key("cmn_location", item.site),
        "install_status": "1" if item.in_use else "7",
        "operational_status": "1" if item.in_use else "6",
        "first_discovered": moment(item.created),
        "last_discovered": moment(item.updated),
    }
    seeder.add(table, item.key, values | _DOMAIN | _MORE.get(item.kind, {}), item.created, item.updated)
    relation = {"parent": seeder.key("cmdb_ci_service", item.service), "child": seeder.key(table, item.key)}
    if item.kind in ("server", "application"):
        seeder.add("cmdb_rel_ci", item.key, relation | {"type": "Depends on::Used by"})


def _catalog(seeder: Seeder) -> None:
    catalog = seeder.add("sc_catalog", "service", {"title": "Service Catalog", "active": "true"})
    for category in dict.fromkeys(item.category for item in seeder.company.catalog):
        values = {"title": category, "active": "true", "sc_catalog": catalog}
        seeder.add("sc_category", category, values)
    for order, item in enumerate(seeder.company.catalog):
        values = {
            "name": item.name,
            "short_description": item.description,
            "description": f"<p>{item.description}</p>",
        }
        values |= {
            "active": "true",
            "category": seeder.key("sc_category", item.category),
            "sc_catalogs": catalog,
        }
        values |= {
            "price": f"{item.price:g}",
            "group": seeder.key("sys_user_group", item.team),
            "order": str(order),
        }
        made = seeder.add("sc_cat_item", item.key, values | {"type": "item", "availability": "on_both"})
        for place, question in enumerate(item.questions):
            asked = {
                "name": question,
                "question_text": question.replace("_", " ").capitalize(),
                "cat_item": made,
            }
            asked |= {"type": "6", "mandatory": "true", "order": str(place * 100), "active": "true"}
            seeder.add("item_option_new", f"{item.key}/{question}", asked)
