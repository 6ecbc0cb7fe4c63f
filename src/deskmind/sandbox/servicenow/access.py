"""Access controls: which tables, rows and fields a user may read and write.

Three things hide rows, and they count differently, as they do at the vendor: a before-query rule takes rows out of a
query before it is counted and paged; a row's access control takes it out of the page that was counted and cut already;
a table without read access is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

from deskmind.sandbox.servicenow.criteria import Criteria
from deskmind.sandbox.servicenow.errors import acl_exception, not_authorised
from deskmind.sandbox.servicenow.store import Row, Store
from deskmind.sandbox.servicenow.users import User

__all__ = ["Access"]

_ADMIN_READS = {
    "sys_audit": ("itil_admin",),
    "sys_audit_delete": ("itil_admin",),
    "sys_journal_field": ("itil",),
    "sys_script": (),
    "sys_rate_limit_rules": (),
    "sys_user_has_role": ("user_admin", "itil_admin"),
    "user_criteria": ("knowledge_admin", "user_criteria_admin"),
    "kb_uc_can_read_mtom": ("knowledge_admin", "user_criteria_admin"),
    "kb_uc_cannot_read_mtom": ("knowledge_admin", "user_criteria_admin"),
    "sys_properties": (),
    "imp_incident": ("import_set_loader",),
}
_ITIL_READS = (
    "cmdb_ci",
    "task_sla",
    "contract_sla",
    "cmdb_rel_ci",
    "problem",
    "change_request",
    "label_entry",
)
_WRITES = {
    "task": ("itil",),
    "sys_attachment": (),
    "kb_knowledge": ("knowledge", "knowledge_admin"),
    "cmdb_ci": ("asset", "itil_admin"),
    "imp_incident": ("import_set_loader",),
    "kb_knowledge_base": ("knowledge_admin",),
    "user_criteria": ("knowledge_admin", "user_criteria_admin"),
    "kb_uc_can_read_mtom": ("knowledge_admin", "user_criteria_admin"),
    "kb_uc_cannot_read_mtom": ("knowledge_admin", "user_criteria_admin"),
}
_CONFIDENTIAL = {
    ("Security", "Endpoint"),
    ("Human resources", "Payroll"),
    ("Joiners, movers and leavers", "Leaver"),
}
_OWN = ("caller_id", "opened_by", "requested_for", "requested_by")
_PRIVATE = {"sys_user": ("user_password",)}


class Access:
    """Decides for one instance."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._schema = store.schema
        self.criteria = Criteria(store)

    def read_table(self, user: User, table: str) -> None:
        """Raises `Refused` (403) if `user` may read nothing of `table`."""
        for name in self._schema.ancestors(table):
            if name in _ADMIN_READS and not user.has(*_ADMIN_READS[name]):
                raise not_authorised()
            if name in _ITIL_READS and not user.has("itil"):
                raise not_authorised()

    def before_query(self, user: User, table: str) -> Callable[[Row], bool] | None:
        """What is added to every query of this user; None if nothing is."""
        if user.has("itil") or not self._schema.is_a(table, "task"):
            return None
        return lambda row: self._own(user, table, row)

    def sees(self, user: User, table: str, row: Row) -> bool:
        """Whether the row's access control lets `user` read it."""
        if user.has() or (table not in _RULED and not self._schema.is_a(table, "task")):
            return True
        if table == "kb_knowledge":
            return self.criteria.may_read(user, row)
        if table == "kb_knowledge_base":
            return self.criteria.may_open(user, row[self._schema[table].place("sys_id")])
        if table == "sys_journal_field":
            return self._sees_entry(user, row)
        if table == "sys_attachment":
            return self._sees_attachment(user, row)
        return not self._confidential(table, row) or self._concerned(user, table, row)

    def hidden_fields(self, user: User, table: str) -> tuple[str, ...]:
        """Fields that are shown as empty."""
        return _PRIVATE.get(table, ()) if table in _PRIVATE else () if user.has("itil") else ("work_notes",)

    def sees_work_notes(self, user: User) -> bool:
        """Whether `user` reads and writes work notes."""
        return user.has("itil")

    def check_create(self, user: User, table: str) -> None:
        """Raises `Refused` (403) if `user` may not create in `table`."""
        if table == "incident" or self._writes(user, table):
            return
        raise acl_exception("Insert")

    def check_write(self, user: User, table: str, row: Row) -> None:
        """Raises `Refused` (403) if `user` may not change a row that he sees."""
        if self._writes(user, table):
            closed = self._store.read(table, row, "active") == "false" and table == "incident"
            if not closed or user.has() or self._store.read(table, row, "state") == "6":
                return
        elif table == "incident" and self._own(user, table, row):
            return
        raise acl_exception("Update")

    def check_delete(self, user: User, table: str) -> None:
        """Raises `Refused` (403) if `user` may not delete in `table`."""
        if not user.has() and table != "sys_attachment":
            raise acl_exception("Delete")

    def _writes(self, user: User, table: str) -> bool:
        roles = [_WRITES[name] for name in self._schema.ancestors(table) if name in _WRITES]
        return user.has(*roles[0]) if roles else user.has()

    def _own(self, user: User, table: str, row: Row) -> bool:
        name = self._store.class_of(table, row).name
        if any(self._store.read(name, row, column) == user.sys_id for column in _OWN):
            return True
        return user.sys_id in self._store.read(name, row, "watch_list").split(",")

    def _confidential(self, table: str, row: Row) -> bool:
        name = self._store.class_of(table, row).name
        read = self._store.read
        return (read(name, row, "category"), read(name, row, "subcategory")) in _CONFIDENTIAL

    def _concerned(self, user: User, table: str, row: Row) -> bool:
        return self._store.read(table, row, "assignment_group") in user.groups or self._own(user, table, row)

    def _sees_entry(self, user: User, row: Row) -> bool:
        read = self._store.read
        return self._sees_named(
            user, read("sys_journal_field", row, "name"), read("sys_journal_field", row, "element_id")
        )

    def _sees_attachment(self, user: User, row: Row) -> bool:
        read = self._store.read
        return self._sees_named(
            user, read("sys_attachment", row, "table_name"), read("sys_attachment", row, "table_sys_id")
        )

    def _sees_named(self, user: User, table: str, sys_id: str) -> bool:
        found = self._store.find(table, sys_id) if table in self._schema else None
        if found is None:
            return False
        rule = self.before_query(user, found[0])
        return (rule is None or rule(found[1])) and self.sees(user, found[0], found[1])


_RULED = ("kb_knowledge", "kb_knowledge_base", "sys_journal_field", "sys_attachment")
