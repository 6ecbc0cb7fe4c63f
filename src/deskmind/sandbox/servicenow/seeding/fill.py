"""Everything, in the order in which it refers to each other."""

from __future__ import annotations

import gc

from deskmind.sandbox.company import Company
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.seeding.articles import fill_knowledge
from deskmind.sandbox.servicenow.seeding.assets import fill_assets
from deskmind.sandbox.servicenow.seeding.foundation import fill_foundation
from deskmind.sandbox.servicenow.seeding.keys import Seeder
from deskmind.sandbox.servicenow.seeding.metadata import fill_metadata
from deskmind.sandbox.servicenow.seeding.tickets import fill_tickets

__all__ = ["fill"]


def fill(instance: Instance, company: Company) -> None:
    """Fills an empty instance with the company."""
    collecting = gc.isenabled()
    gc.disable()  # nothing of this is garbage, and a large company is 300,000 lists
    try:
        seeder = Seeder(instance, company)
        fill_metadata(seeder)
        fill_foundation(seeder)
        fill_assets(seeder)
        fill_knowledge(seeder)
        fill_tickets(seeder)
    finally:
        if collecting:
            gc.enable()
