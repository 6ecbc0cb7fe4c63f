"""Sys_ids and stamps of what is seeded."""

from __future__ import annotations

from datetime import datetime

from deskmind.sandbox.company import Company
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.store import moment

__all__ = ["Seeder"]


class Seeder:
    """Adds records with stamps, under ids that the same seed gives again."""

    def __init__(self, instance: Instance, company: Company) -> None:
        self.instance, self.company = instance, company
        self.store = instance.store
        self.epoch = moment(company.people[0].created)
        self._keys: dict[tuple[str, object], str] = {}

    def key(self, table: str, name: object) -> str:
        """The sys_id of a seeded record; empty for an empty name."""
        if not name:
            return ""
        known = self._keys.get((table, name))
        if known is None:
            known = self._keys[table, name] = self.store.key(table, name)
        return known

    def add(
        self,
        table: str,
        name: object,
        values: dict[str, str],
        created: datetime | None = None,
        updated: datetime | None = None,
        by: str = "admin",
    ) -> str:
        """One record with its stamps; its sys_id."""
        sys_id = self.key(table, name)
        made = moment(created) or self.epoch
        stamps = {"sys_id": sys_id, "sys_created_on": made, "sys_created_by": by}
        if "sys_updated_on" in self.store.schema[table].places:
            stamps |= {"sys_updated_on": moment(updated) or made, "sys_updated_by": by, "sys_mod_count": "0"}
        self.store.add(table, stamps | values)
        return sys_id
