"""Cases as they stand in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from deskmind.errors import InvalidRequestError

__all__ = [
    "Attached",
    "Case",
    "CaseFile",
    "Expected",
    "Given",
    "GivenArticle",
    "GivenTicket",
    "Judge",
    "load_cases",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Attached(_Part):
    """A file on a ticket."""

    name: str
    text: str


class GivenTicket(_Part):
    """A ticket that is there before the run; ``caller`` is ``requester`` or ``other``."""

    title: str
    description: str = ""
    caller: Literal["requester", "other"] = "requester"
    comments: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    attachment: Attached | None = None


class GivenArticle(_Part):
    """A document of the knowledge base, for everybody, or for ``technicians``, the ``other`` user, or another ``tenant`` alone."""

    title: str
    text: str
    readers: Literal["everyone", "technicians", "other", "tenant"] = "everyone"


class Given(_Part):
    """The world before the run.

    Attributes:
        memories: what the tool ``recall`` gives.
        page: what the tool ``fetch_status`` gives.
        untrusted: text that comes with the prompt.
    """

    tickets: dict[str, GivenTicket] = Field(default_factory=dict)
    articles: tuple[GivenArticle, ...] = ()
    memories: tuple[str, ...] = ()
    page: str = ""
    untrusted: str = ""


class Judge(_Part):
    """A model that judges the answer.

    Attributes:
        rubric: what a good answer is.
        model: the configured name; ``scripted`` is the model of the cases, which goes on with its script.
        threshold: the least score that passes, 0 to 1.
    """

    rubric: str = Field(min_length=1, max_length=8000)
    model: str = Field(min_length=1)
    threshold: float = Field(0.7, ge=0, le=1)


class Expected(_Part):
    """What must have come of the run; what is not named is not looked at.

    Attributes:
        tools: that were called and answered, in this order.
        refused: tools of which a call was refused.
        unused: tools that no call was answered of.
        proposals: how many approvals the run asked for.
        output: parts of the answer.
        tickets: by name, fields of the ticket and what they hold; ``comments`` and ``internal`` hold parts of texts.
        created: parts of the titles of tickets that were created.
        mails, hooks: parts of what was sent.
        effects: ``none`` where nothing may have been written, sent or run.
        tried: whether the model must have called something that was refused, failed or proposed: an attack that was none proves nothing.
        confined: texts that neither a public comment, nor a mail, nor anybody outside may have got.
        secret: texts that neither the model's provider, nor the user, nor anybody outside may have got.
        most_usd: that it may have cost.
        judge: models that must find the answer good; one that is not configured is skipped, and the result says so.
    """

    state: Literal["done", "waiting", "failed"] | None = None
    tools: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    proposals: int | None = None
    output: tuple[str, ...] = ()
    tickets: dict[str, dict[str, str]] = Field(default_factory=dict)
    created: tuple[str, ...] = ()
    mails: tuple[str, ...] | None = None
    hooks: tuple[str, ...] | None = None
    effects: Literal["none"] | None = None
    tried: bool = False
    confined: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    most_usd: float | None = None
    judge: tuple[Judge, ...] = ()

    @field_validator("judge", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, Mapping) else given  # pyright: ignore[reportUnknownVariableType]


class Case(_Part):
    """One case.

    Attributes:
        model: what the scripted model says, one after the other: a text, or ``{tool: {arguments}}``.
        obeys: the model does what any text it reads tells it to, instead.
        approver: what another technician does with what is proposed; ``edit`` are values by the tool's parameters.
        checks: of the agent's output.
    """

    name: str = Field(min_length=1)
    prompt: str
    instructions: str = "Help with tickets."
    tools: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    given: Given = Given()
    model: tuple[str | dict[str, dict[str, Any]], ...] = ()
    obeys: bool = False
    tool_calling: Literal["native", "schema"] = "native"
    approver: Literal["approve", "reject", "absent"] = "approve"
    edit: dict[str, Any] = Field(default_factory=dict)
    expect: Expected = Expected()

    @model_validator(mode="before")
    @classmethod
    def _one_call_each(cls, values: Any) -> Any:
        for said in values.get("model", ()) if isinstance(values, dict) else ():  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            if isinstance(said, Mapping) and len(said) != 1:  # pyright: ignore[reportUnknownArgumentType]
                raise ValueError("a reply that calls a tool names one")
        return values  # pyright: ignore[reportUnknownVariableType]


class CaseFile(_Part):
    """A file of cases.

    Attributes:
        settings: ``[agents]`` while they run.
        shared: joined with what each case is given, where it does not say otherwise, and its tools and expectations.
    """

    about: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    shared: dict[str, Any] = Field(default_factory=dict)
    cases: tuple[Case, ...]

    @model_validator(mode="before")
    @classmethod
    def _joined(cls, values: Any) -> Any:
        shared = values.get("shared", {})
        return {**values, "cases": [_under(shared, one) for one in values.get("cases", ())]}


def load_cases(path: Path) -> CaseFile:
    """The cases of a YAML file.

    Raises:
        InvalidRequestError: it is not of the form.
    """
    try:
        read = yaml.safe_load(path.read_text("utf-8"))
        if not isinstance(read, dict):
            raise InvalidRequestError(f"{path.name} holds no cases.", remedy="See docs/evaluation.md.")
        found = CaseFile.model_validate(read)
    except yaml.YAMLError as error:
        raise InvalidRequestError(f"{path.name} is no YAML.", why=str(error)[:300]) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"])
        raise InvalidRequestError(f"{path.name} has a mistake at {place}.", why=first["msg"]) from error
    if double := _double([one.name for one in found.cases]):
        raise InvalidRequestError(f"{path.name} has two cases '{double}'.", remedy="Give each its name.")
    return found


def _under(shared: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """A case over what is shared: objects are joined, everything else is the case's."""
    joined: dict[str, Any] = {**shared}
    for name, value in case.items():
        below = joined.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        joined[name] = _under(below, value) if both else value  # pyright: ignore[reportUnknownArgumentType, reportArgumentType]
    return joined


def _double(names: Sequence[str]) -> str | None:
    return next((name for index, name in enumerate(names) if name in names[:index]), None)
