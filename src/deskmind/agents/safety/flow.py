"""The rules of information flow: which tool may be given what, and whose eyes a written text may meet.

They hold whatever the model, the policy or an approver says. Who may read what a run has read is known from the results that
are written down, so the rules hold across workers too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.agents.safety.disguises import unveiled
from deskmind.agents.safety.readers import access_lists, covers, open_to_all
from deskmind.agents.tool import Preview, Tool
from deskmind.governance.redaction import EntityType
from deskmind.scope import Scope

if TYPE_CHECKING:
    from deskmind.agents.room import AgentRoom

__all__ = ["SECRETS", "Flow"]

SECRETS = frozenset({EntityType.SECRET, EntityType.PASSWORD})
_ADDRESSES = frozenset({EntityType.URL, EntityType.HOST})
"""Where a request goes is the allow-list's matter; what an address carries is looked at part by part."""
_ADDRESS_MARKS = re.compile(r"[/?&=#:]+")
_PUBLIC = frozenset({"requesters", "outside"})


class Flow:
    """The rules for runs of one scope; ``read`` is the access lists of what a run has read."""

    def __init__(self, scope: Scope, room: AgentRoom) -> None:
        self._scope = scope
        self._room = room

    async def of_arguments(self, tool: Tool, arguments: Mapping[str, Any], read: Set[UUID]) -> str | None:
        """Why a tool may not be given these arguments; None where it may."""
        if tool.audience not in _PUBLIC:
            return None
        found = await self._found(json.dumps(arguments, ensure_ascii=False, default=str))
        if found & SECRETS:
            return "Personal data or secrets may not be given to this tool."
        if tool.audience == "outside" and found and "personal" not in tool.receives:
            return "Personal data or secrets may not be given to this tool."
        if (
            tool.audience == "outside"
            and "restricted" not in tool.receives
            and not await self._seen_by(None, read)
        ):
            return "What not everybody may see was read; after that nothing goes outside by this tool."
        return None

    async def of_preview(self, tool: Tool, preview: Preview, read: Set[UUID]) -> str | None:
        """Why those who would read a write may not; None where they may see all that the run has read."""
        if tool.effect == "read" or tool.audience in ("agent", "outside"):
            return None
        if preview.readers is None and tool.audience == "technicians":
            return None  # who decides for the tenant sees all of it anyway
        if await self._seen_by(preview.readers, read):
            return None
        return (
            "Who will read this may not see all that was read before. Write it where only those read it who may, such as in an"
            " internal comment, or do without."
        )

    async def _found(self, text: str) -> set[EntityType]:
        redactor = await self._room.tenant_redactor(self._scope.tenant_id)
        versions = [version for one in unveiled(text) for version in (one, _ADDRESS_MARKS.sub(" ", one))]
        return {one.type for version in versions for one in redactor.find(version)} - _ADDRESSES

    async def _seen_by(self, readers: UUID | None, read: Set[UUID]) -> bool:
        """Whether those whom a list lets in, or everybody, may see all that was read."""
        if not read:
            return True
        operator = Scope.operator(self._scope.tenant_id, self._scope.tenant, "agents")
        async with self._room.database.transaction(operator) as connection:
            known = await access_lists(connection, operator, {*read, *([readers] if readers else [])})
        if any(one not in known for one in read):
            return False  # of the run's user alone
        if readers is None:
            return all(open_to_all(known[one]) for one in read)
        return readers in known and all(covers(known[one], known[readers]) for one in read)
