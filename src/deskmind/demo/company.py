"""The fictional company: its documents, users and questions, and taking them into a tenant."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskmind.errors import ConflictError
from deskmind.knowledge.ingest import IngestReport, StagedFile

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.desk import Desk
    from deskmind.sandbox.company import Company as SandboxCompany

__all__ = ["Company", "add_technicians", "load_company", "prepare"]

_GROUPS = re.compile(r"^groups: \[(.*)\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Company:
    """What the demonstration needs to know of the company."""

    name: str
    tenant: str
    users: tuple[tuple[str, str, tuple[str, ...]], ...]
    question: str
    askers: tuple[str, str]
    hidden_document: str
    unanswerable: str
    incident_question: str


def load_company() -> Company:
    """Read the shipped description."""
    facts: dict[str, Any] = json.loads(_corpus().joinpath("demo.json").read_text("utf-8"))
    showcase = facts["showcase"]
    return Company(
        name=facts["company"],
        tenant=facts["tenant"],
        users=tuple((user["name"], user["display_name"], tuple(user["groups"])) for user in facts["users"]),
        question=showcase["question"],
        askers=(showcase["users"][0], showcase["users"][1]),
        hidden_document=showcase["hidden_document"],
        unanswerable=facts["unanswerable"][0],
        incident_question=showcase["incident"],
    )


async def prepare(
    app: Deskmind, company: Company, *, on_progress: Callable[[IngestReport], None] | None = None
) -> Desk:
    """The tenant with users and documents; what is there already is left alone.

    Returns:
        The operator's desk.
    """
    with contextlib.suppress(ConflictError):
        await app.tenants.create(company.tenant, name=company.name)
    desk = await app.desk(tenant=company.tenant)
    known = {user.name for user in await desk.principals.users()}
    for name, display_name, groups in company.users:
        if name not in known:
            await desk.principals.add_user(name, display_name=display_name, groups=groups)
    for groups, files in _documents().items():
        report = await desk.knowledge.add_files(files, groups=groups, source="demo")
        if on_progress is not None:
            on_progress(report)
    return desk


async def add_technicians(desk: Desk, company: SandboxCompany) -> tuple[tuple[str, str], bool]:
    """Two technicians of the connected systems as the tenant's users, and whether one of them is new."""
    first, second, *_ = (one for one in company.people if one.active and one.role == "agent")
    known = {user.name for user in await desk.principals.users()}
    for one in (first, second):
        if one.key not in known:
            await desk.principals.add_user(one.key, display_name=one.name)
            await desk.access.grant("technician", user=one.key)
    return (first.key, second.key), not {first.key, second.key} <= known


def _documents() -> dict[tuple[str, ...], list[StagedFile]]:
    """The shipped files by the groups that may see them."""
    found: dict[tuple[str, ...], list[StagedFile]] = {}
    for folder in ("articles", "runbooks"):
        for file in sorted(_corpus().joinpath(folder).iterdir(), key=lambda item: item.name):
            text = file.read_text("utf-8")
            named = _GROUPS.search(text[:1000])
            groups = tuple(sorted(name.strip() for name in named[1].split(","))) if named else ()
            name = f"demo/{folder}/{file.name}"
            link = file.resolve().as_uri() if isinstance(file, Path) else name
            found.setdefault(groups, []).append(StagedFile(name, link, file.name, text.encode()))
    return found


def _corpus() -> Any:
    return resources.files("deskmind.demo") / "corpus"
