"""Services, configuration items and the catalog of the demo company."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from deskmind.sandbox.company.directory import SITES
from deskmind.sandbox.company.records import CatalogItem, Item, ItemKind, Person, Service

__all__ = ["CATALOG", "SERVICES", "items"]

SERVICES = (
    Service("tidegate", "TideGate VPN", "Remote access to internal systems", "network-operations", 2),
    Service("campus-network", "Campus network", "Wired and wireless networks of all sites", "network-operations", 1),
    Service("keybeacon", "KeyBeacon sign-in", "Accounts and two-step sign-in", "identity-access", 1),
    Service("harbourmail", "Harbourmail", "E-mail and calendar", "end-user-computing", 2),
    Service("print-service", "Pull printing", "Printers, copiers and scanners", "workplace-services", 4),
    Service("stowplan", "StowPlan", "Warehouse management", "warehouse-systems", 1),
    Service("ledgerline", "Ledgerline ERP", "Finance and purchasing", "erp-support", 1),
    Service("workplace", "Digital workplace", "Laptops, phones and software", "end-user-computing", 3),
    Service("drydock", "Drydock", "Databases, file shares and their backup", "database-services", 2),
    Service("softline", "SoftLine telephony", "Calls and queues", "network-operations", 2),
    Service("security-monitoring", "Security monitoring", "Alerts and investigations", "security-operations", 1),
    Service("berthbook", "BerthBook", "Slot booking for carriers and customers", "platform-engineering", 1),
    Service("edi-gateway", "EDI gateway", "Messages with partners", "platform-engineering", 2),
    Service("people-services", "People services", "Contracts, payroll and leave", "hr-operations", 3),
)  # fmt: skip

CATALOG = (
    CatalogItem("laptop-standard", "Standard laptop", "A 14-inch laptop with dock", "Hardware", "end-user-computing", 890.0, ("site", "cost_centre")),
    CatalogItem("laptop-power", "Engineering laptop", "16 inches, 64 GB", "Hardware", "end-user-computing", 1890.0, ("site", "cost_centre", "reason")),
    CatalogItem("screen", "Second screen", "27 inches, USB-C", "Hardware", "end-user-computing", 210.0, ("site",)),
    CatalogItem("headset", "Headset", "Wired, for SoftLine", "Hardware", "end-user-computing", 45.0, ("site",)),
    CatalogItem("handheld", "Corvid handheld", "For pickers and loaders", "Warehouse", "warehouse-systems", 640.0, ("site", "hall", "quantity")),
    CatalogItem("label-printer", "Label printer", "For a packing station", "Warehouse", "warehouse-systems", 380.0, ("site", "hall")),
    CatalogItem("software", "Software licence", "A program from the approved list", "Software", "end-user-computing", 120.0, ("program", "reason")),
    CatalogItem("shared-mailbox", "Shared mailbox", "A mailbox for a team", "E-mail", "end-user-computing", 0.0, ("name", "members")),
    CatalogItem("ledgerline-role", "Ledgerline role", "A role in Ledgerline ERP", "Access", "erp-support", 0.0, ("role", "cost_centre")),
    CatalogItem("vpn-country", "Work from another country", "TideGate from abroad for some weeks", "Access", "security-operations", 0.0, ("country", "from", "until")),
    CatalogItem("badge", "Badge", "Building access", "Workplace", "workplace-services", 12.0, ("site", "zones")),
    CatalogItem("new-starter", "New starter bundle", "Laptop, accounts and badge", "Joiners, movers and leavers", "service-desk", 1100.0, ("name", "first_day", "site")),
    CatalogItem("leaver", "Leaver", "Close accounts, return equipment", "Joiners, movers and leavers", "hr-operations", 0.0, ("name", "last_day")),
    CatalogItem("database", "Database for a project", "PostgreSQL with backup", "Platform", "database-services", 0.0, ("name", "size", "until")),
)  # fmt: skip

_KINDS: tuple[tuple[ItemKind, float, tuple[str, ...], str], ...] = (
    ("laptop", 0.5, ("Brinemark 14", "Brinemark 16"), "HQ"),
    ("scanner", 0.16, ("Corvid S5",), "SC"),
    ("server", 0.12, ("Rackline R440", "Virtual machine"), "SV"),
    ("printer", 0.1, ("Inkwell P80", "Labelmate 4"), "PR"),
    ("network", 0.07, ("Halyard AP-7", "Halyard SW-48"), "NW"),
    ("phone", 0.05, ("Tern 5",), "PH"),
)
_OF_KIND = {
    "laptop": ("workplace",),
    "scanner": ("stowplan",),
    "server": ("stowplan", "ledgerline", "drydock", "berthbook", "edi-gateway", "harbourmail"),
    "printer": ("print-service", "stowplan"),
    "network": ("campus-network", "tidegate"),
    "phone": ("softline", "keybeacon"),
}


def items(seed: int, count: int, people: tuple[Person, ...], until: datetime) -> tuple[Item, ...]:
    """`count` devices, and one application for each service."""
    draw = random.Random(seed * 7919 + 2)  # noqa: S311 - reproducible on purpose
    return (*_applications(until), *_devices(draw, count, people, until))


def _applications(until: datetime) -> Iterator[Item]:
    made = until - timedelta(days=800)
    for number, service in enumerate(SERVICES, start=1):
        yield Item(
            f"AP{number:05d}",
            service.name,
            "application",
            "Application",
            "",
            "",
            service.key,
            "london",
            True,
            made,
            made,
        )


def _devices(draw: random.Random, count: int, people: tuple[Person, ...], until: datetime) -> Iterator[Item]:
    owners = [person for person in people if person.organisation == "halvern-quay"]
    weights = [kind[1] for kind in _KINDS]
    scanned = until - timedelta(days=1, hours=2)
    for number in range(1, count + 1):
        kind, _, models, prefix = draw.choices(_KINDS, weights)[0]
        owner = owners[number % len(owners)] if kind in ("laptop", "phone") else None
        site = owner.site if owner else draw.choice(SITES).key
        created = until - timedelta(days=draw.randint(30, 1400), seconds=draw.randrange(86_400))
        # discovery runs at night and stamps what it finds with the same second
        updated = scanned if draw.random() < 0.4 else created + (until - created) * draw.random()
        tag = f"{prefix}{number:05d}"
        yield Item(
            key=tag,
            name=f"{site}-{kind}-{number:05d}" if kind == "server" else tag,
            kind=kind,
            model=draw.choice(models),
            serial=f"{draw.getrandbits(40):010X}",
            owner=owner.key if owner else "",
            service=draw.choice(_OF_KIND[kind]),
            site=site,
            in_use=draw.random() < 0.93,
            created=created,
            updated=updated.replace(microsecond=0),
        )
