"""Evidence under ``/v1/evidence``: a tenant's bundles and the keys that sign them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_evidence"]


class BundleRequest(Body):
    """Which bundle."""

    about: Literal["soc2", "article30"]
    since: datetime = Field(description="the period's beginning, with a time zone")
    until: datetime | None = Field(None, description="its end, which is not in it; now when left out")
    dated: datetime | None = Field(None, description="the bundle's date, to make one again")


class EvidenceKeyList(BaseModel):
    """Public keys, oldest first."""

    keys: list[str]


def add_evidence(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["evidence"]

    @routes.post(
        "/evidence/bundles",
        operation_id="makeEvidence",
        tags=tags,
        summary="A signed bundle of evidence, as a ZIP file",
        response_class=Response,
        responses={
            200: {"content": {"application/zip": {}}, "description": "the bundle"},
            422: {"model": Problem, "description": "the period is none, or not over"},
        },
    )
    async def make_evidence(body: BundleRequest, desk: Desk = asker) -> Response:
        made = await desk.evidence.make(body.about, body.since, body.until, dated=body.dated)
        headers = {"Content-Disposition": f'attachment; filename="{made.file}"'}
        return Response(made.content, media_type="application/zip", headers=headers)

    @routes.get(
        "/evidence/keys", operation_id="listEvidenceKeys", tags=tags, summary="The keys that sign bundles"
    )
    async def list_keys(desk: Desk = asker) -> EvidenceKeyList:
        return EvidenceKeyList(keys=[str(key) for key in await desk.evidence.public_keys()])
