"""Who may read an article: user criteria of its knowledge base and of its own."""

from __future__ import annotations

from collections.abc import Iterable

from deskmind.sandbox.servicenow.store import Row, Store
from deskmind.sandbox.servicenow.users import User

__all__ = ["Criteria"]

_BYPASS = ("knowledge_admin",)


class Criteria:
    """Evaluates criteria for users.

    A criterion matches a user who is in any of its lists, or, with Match All, in each list that is not empty; one that
    is not active, or has no list at all, matches nobody. *Cannot Read* is stronger than *Can Read*. A knowledge base,
    or an article, without any *Can Read* criterion is read by everybody.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version = -1
        self._can: dict[str, list[str]] = {}
        self._cannot: dict[str, list[str]] = {}
        self._answers: dict[tuple[str, str], bool] = {}

    def may_read(self, user: User, article: Row) -> bool:
        """Whether `user` may read this row of kb_knowledge."""
        read = self._store.read
        base = read("kb_knowledge", article, "kb_knowledge_base")
        if user.has(*_BYPASS) or self._owns(user, base):
            return True
        if read("kb_knowledge", article, "workflow_state") != "published":
            return read("kb_knowledge", article, "author") == user.sys_id
        can = _split(read("kb_knowledge", article, "can_read_user_criteria"))
        cannot = _split(read("kb_knowledge", article, "cannot_read_user_criteria"))
        return self.may_open(user, base) and self._passes(user, can, cannot)

    def may_open(self, user: User, base: str) -> bool:
        """Whether `user` may read in a knowledge base at all."""
        self._refresh()
        if user.has(*_BYPASS) or self._owns(user, base):
            return True
        if self._store.value("kb_knowledge_base", base, "active") != "true":
            return False
        return self._passes(user, self._can.get(base, []), self._cannot.get(base, []))

    def _passes(self, user: User, can: list[str], cannot: list[str]) -> bool:
        if any(self._matches(user, key) for key in cannot):
            return False
        return not can or any(self._matches(user, key) for key in can)

    def _owns(self, user: User, base: str) -> bool:
        value = self._store.value
        if value("kb_knowledge_base", base, "owner") == user.sys_id:
            return True
        return user.sys_id in _split(value("kb_knowledge_base", base, "kb_managers"))

    def _matches(self, user: User, key: str) -> bool:
        self._refresh()
        known = self._answers.get((user.name, key))
        if known is None:
            known = self._answers[user.name, key] = self._evaluated(user, key)
        return known

    def _evaluated(self, user: User, key: str) -> bool:
        found = self._store.find("user_criteria", key)
        if found is None or self._store.read("user_criteria", found[1], "active") != "true":
            return False

        def listed(column: str) -> list[str]:
            return _split(self._store.read("user_criteria", found[1], column))

        roles = {self._store.value("sys_user_role", role, "name") for role in listed("role")}
        kinds: list[tuple[Iterable[str], bool]] = [
            (listed("user"), user.sys_id in listed("user")),
            (listed("group"), not user.groups.isdisjoint(listed("group"))),
            (roles, not user.roles.isdisjoint(roles)),
            (listed("company"), user.company in listed("company")),
            (listed("department"), user.department in listed("department")),
            (listed("location"), user.location in listed("location")),
        ]
        named = [inside for wanted, inside in kinds if wanted]
        every = self._store.read("user_criteria", found[1], "match_all") == "true"
        return bool(named) and (all(named) if every else any(named))

    def _refresh(self) -> None:
        version = sum(self._store.version(table) for table in _TABLES)
        if version == self._version:
            return
        self._version = version
        self._answers.clear()
        self._can = self._pairs("kb_uc_can_read_mtom")
        self._cannot = self._pairs("kb_uc_cannot_read_mtom")

    def _pairs(self, table: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self._store.rows(table):
            base = self._store.read(table, row, "kb_knowledge_base")
            found.setdefault(base, []).append(self._store.read(table, row, "user_criteria"))
        return found


_TABLES = (
    "user_criteria", "kb_uc_can_read_mtom", "kb_uc_cannot_read_mtom", "sys_user", "sys_user_grmember",
    "sys_user_has_role", "kb_knowledge_base",
)  # fmt: skip


def _split(value: str) -> list[str]:
    return [part for part in value.split(",") if part]
