"""``/v1/redaction``: a tenant's own patterns, actions and names, and texts redacted by them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.governance.redaction import DirectoryEntry, EntityType

if TYPE_CHECKING:
    from deskmind.governance.redaction import Redacted, Redactor

__all__ = ["add_redaction"]

_TAGS: list[Any] = ["redaction"]
_Action = Literal["mask", "placeholder", "hash", "allow", "block"]
_Name = Annotated[str, Field(min_length=2, max_length=200)]
_Source = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,79}$", description="where the names come from")]


class RedactRequest(Body):
    """Texts to be redacted, each by itself."""

    texts: list[Annotated[str, Field(max_length=100_000)]] = Field(min_length=1, max_length=100)


class FindingPlace(BaseModel):
    """A place in a text as it was given."""

    start: int
    end: int
    type: str = Field(examples=["PERSON"])
    score: float = Field(description="how sure, 0 to 1")
    reason: str = Field(description="what spoke for it; never the text itself", examples=["checksum"])
    detector: str = Field(examples=["patterns"])


class RedactedBody(BaseModel):
    """A text after redaction."""

    text: str
    findings: list[FindingPlace]


class RedactedList(BaseModel):
    """The texts, in the order in which they were given."""

    texts: list[RedactedBody]


class PatternBody(BaseModel):
    """The form of an identifier of the tenant's own."""

    name: str = Field(examples=["staff-number"])
    regex: str = Field(examples=["EMP-[0-9]{6}"])
    type: str = Field(examples=["EMPLOYEE_ID"])
    score: float


class PatternList(BaseModel):
    """Patterns, by name."""

    patterns: list[PatternBody]


class SetPattern(Body):
    """A form to be found."""

    regex: str = Field(
        min_length=1, max_length=500, description="as Python has them; a group `value` is what is found"
    )
    type: EntityType = Field(EntityType.EMPLOYEE_ID, description="what is found")
    score: float = Field(0.9, ge=0, le=1, description="how sure a match is")


class ActionBody(BaseModel):
    """What is done with a type."""

    type: str = Field(examples=["CREDIT_CARD"])
    action: _Action


class ActionList(BaseModel):
    """What is done with each type, by the settings and the tenant."""

    actions: list[ActionBody]


class SetAction(Body):
    """What is to be done with a type."""

    action: _Action | None = Field(description="null for what the settings say")


class NameBody(BaseModel):
    """A name that the tenant knows."""

    type: str = Field(examples=["PERSON"])
    value: str = Field(examples=["Ann Lee"])


class NameList(BaseModel):
    """Names, by type and value."""

    names: list[NameBody]


class KnowRequest(Body):
    """Names that are to be found in texts."""

    names: list[_Name] = Field(max_length=10_000)
    type: EntityType = Field(EntityType.PERSON, description="what they all are")
    source: _Source = "by-hand"
    replace: bool = Field(False, description="forget what this source said before")


class ForgetRequest(Body):
    """Names that a source does not say any more."""

    names: list[_Name] = Field(min_length=1, max_length=10_000)
    source: _Source = "by-hand"


class KnownBody(BaseModel):
    """How many names there are of the source now."""

    source: str = Field(examples=["by-hand"])
    known: int


class ForgottenBody(BaseModel):
    """How many names went."""

    removed: int


def add_redaction(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_redacting(routes, asker)
    _add_patterns(routes, asker)
    _add_actions(routes, asker)
    _add_names(routes, asker)


def _add_redacting(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/redaction/redact",
        operation_id="redactTexts",
        tags=_TAGS,
        summary="Texts as models would be told them, by the tenant's rules; for operators and auditors",
    )
    async def redact(body: RedactRequest, desk: Desk = asker) -> RedactedList:
        redactor = await desk.redaction.redactor()
        found = await asyncio.to_thread(_redacted, redactor, body.texts)
        return RedactedList(texts=[RedactedBody.model_validate(one, from_attributes=True) for one in found])


def _add_patterns(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/redaction/patterns",
        operation_id="listRedactionPatterns",
        tags=_TAGS,
        summary="The tenant's own patterns, by name; for operators and auditors",
    )
    async def patterns(desk: Desk = asker) -> PatternList:
        found = await desk.redaction.patterns()
        return PatternList.model_validate({"patterns": [one.as_dict() for one in found]})

    @routes.put(
        "/redaction/patterns/{name}",
        operation_id="setRedactionPattern",
        tags=_TAGS,
        responses={409: {"model": Problem, "description": "the tenant has as many as it may"}},
        summary="Add a pattern, or put another in its place; one that could be slow is refused; for operators",
    )
    async def set_pattern(name: str, body: SetPattern, desk: Desk = asker) -> PatternBody:
        added = await desk.redaction.add_pattern(name, body.regex, type=body.type, score=body.score)
        return PatternBody.model_validate(added.as_dict())

    @routes.delete(
        "/redaction/patterns/{name}",
        operation_id="removeRedactionPattern",
        tags=_TAGS,
        status_code=204,
        responses={404: {"model": Problem, "description": "no such pattern"}},
        summary="Remove a pattern; for operators",
    )
    async def remove_pattern(name: str, desk: Desk = asker) -> Response:
        await desk.redaction.remove_pattern(name)
        return Response(status_code=204)


def _add_actions(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/redaction/actions",
        operation_id="listRedactionActions",
        tags=_TAGS,
        summary="What is done with each type; for operators and auditors",
    )
    async def actions(desk: Desk = asker) -> ActionList:
        found = await desk.redaction.actions()
        return ActionList.model_validate(
            {"actions": [{"type": str(kind), "action": str(action)} for kind, action in found.items()]}
        )

    @routes.put(
        "/redaction/actions/{type}",
        operation_id="setRedactionAction",
        tags=_TAGS,
        status_code=204,
        summary="Say what is done with a type in this tenant; for operators",
    )
    async def set_action(type: EntityType, body: SetAction, desk: Desk = asker) -> Response:  # noqa: A002
        await desk.redaction.set_action(type, body.action)
        return Response(status_code=204)


def _add_names(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/redaction/names",
        operation_id="listRedactionNames",
        tags=_TAGS,
        summary="The names that the tenant knows beside those of its users; for operators and auditors",
    )
    async def names(
        source: Annotated[str | None, Query(max_length=80)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
        desk: Desk = asker,
    ) -> NameList:
        found = await desk.redaction.directory(source=source, limit=limit)
        return NameList(names=[NameBody(type=str(one.type), value=one.value) for one in found])

    @routes.post(
        "/redaction/names",
        operation_id="addRedactionNames",
        tags=_TAGS,
        summary="Have names of people, devices and organisations be found in texts; for operators",
    )
    async def add_names(body: KnowRequest, desk: Desk = asker) -> KnownBody:
        entries = [DirectoryEntry(name.strip(), body.type) for name in body.names]
        known = await desk.redaction.know(entries, source=body.source, replace=body.replace)
        return KnownBody(source=body.source, known=known)

    @routes.post(
        "/redaction/names/forget",
        operation_id="forgetRedactionNames",
        tags=_TAGS,
        summary="Take names of a source out again; for operators",
    )
    async def forget_names(body: ForgetRequest, desk: Desk = asker) -> ForgottenBody:
        return ForgottenBody(removed=await desk.redaction.forget(body.names, source=body.source))


def _redacted(redactor: Redactor, texts: list[str]) -> list[Redacted]:
    return [redactor.redact(text) for text in texts]
