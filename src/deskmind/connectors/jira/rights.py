"""What the integration user must be able to do, and whether it can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskmind.connectors.core.client import Client
from deskmind.connectors.protocol import Right
from deskmind.errors import NotFoundError, SourcePermissionError, SourceRequestError

__all__ = ["rights"]

_PERMISSIONS: tuple[tuple[str, str, str], ...] = (
    ("BROWSE_PROJECTS", "read issues", "Grant Browse Projects in the permission scheme of each project."),
    ("USER_PICKER", "read users and groups", "Grant Browse users and groups in the global permissions."),
    ("ADD_COMMENTS", "comment", "Grant Add Comments."),
    ("EDIT_ISSUES", "update fields", "Grant Edit Issues."),
    ("ASSIGN_ISSUES", "assign", "Grant Assign Issues."),
    ("TRANSITION_ISSUES", "transition", "Grant Transition Issues."),
    ("CREATE_ISSUES", "create issues", "Grant Create Issues."),
    ("CREATE_ATTACHMENTS", "attach files", "Grant Create Attachments."),
    (
        "ADMINISTER_PROJECTS",
        "read roles and schemes: without it only named people see issues",
        "Grant Administer Projects.",
    ),
    (
        "ADMINISTER",
        "read who is in security levels: without it nobody sees issues that have one",
        "Grant Administer Jira in the global permissions.",
    ),
)
_LISTS: tuple[tuple[str, str, str], ...] = (
    ("/rest/api/3/group/bulk", "read groups and their members", "Grant Browse users and groups."),
    (
        "/rest/servicedeskapi/organization",
        "read customer organisations",
        "Make the user an agent of the service desks.",
    ),
    (
        "/rest/servicedeskapi/servicedesk",
        "read request types",
        "Make the user an agent of the service desks.",
    ),
)


async def rights(client: Client, wiki: str) -> Sequence[Right]:
    """Each right, with whether it is there."""
    held = await _held(client, [name for name, _, _ in _PERMISSIONS])
    found = [_right(name, why, remedy, held.get(name)) for name, why, remedy in _PERMISSIONS]
    for path, why, remedy in _LISTS:
        found.append(await _listed(client, path, why, remedy))
    if wiki:
        path, why = f"{wiki}/rest/api/content/search?cql=type%3Dpage&limit=1", "read knowledge in Confluence"
        found.append(await _listed(client, path, why, "Grant the user access to Confluence and its spaces."))
    return found


async def _held(client: Client, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """What is said of each permission; one name that a site does not know spoils the whole question, so then one by one."""
    try:
        answer = await client.get("/rest/api/3/mypermissions", {"permissions": ",".join(names)})
    except SourceRequestError:
        if len(names) == 1:
            return {}
        parts = [await _held(client, [name]) for name in names]
        return {name: held for part in parts for name, held in part.items()}
    return cast("Mapping[str, Mapping[str, Any]]", cast("Mapping[str, Any]", answer).get("permissions") or {})


def _right(name: str, why: str, remedy: str, held: Mapping[str, Any] | None) -> Right:
    granted = None if held is None else bool(held.get("havePermission"))
    return Right(name, why, granted, "" if granted else remedy)


async def _listed(client: Client, path: str, why: str, remedy: str) -> Right:
    try:
        await client.get(path)
    except (SourcePermissionError, NotFoundError, SourceRequestError):
        return Right(f"read {path.split('?', maxsplit=1)[0]}", why, False, remedy)
    return Right(f"read {path.split('?', maxsplit=1)[0]}", why, True)
