"""What the integration user must be able to read and write, and whether it can.

A table that may not be read answers 403, or 200 with rows held back: then the count in the header exceeds what comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from deskmind.connectors.core.client import Client
from deskmind.connectors.protocol import Right
from deskmind.connectors.servicenow.onlooker import unfit
from deskmind.connectors.servicenow.tables import result
from deskmind.errors import NotFoundError, SourcePermissionError, SourceRequestError

__all__ = ["onlooking", "rights"]

_TABLES: tuple[tuple[str, str], ...] = (
    ("sys_journal_field", "comments and work notes"),
    ("sys_user", "requesters, technicians, and who may see what"),
    ("sys_user_group", "assignment groups"),
    ("sys_user_grmember", "memberships of groups"),
    ("sys_user_role", "roles in user criteria"),
    ("sys_user_has_role", "who has which role"),
    ("kb_knowledge", "knowledge articles"),
    ("kb_knowledge_base", "knowledge bases"),
    ("user_criteria", "who may read articles: without it nobody may"),
    ("kb_uc_can_read_mtom", "who may read knowledge bases: without it nobody may"),
    ("kb_uc_cannot_read_mtom", "who may not read knowledge bases: without it nobody may"),
    ("core_company", "organisations"),
    ("cmn_department", "departments"),
    ("cmdb_ci", "configuration items"),
    ("cmdb_ci_service", "services"),
    ("sc_cat_item", "catalog items"),
    ("sys_audit_delete", "deletions at once; without it they are found by sweeps"),
)
_WRITES = ("write on tickets", "comments, updates, assignments and transitions")


async def rights(client: Client, tables: Sequence[str]) -> list[Right]:
    """Each right, with whether it is there."""
    asked = [(table, f"tickets of {table}") for table in tables] + list(_TABLES)
    found = [await _readable(client, table, needed_for) for table, needed_for in asked]
    files = await _answers(client, "/api/now/attachment")
    found.append(
        Right(
            "read attachments",
            "files of tickets and articles",
            files,
            "" if files else "Grant the attachment API.",
        )
    )
    found.append(
        Right(
            _WRITES[0],
            _WRITES[1],
            None,
            "Found out by the first write: roles itil, and knowledge to publish.",
        )
    )
    return found


async def onlooking(client: Client, login: str, readers: Sequence[str]) -> Right:
    """Whether there is a user whose sight can stand for everybody's with a reader role."""
    why = (await unfit(client, login, readers))[1] if login else "There is none."
    remedy = f"{why} Give a user with one of the roles {', '.join(readers)} and nothing else; see the page."
    needed_for = "technicians' sight of tickets that are not assigned to their groups"
    granted = not why if login else None  # it is a choice to have none
    return Right("a plain onlooker", needed_for, granted, remedy if why else "")


async def _readable(client: Client, table: str, needed_for: str) -> Right:
    granted = await _answers(client, f"/api/now/table/{quote(table)}")
    remedy = "" if granted else f"Grant read on {table}, rows and fields, to a role of the integration user."
    return Right(f"read {table}", needed_for, granted, remedy)


async def _answers(client: Client, path: str) -> bool:
    try:
        answer = await client.request("GET", path, query={"sysparm_limit": 1})
    except (SourcePermissionError, NotFoundError, SourceRequestError):
        return False
    total = answer.headers.get("X-Total-Count", "")
    return bool(result(answer)) or not total.isdigit() or int(total) == 0
