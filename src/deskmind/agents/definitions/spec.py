"""An agent as a file: what it is told, what it may use, within which limits."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from deskmind.agents.limits import Limits
from deskmind.agents.memory.memory import KINDS, Audience, Kind
from deskmind.agents.memory.use import Extraction, MemoryUse
from deskmind.agents.run import Definition, ToolCalling
from deskmind.agents.tool import TOOL_NAME
from deskmind.errors import InvalidRequestError, PromptError
from deskmind.prompts.files import read_yaml, write_yaml

__all__ = ["AgentSpec", "spec_from_file", "spec_from_values", "spec_to_file"]

_RESERVED = frozenset({"runs"})
_MOST_INSTRUCTIONS = 100_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitsSpec(_Part):
    """Bounds of one run; see ``Limits``."""

    steps: int = Field(20, ge=1, le=1_000)
    tool_calls: int = Field(40, ge=0, le=10_000)
    tokens: int = Field(200_000, ge=1)
    usd: Decimal = Field(Decimal(1), ge=0)
    seconds: float = Field(600.0, gt=0)
    reply_tokens: int | None = Field(None, ge=1)


class MemorySpec(_Part):
    """How it uses memory; see ``MemoryUse``."""

    tokens: int = Field(800, ge=0, le=100_000)
    kinds: tuple[Kind, ...] = KINDS
    least: float = Field(0.15, ge=0, le=1)
    extract: Extraction = "rules"
    audience: Audience = "user"
    group: str = Field("", max_length=200)


class AgentSpec(_Part):
    """An agent as it is stored. Immutable; equal content has an equal hash.

    Attributes:
        name: of the agent: a-z, 0-9, ``_``, ``.`` and ``-``, a letter first.
        description: for people.
        instructions: for the model; or ``prompt``, the name of a stored prompt without variables.
        model: the configured name.
        tools: names, known to whoever runs it.
        limits: of one run.
        memory: None: it has none.
        output: JSON schema of an object; None for text.
        tool_calling: ``schema`` for a model without tool calling.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,79}$")
    description: str = Field("", max_length=500)
    instructions: str = Field("", max_length=_MOST_INSTRUCTIONS)
    prompt: str = Field("", pattern=r"^([a-z][a-z0-9_.-]{0,79})?$")
    model: str = Field(min_length=1, max_length=200)
    tools: tuple[str, ...] = ()
    limits: LimitsSpec = LimitsSpec()  # pyright: ignore[reportCallIssue]
    memory: MemorySpec | None = None
    output: dict[str, Any] | None = None
    tool_calling: Literal["native", "schema"] = "native"

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in _RESERVED:
            raise ValueError("the name is a word of the API")
        return value

    @field_validator("tools")
    @classmethod
    def _tool_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value) or any(not TOOL_NAME.fullmatch(one) for one in value):
            raise ValueError("tools are names, each once")
        return value

    @model_validator(mode="after")
    def _told_once(self) -> Self:
        if bool(self.instructions.strip()) == bool(self.prompt):
            raise ValueError("give either instructions or the name of a prompt")
        if self.output is not None and self.output.get("type") != "object":
            raise ValueError("the output is a JSON schema whose type is object")
        return self

    @property
    def content(self) -> str:
        """What is kept: JSON of what differs from the defaults, keys in order."""
        return json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, without what is as by default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def definition(self, instructions: str, version: int) -> Definition:
        """The agent of a run, with its instructions, from the prompt where it names one."""
        calling: ToolCalling = self.tool_calling
        use = MemoryUse(**self.memory.model_dump()) if self.memory is not None else None
        limits = Limits(**self.limits.model_dump())
        return Definition(
            self.name, instructions, self.model, self.tools, limits, self.output, calling, use, version
        )


def spec_from_file(text: str, *, source: str = "the file") -> AgentSpec:
    """The agent that a file of YAML or JSON describes.

    Raises:
        InvalidRequestError: it does not describe one.
    """
    try:
        return spec_from_values(read_yaml(text, source=source), source=source)
    except PromptError as error:
        raise InvalidRequestError(error.what, why=error.why, remedy=error.remedy) from None


def spec_from_values(values: Any, *, source: str = "the agent") -> AgentSpec:
    """The same from values of JSON."""
    if not isinstance(values, dict):
        raise InvalidRequestError(
            f"{source} does not describe an agent.", remedy="It has a name and a model."
        )
    try:
        return AgentSpec.model_validate(values)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidRequestError(
            f"{source} does not describe an agent.", why="; ".join(problems)[:1000], remedy="Correct it."
        ) from None


def spec_to_file(spec: AgentSpec) -> str:
    """As the text of a YAML file."""
    return write_yaml(spec.as_dict())
