"""One's own conversations under ``/v1``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from deskmind.api.cursors import Before, cursor_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.prompts import Message
from deskmind.prompts.conversations import Conversation, ConversationSummary

__all__ = ["add_conversations"]

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such conversation"}}
_Id = Annotated[UUID, Path()]


class NewTurn(Body):
    """A turn to keep."""

    role: Literal["user", "assistant", "tool_call", "tool_result"]
    content: str
    call_id: str = Field("", description="ties a tool's result to its call")
    tool: str = ""

    def message(self) -> Message:
        """The SDK's message."""
        return Message(self.role, self.content, self.call_id, self.tool)


class TurnBody(BaseModel):
    """A turn."""

    position: int
    role: str
    content: str
    call_id: str = ""
    tool: str = ""
    created_at: datetime


class ConversationSummaryBody(BaseModel):
    """A conversation in a list."""

    conversation_id: UUID
    title: str
    summary: str
    summarised_through: int = Field(description="position of the last turn that the summary stands for")
    turn_count: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, about: ConversationSummary) -> ConversationSummaryBody:
        """From the SDK's summary."""
        return cls.model_validate(about.as_dict())


class ConversationBody(ConversationSummaryBody):
    """A conversation with its turns."""

    turns: list[TurnBody]

    @classmethod
    def of_conversation(cls, found: Conversation) -> ConversationBody:
        """From the SDK's conversation."""
        return cls.model_validate(found.as_dict())


class ConversationList(BaseModel):
    """One page, the last changed first; ``next`` continues it."""

    conversations: list[ConversationSummaryBody]
    next: str | None = None


class CreateConversation(Body):
    """A conversation to begin."""

    title: str = ""
    turns: list[NewTurn] = Field(default_factory=list[NewTurn], max_length=1000)
    expires_at: datetime | None = None


class AppendTurns(Body):
    """Turns to add, together or not at all."""

    turns: list[NewTurn] = Field(min_length=1, max_length=1000)


class RenameConversation(Body):
    """Another title."""

    title: str


def add_conversations(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["conversations"]

    @routes.get(
        "/conversations",
        operation_id="listConversations",
        tags=tags,
        summary="List one's own conversations, the last changed first",
    )
    async def list_conversations(
        desk: Desk = asker,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Before = None,
    ) -> ConversationList:
        found = await desk.conversations.list(limit=limit, before=place_of(before))
        return ConversationList(
            conversations=[ConversationSummaryBody.of(item) for item in found],
            next=cursor_of(found[-1].place) if len(found) == limit else None,
        )

    @routes.post(
        "/conversations",
        operation_id="createConversation",
        tags=tags,
        status_code=201,
        summary="Begin a conversation",
    )
    async def create(body: CreateConversation, desk: Desk = asker) -> ConversationBody:
        found = await desk.conversations.create(
            body.title, messages=[turn.message() for turn in body.turns], expires_at=body.expires_at
        )
        return ConversationBody.of_conversation(found)

    @routes.get(
        "/conversations/{conversation_id}",
        operation_id="getConversation",
        tags=tags,
        summary="Read a conversation of one's own",
        responses=_NOT_FOUND,
    )
    async def get(conversation_id: _Id, desk: Desk = asker) -> ConversationBody:
        return ConversationBody.of_conversation(await desk.conversations.get(conversation_id))

    @routes.patch(
        "/conversations/{conversation_id}",
        operation_id="renameConversation",
        tags=tags,
        summary="Give a conversation another title",
        responses=_NOT_FOUND,
    )
    async def rename(
        conversation_id: _Id, body: RenameConversation, desk: Desk = asker
    ) -> ConversationSummaryBody:
        return ConversationSummaryBody.of(await desk.conversations.rename(conversation_id, body.title))

    @routes.post(
        "/conversations/{conversation_id}/turns",
        operation_id="appendTurns",
        tags=tags,
        status_code=201,
        summary="Add turns at the end",
        responses=_NOT_FOUND,
    )
    async def append(conversation_id: _Id, body: AppendTurns, desk: Desk = asker) -> ConversationSummaryBody:
        messages = [turn.message() for turn in body.turns]
        return ConversationSummaryBody.of(await desk.conversations.append(conversation_id, *messages))

    @routes.post(
        "/conversations/{conversation_id}/summary",
        operation_id="summariseConversation",
        tags=tags,
        summary="Let a summary stand for the older turns",
        responses={
            **_NOT_FOUND,
            502: {"model": Problem, "description": "the model's provider refused, or broke off"},
        },
    )
    async def summarise(
        conversation_id: _Id, desk: Desk = asker, keep: Annotated[int, Query(ge=0, le=1000)] = 10
    ) -> ConversationSummaryBody:
        return ConversationSummaryBody.of(await desk.conversations.summarise(conversation_id, keep=keep))

    @routes.delete(
        "/conversations/{conversation_id}",
        operation_id="eraseConversation",
        tags=tags,
        status_code=204,
        summary="Erase a conversation for good",
        responses=_NOT_FOUND,
    )
    async def erase(conversation_id: _Id, desk: Desk = asker) -> Response:
        await desk.conversations.erase(conversation_id)
        return Response(status_code=204)
