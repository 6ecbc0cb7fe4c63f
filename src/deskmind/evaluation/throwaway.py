"""A tenant that lives as long as an evaluation."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from deskmind.errors import InvalidRequestError, TenantNotFoundError
from deskmind.observability import logger

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.desk import Desk
    from deskmind.evaluation.corpus import CorpusDocument

__all__ = ["sweep_leftovers", "throw_away_desk"]

_log = logger("deskmind.evaluation")
_NAME = re.compile(r"eval-[0-9a-f]{12}")
_MARK = "throw-away evaluation"
_LONGEST_EVALUATION = timedelta(hours=6)


@asynccontextmanager
async def throw_away_desk(app: Deskmind, documents: Sequence[CorpusDocument]) -> AsyncGenerator[Desk]:
    """The operator's desk of a new tenant with the documents; the tenant is erased afterwards, interrupted or not.

    Raises:
        InvalidRequestError: a document cannot be read.
    """
    await sweep_leftovers(app)
    tenant = f"eval-{uuid4().hex[:12]}"
    await app.tenants.create(tenant, name=_MARK)
    try:
        desk = await app.desk(tenant=tenant)
        await _take_in(desk, documents)
        yield desk
    finally:
        await app.tenants.delete(tenant)


async def sweep_leftovers(app: Deskmind, *, older_than: timedelta = _LONGEST_EVALUATION) -> list[str]:
    """Erase the tenants of evaluations that were killed: those begun longer ago than any runs. Gives their names."""
    swept: list[str] = []
    begun_before = datetime.now(UTC) - older_than
    for tenant in await app.tenants.all():
        ours = tenant.name == _MARK and _NAME.fullmatch(tenant.slug)
        if not ours or tenant.created_at >= begun_before:
            continue
        try:
            await app.tenants.delete(tenant.slug)
        except TenantNotFoundError:  # another evaluation swept it meanwhile
            continue
        swept.append(tenant.slug)
        _log.info("evaluation.swept", tenant=tenant.slug)
    return swept


async def _take_in(desk: Desk, documents: Sequence[CorpusDocument]) -> None:
    from deskmind.knowledge.ingest.staging import StagedFile

    files = [StagedFile(item.key, item.key, item.name, item.content) for item in documents]
    report = await desk.knowledge.add_files(files, source="evaluation")
    if report.failures:
        problem = report.failures[0]
        raise InvalidRequestError(
            f"{len(report.failures)} document(s) of the corpus cannot be read, such as '{problem.uri}'.",
            why=str((problem.problem or {}).get("detail", "")),
        )
