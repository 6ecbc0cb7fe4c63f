"""Push: business rules whose script sends a REST message when a record changes."""

from __future__ import annotations

import json
import re

from deskmind.sandbox.servicenow.encoded import parse
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.store import Row
from deskmind.sandbox.web import Outbox

__all__ = ["Webhooks"]

_ENDPOINT = re.compile(r"""setEndpoint\(\s*['"]([^'"]+)['"]\s*\)""")
_BASIC = re.compile(r"""setBasicAuth\(\s*['"]([^'"]*)['"]\s*,\s*['"]([^'"]*)['"]\s*\)""")
_HEADER = re.compile(r"""setRequestHeader\(\s*['"]([^'"]+)['"]\s*,\s*['"]([^'"]*)['"]\s*\)""")


class Webhooks:
    """Runs the active business rules (`sys_script`) of a table after each change.

    Of a script only what it sends is understood: `setEndpoint`, `setBasicAuth` and `setRequestHeader` with literal
    values. The body is JSON with table, sys_id, number, operation and time of the change.
    """

    def __init__(self, instance: Instance, outbox: Outbox) -> None:
        self._instance, self._outbox = instance, outbox
        instance.records.listeners.append(self._changed)

    def _changed(self, operation: str, table: str, row: Row) -> None:
        read, schema = self._instance.store.read, self._instance.store.schema
        for rule in tuple(self._instance.store.rows("sys_script")):
            collection = read("sys_script", rule, "collection")
            if collection not in schema or not schema.is_a(table, collection):
                continue
            if (
                read("sys_script", rule, "active")
                == "true"
                == read("sys_script", rule, f"action_{operation}")
            ):
                self._run(rule, operation, table, row)

    def _run(self, rule: Row, operation: str, table: str, row: Row) -> None:
        read = self._instance.store.read
        script = read("sys_script", rule, "script")
        endpoint = _ENDPOINT.search(script)
        if endpoint is None or not self._meets(read("sys_script", rule, "filter_condition"), table, row):
            return
        told = {name: read(table, row, name) for name in ("sys_id", "number", "sys_updated_on")}
        body = json.dumps({"table": table, "operation": operation, **told}).encode()
        user, password = found.groups() if (found := _BASIC.search(script)) else ("", "")
        headers = {"Content-Type": "application/json", **dict(_HEADER.findall(script))}
        self._outbox.send(endpoint[1], body, headers, user=user, password=password)

    def _meets(self, condition: str, table: str, row: Row) -> bool:
        admin = self._instance.directory.named("admin")
        return admin is not None and self._instance.matcher(admin).predicate(table, parse(condition))(row)
