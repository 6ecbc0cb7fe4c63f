"""What is remembered, under ``/v1/memories``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from deskmind.agents.memory import Draft
from deskmind.agents.memory.memory import KINDS
from deskmind.api.cursors import Before, Next, next_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_memories"]

KindName = Literal["episodic", "semantic", "procedural"]
AudienceName = Literal["user", "group", "tenant"]
Text = Annotated[str, Field(min_length=1, max_length=4000)]


class MemoryBody(BaseModel):
    """A memory."""

    memory_id: UUID
    kind: KindName
    audience: AudienceName
    text: str
    subject: str = Field(description="what it is about; of two about the same the newer counts")
    trust: Literal["trusted", "untrusted"] = Field(description="untrusted: others' text went into it")
    origin: Literal["person", "prompt", "output", "untrusted", "tool"]
    source: str = Field(description="name of the agent or the tool")
    run_id: UUID | None
    step: int | None
    importance: float
    pinned: bool
    uses: int
    made_at: datetime
    used_at: datetime
    superseded_by: UUID | None
    superseded_at: datetime | None = Field(description="null while it counts")


class MemoryList(BaseModel):
    """Memories, newest first."""

    memories: list[MemoryBody]
    next: Next


class MemoryHistory(BaseModel):
    """A memory and what it superseded."""

    memories: list[MemoryBody]


class ScoredBody(MemoryBody):
    """A memory and how much it counts."""

    relevance: float
    recency: float
    score: float = Field(description="relevance × recency × importance")


class RecalledBody(BaseModel):
    """What is remembered about a question."""

    text: str = Field(description="as an agent gets it")
    tokens: int
    tainted: bool = Field(description="whether others' text is in it")
    memories: list[ScoredBody]


class MemoryRequest(Body):
    """Something to be remembered."""

    text: Text
    kind: KindName = "semantic"
    subject: str = Field("", max_length=120)
    importance: float = Field(0.5, ge=0, le=1)
    audience: AudienceName = "user"
    group: str = Field("", max_length=200)
    pinned: bool = False


class CorrectRequest(Body):
    """A correction, a pin, or both."""

    text: Text | None = None
    pinned: bool | None = None


class RecallRequest(Body):
    """A question."""

    question: str = Field(min_length=1, max_length=4000)
    tokens: int = Field(800, ge=0, le=100_000)
    kinds: list[KindName] | None = Field(None, max_length=3)


def add_memories(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_reading(routes, asker)
    _add_writing(routes, asker)


_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such memory"}}
_TAGS: list[Any] = ["memories"]


def _add_reading(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/memories",
        operation_id="listMemories",
        tags=_TAGS,
        summary="One's own memories, those of one's groups and of the tenant, newest first",
    )
    async def memories(
        kind: KindName | None = None,
        audience: AudienceName | None = None,
        history: Annotated[bool, Query(description="those that were superseded, too")] = False,
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
        before: Before = None,
        desk: Desk = asker,
    ) -> MemoryList:
        found = await desk.memories.list(
            kind=kind, audience=audience, history=history, limit=limit, before=place_of(before)
        )
        return MemoryList.model_validate(
            {"memories": [one.as_dict() for one in found], "next": next_of(found, limit)}
        )

    @routes.get(
        "/memories/{memory_id:uuid}",
        operation_id="getMemory",
        tags=_TAGS,
        responses=_MISSING,
        summary="A memory with its history; the one that counts is first",
    )
    async def memory(memory_id: UUID, desk: Desk = asker) -> MemoryHistory:
        found = await desk.memories.show(memory_id)
        return MemoryHistory.model_validate({"memories": [one.as_dict() for one in found]})

    @routes.post(
        "/memories/recall",
        operation_id="recallMemories",
        tags=_TAGS,
        summary="What is remembered about a question, within a budget of tokens",
    )
    async def recall(body: RecallRequest, desk: Desk = asker) -> RecalledBody:
        kinds = body.kinds if body.kinds is not None else KINDS
        found = await desk.memories.recall(body.question, tokens=body.tokens, kinds=kinds)
        return RecalledBody.model_validate(
            {
                "text": found.text,
                "tokens": found.tokens,
                "tainted": found.tainted,
                "memories": [one.as_dict() for one in found.memories],
            }
        )


def _add_writing(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/memories", operation_id="addMemory", tags=_TAGS, status_code=201, summary="Remember something"
    )
    async def add(body: MemoryRequest, desk: Desk = asker) -> MemoryBody:
        draft = Draft(body.text, body.kind, body.subject, body.importance)
        made = await desk.memories.add(draft, audience=body.audience, group=body.group, pinned=body.pinned)
        return MemoryBody.model_validate(made.as_dict())

    @routes.patch(
        "/memories/{memory_id:uuid}",
        operation_id="correctMemory",
        tags=_TAGS,
        responses={**_MISSING, 409: {"model": Problem, "description": "a newer one has superseded it"}},
        summary="Say what is right, or pin it; the text so far stays in the history",
    )
    async def correct(memory_id: UUID, body: CorrectRequest, desk: Desk = asker) -> MemoryBody:
        counts = memory_id
        if body.text is not None:
            counts = (await desk.memories.correct(memory_id, body.text)).memory_id
        if body.pinned is not None:
            await desk.memories.pin(counts, pinned=body.pinned)
        found = await desk.memories.show(counts)
        return MemoryBody.model_validate(next(one.as_dict() for one in found if one.memory_id == counts))

    @routes.delete(
        "/memories/{memory_id:uuid}",
        operation_id="forgetMemory",
        tags=_TAGS,
        status_code=204,
        responses=_MISSING,
        summary="Remove a memory with its history, for good",
    )
    async def forget(memory_id: UUID, desk: Desk = asker) -> Response:
        await desk.memories.forget(memory_id)
        return Response(status_code=204)
