"""Prompts under ``/v1``."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.prompts import Message, PromptTemplate
from deskmind.prompts.store import PromptSummary
from deskmind.prompts.versions import LabelMove, PromptVersion

__all__ = ["MessageBody", "add_prompts"]

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such prompt"}}
_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "changed meanwhile"}}

_PromptName = Annotated[str, Path(min_length=1, max_length=80)]
_LabelName = Annotated[str, Path(min_length=1, max_length=80)]
_Version = Annotated[int | None, Query(ge=0, description="0 is the prompt that comes with Deskmind")]
_Label = Annotated[str | None, Query(max_length=80, description="production when left out")]


class MessageBody(Body):
    """A message."""

    role: str = Field(examples=["user"])
    content: str
    call_id: str = ""
    tool: str = ""

    @classmethod
    def of(cls, message: Message) -> MessageBody:
        """From the SDK's message."""
        return cls(role=message.role, content=message.content, call_id=message.call_id, tool=message.tool)


class PromptSummaryBody(BaseModel):
    """A prompt in a list."""

    name: str
    description: str
    newest: int = Field(description="0 when the tenant has no version of its own")
    labels: dict[str, int]
    shared: bool

    @classmethod
    def of(cls, summary: PromptSummary) -> PromptSummaryBody:
        """From the SDK's summary."""
        return cls.model_validate(summary.as_dict())


class PromptList(BaseModel):
    """Every prompt, by name."""

    prompts: list[PromptSummaryBody]


class PromptBody(BaseModel):
    """A version of a prompt."""

    name: str
    version: int
    labels: list[str]
    content_hash: str
    note: str
    author: str
    created_at: datetime | None
    prompt: dict[str, Any] = Field(description="name, description, variables, messages")

    @classmethod
    def of(cls, version: PromptVersion) -> PromptBody:
        """From the SDK's version."""
        return cls.model_validate(version.as_dict())


class PromptVersions(BaseModel):
    """Every version, newest first."""

    versions: list[PromptBody]


class SavePrompt(Body):
    """A prompt to save, as an object or as the text of a YAML file."""

    prompt: dict[str, Any] | None = None
    file: str | None = None
    note: str = ""
    label: str | None = None


class MoveLabel(Body):
    """Where a label goes."""

    version: int = Field(ge=0)


class LabelMoveBody(BaseModel):
    """A move of a label."""

    label: str
    position: int
    version: int
    rollback: bool
    moved_by: str
    moved_at: datetime

    @classmethod
    def of(cls, move: LabelMove) -> LabelMoveBody:
        """From the SDK's move."""
        return cls.model_validate(move.as_dict())


class LabelHistory(BaseModel):
    """The moves of a label, newest first."""

    moves: list[LabelMoveBody]


class RenderRequest(Body):
    """What to fill in."""

    values: dict[str, Any] = Field(default_factory=dict[str, Any])
    version: int | None = Field(None, ge=0)
    label: str | None = None


class RenderedMessages(BaseModel):
    """A prompt with its variables filled in."""

    messages: list[MessageBody]


class TextBody(BaseModel):
    """A text."""

    text: str


def add_prompts(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""

    @routes.get("/prompts", operation_id="listPrompts", tags=["prompts"], summary="List prompts")
    async def list_prompts(desk: Desk = asker) -> PromptList:
        return PromptList(prompts=[PromptSummaryBody.of(item) for item in await desk.prompts.list()])

    @routes.post(
        "/prompts",
        operation_id="savePrompt",
        tags=["prompts"],
        status_code=201,
        summary="Save a version; content that is there already gets no second one",
        responses=_CONFLICT,
    )
    async def save_prompt(body: SavePrompt, desk: Desk = asker) -> PromptBody:
        if body.file is not None and body.prompt is None:
            return PromptBody.of(await desk.prompts.import_(body.file, note=body.note, label=body.label))
        template = await asyncio.to_thread(PromptTemplate.from_dict, body.prompt or {})
        return PromptBody.of(await desk.prompts.save(template, note=body.note, label=body.label))

    @routes.get(
        "/prompts/{name}",
        operation_id="getPrompt",
        tags=["prompts"],
        summary="Read a version",
        responses=_NOT_FOUND,
    )
    async def get_prompt(
        name: _PromptName, desk: Desk = asker, version: _Version = None, label: _Label = None
    ) -> PromptBody:
        return PromptBody.of(await desk.prompts.get(name, version=version, label=label))

    @routes.get(
        "/prompts/{name}/versions",
        operation_id="listPromptVersions",
        tags=["prompts"],
        summary="List the versions of a prompt",
        responses=_NOT_FOUND,
    )
    async def list_versions(name: _PromptName, desk: Desk = asker) -> PromptVersions:
        return PromptVersions(versions=[PromptBody.of(item) for item in await desk.prompts.versions(name)])

    @routes.get(
        "/prompts/{name}/file",
        operation_id="exportPrompt",
        tags=["prompts"],
        summary="A version as a YAML file",
        responses=_NOT_FOUND,
    )
    async def export_prompt(
        name: _PromptName, desk: Desk = asker, version: _Version = None, label: _Label = None
    ) -> TextBody:
        return TextBody(text=await desk.prompts.export(name, version=version, label=label))

    @routes.get(
        "/prompts/{name}/diff",
        operation_id="diffPrompt",
        tags=["prompts"],
        summary="What changed between two versions, given by number or label",
        responses=_NOT_FOUND,
    )
    async def diff_prompt(
        name: _PromptName,
        old: Annotated[str, Query(max_length=80)],
        new: Annotated[str, Query(max_length=80)],
        desk: Desk = asker,
    ) -> TextBody:
        return TextBody(text=await desk.prompts.diff(name, _reference(old), _reference(new)))

    @routes.post(
        "/prompts/{name}/render",
        operation_id="renderPrompt",
        tags=["prompts"],
        summary="Fill in the variables",
        responses=_NOT_FOUND,
    )
    async def render_prompt(name: _PromptName, body: RenderRequest, desk: Desk = asker) -> RenderedMessages:
        messages = await desk.prompts.render(name, body.values, version=body.version, label=body.label)
        return RenderedMessages(messages=[MessageBody.of(message) for message in messages])

    @routes.get(
        "/prompts/{name}/labels/{label}",
        operation_id="getPromptLabel",
        tags=["prompts"],
        summary="Where a label has been",
    )
    async def label_history(name: _PromptName, label: _LabelName, desk: Desk = asker) -> LabelHistory:
        moves = await desk.prompts.history(name, label)
        return LabelHistory(moves=[LabelMoveBody.of(move) for move in moves])

    @routes.put(
        "/prompts/{name}/labels/{label}",
        operation_id="movePromptLabel",
        tags=["prompts"],
        summary="Point a label at a version",
        responses={**_NOT_FOUND, **_CONFLICT},
    )
    async def move_label(
        name: _PromptName, label: _LabelName, body: MoveLabel, desk: Desk = asker
    ) -> LabelMoveBody:
        return LabelMoveBody.of(await desk.prompts.label(name, label, body.version))

    @routes.post(
        "/prompts/{name}/labels/{label}/rollback",
        operation_id="rollbackPromptLabel",
        tags=["prompts"],
        summary="Point a label at where it was before",
        responses={**_NOT_FOUND, **_CONFLICT},
    )
    async def rollback(name: _PromptName, label: _LabelName, desk: Desk = asker) -> LabelMoveBody:
        return LabelMoveBody.of(await desk.prompts.rollback(name, label))


def _reference(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
