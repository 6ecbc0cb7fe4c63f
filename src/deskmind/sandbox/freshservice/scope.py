"""What an agent may see: its ticket scope, restricted groups, and solution folders."""

from __future__ import annotations

from deskmind.sandbox.freshservice.account import Account, Row


class Scope:
    """One agent's sight. `entire_helpdesk`, `member_groups` and `assigned_items` are the vendor's words."""

    def __init__(self, account: Account, agent: Row) -> None:
        self._account = account
        self.agent = agent
        self.id = int(agent["id"])
        self.groups = frozenset(agent["group_ids"])
        roles: list[Row] = agent["roles"]
        self.breadth = str(roles[0]["assignment_scope"]) if roles else "assigned_items"

    @property
    def admin(self) -> bool:
        """Whether the agent administers the account."""
        return bool(self.agent["role_ids"]) and self.agent["role_ids"][0] == ADMIN_ROLE

    def sees(self, ticket: Row) -> bool:
        """A ticket, problem or change."""
        if self.admin or self.id in (
            ticket.get("responder_id"),
            ticket.get("agent_id"),
            ticket.get("requester_id"),
        ):
            return True
        if self.breadth == "assigned_items":
            return False
        group = self._account.table("groups").get(ticket.get("group_id") or 0)
        if group is not None and group["id"] in self.groups:
            return True
        if group is not None and group["restricted"]:
            return False
        return self.breadth == "entire_helpdesk"

    def opens(self, folder: Row) -> bool:
        """A solution folder; agents read everything but what is kept for other groups of agents."""
        if self.admin or folder["visibility"] != VISIBLE_TO_GROUPS:
            return True
        return bool(self.groups & set(folder["group_ids"]))


ADMIN_ROLE, AGENT_ROLE = 21_000_049_414, 21_000_049_417
VISIBLE_TO_ALL, VISIBLE_TO_USERS, VISIBLE_TO_AGENTS = 1, 2, 3
VISIBLE_TO_DEPARTMENTS, VISIBLE_TO_GROUPS, VISIBLE_TO_REQUESTER_GROUPS = 4, 5, 6
