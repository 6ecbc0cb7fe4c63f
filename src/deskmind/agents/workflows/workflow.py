"""A workflow: a coroutine function whose steps are recorded, under a name and a version."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from deskmind.errors import ConfigurationError, InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from deskmind.agents.workflows.flow import Flow

__all__ = ["Catalogue", "Workflow", "workflow"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_MOST_INPUT = 100_000

WorkflowFunction = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow as it is registered.

    Attributes:
        name: a-z, 0-9 and ``-``.
        function: a coroutine function; its first parameter is the ``Flow``, the others are the input.
        version: a run ends under the version it began with.
    """

    name: str
    function: WorkflowFunction = field(repr=False)
    version: int = 1

    @property
    def description(self) -> str:
        """The docstring's first line."""
        return (inspect.getdoc(self.function) or self.name).partition("\n")[0]

    @property
    def input_schema(self) -> dict[str, Any]:
        """JSON schema of the input."""
        schema: dict[str, Any] = self._input_model().model_json_schema()
        return schema

    def parsed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The input as the function takes it.

        Raises:
            InvalidRequestError: a value is missing, unknown or of the wrong type.
        """
        from pydantic import ValidationError

        model = self._input_model()
        try:
            found: Any = model.model_validate(dict(given))
        except ValidationError as error:
            wrong = sorted({".".join(str(part) for part in one["loc"]) for one in error.errors()})
            raise InvalidRequestError(
                f"The input does not fit the workflow '{self.name}'.",
                why=f"Missing, unknown or of the wrong type: {', '.join(wrong)[:300]}.",
                remedy=f"`deskmind workflows show {self.name}` describes its input.",
            ) from error
        fields = cast("Mapping[str, Any]", model.model_fields)
        return {name: getattr(found, name) for name in fields}

    def stored(self, given: Mapping[str, Any]) -> str:
        """The input as JSON text, checked.

        Raises:
            InvalidRequestError: it does not fit, is too long, or JSON cannot hold it.
        """
        from pydantic_core import PydanticSerializationError, to_json

        try:
            text = to_json(self.parsed(given)).decode()
        except PydanticSerializationError as error:
            raise InvalidRequestError(
                f"The input of the workflow '{self.name}' cannot be stored.",
                why="It contains what JSON in UTF-8 cannot hold, such as half of a surrogate pair.",
                remedy="Remove it.",
            ) from error
        if len(text) > _MOST_INPUT:
            raise InvalidRequestError(
                "The input is too long.", why=f"It may have {_MOST_INPUT:,} characters."
            )
        return text

    async def run(self, flow: Flow, text: str) -> Any:
        """Call the function with a stored input."""
        from pydantic_core import from_json

        return await self.function(flow, **self.parsed(from_json(text)))

    def _input_model(self) -> Any:
        from pydantic import ConfigDict, create_model

        hints = typing.get_type_hints(self.function, include_extras=True)
        own = list(inspect.signature(self.function).parameters.values())[1:]
        fields: dict[str, Any] = {
            one.name: (
                hints.get(one.name, Any),
                ... if one.default is inspect.Parameter.empty else one.default,
            )
            for one in own
        }
        return create_model(
            f"{self.name}-input", __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields
        )


def workflow(name: str, *, version: int = 1) -> Callable[[WorkflowFunction], Workflow]:
    """Make a coroutine function a workflow.

    >>> @workflow("greet")
    ... async def greet(flow: Flow, whom: str) -> str:
    ...     \"\"\"Greet somebody.\"\"\"
    ...     return await flow.step("greet", greeting, whom)
    """

    def made(function: WorkflowFunction) -> Workflow:
        if not _NAME.fullmatch(name) or version < 1:
            raise ConfigurationError(
                f"'{name[:80]}' cannot be a workflow.",
                why="A name has 1 to 63 characters of a-z, 0-9 and '-', starting with a letter; versions count from 1.",
            )
        if not inspect.iscoroutinefunction(function) or not inspect.signature(function).parameters:
            raise ConfigurationError(
                f"'{name}' cannot be a workflow.",
                why="A workflow is a coroutine function whose first parameter is the Flow.",
            )
        return Workflow(name, function, version)

    return made


class Catalogue:
    """The workflows that a process knows, each in all its versions."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Workflow]] = {}

    def add(self, one: Workflow) -> None:
        """Make a workflow known.

        Raises:
            ConfigurationError: another one has its name and version.
        """
        versions = self._known.setdefault(one.name, {})
        if versions.setdefault(one.version, one) is not one:
            raise ConfigurationError(
                f"There is a workflow '{one.name}' of version {one.version} already.",
                remedy="Give another version, and keep the old one until its runs have ended.",
            )

    def newest(self, name: str) -> Workflow:
        """The newest version, with which runs begin.

        Raises:
            NotFoundError: there is none of this name.
        """
        if name not in self._known:
            raise NotFoundError(
                f"There is no workflow '{name[:80]}'.",
                why=f"There are: {', '.join(sorted(self._known))}.",
                remedy="Register it with app.register_workflow, in the workers too.",
            )
        return self._known[name][max(self._known[name])]

    def find(self, name: str, version: int) -> Workflow | None:
        """One version; None where this process does not know it."""
        return self._known.get(name, {}).get(version)

    def all(self) -> list[Workflow]:
        """The newest versions, by name."""
        return [self.newest(name) for name in sorted(self._known)]
