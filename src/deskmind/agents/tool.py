"""A tool: a function that an agent may call, with what it needs, does, and who reads what it writes."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from deskmind.connectors import Change, Outcome
from deskmind.errors import ConfigurationError
from deskmind.governance.access import Permission

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = [
    "TOOL_NAME",
    "Audience",
    "Effect",
    "Preview",
    "Reconcile",
    "Tool",
    "ToolContext",
    "ToolFunction",
    "tool",
]

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What models can call."""

Effect = Literal["read", "propose", "write", "ask"]
"""``read`` changes nothing; ``propose`` is done when a person approved; ``write`` as the policy says; ``ask`` waits for a person."""

Audience = Literal["agent", "technicians", "requesters", "outside"]
"""Who gets to see what the tool is given: the run alone, those who work on tickets, those who ask, or others."""

DataClass = Literal["personal"]
"""What a tool for outside may receive besides plain text."""

ToolFunction = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Preview:
    """A write before it is done.

    Attributes:
        changes: the difference, in the terms of what is changed.
        prepared: how it will be done, as JSON values; the tool gets it back when it was approved.
    """

    changes: tuple[Change, ...]
    prepared: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool is called with besides its arguments.

    Attributes:
        desk: of whose run it is; what the tool does through it is held to that user's rights.
        run_id: the run.
        call_id: the call, unique in the run.
        prepared: of the preview that was approved.
        epoch: of the run: who took it over has a greater one.
        confirm: to be awaited right before something is sent: raises ``LeaseLostError`` where another worker has the run.
    """

    desk: Desk
    run_id: UUID
    call_id: str
    confirm: Callable[[], Awaitable[None]] = field(repr=False)
    prepared: Mapping[str, Any] = field(default_factory=dict[str, Any])
    epoch: int = 0

    @property
    def effect_id(self) -> str:
        """The same for every try of this call, and for no other: an idempotency key."""
        return f"{self.run_id.hex}-{self.call_id}"


PreviewFunction = Callable[[ToolContext, Mapping[str, Any]], Awaitable[Preview]]
Reconcile = Callable[[ToolContext, Mapping[str, Any]], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as agents get it.

    Attributes:
        name: as the model calls it.
        function: a coroutine function; its first parameter is the ``ToolContext``.
        permission: what the user, and an agent in its place, must hold; None where the function's own operations say.
        effect: see ``Effect``.
        audience: see ``Audience``.
        receives: what of the classes of data it may be given although it goes outside.
        cost: US dollars of one call.
        untrusted: whether its results are texts that others wrote.
        preview: what a write would change; without it, its arguments are shown.
        reconcile: whether a write whose outcome is not known was done; without it, a person must see.
    """

    name: str
    function: ToolFunction = field(repr=False)
    permission: Permission | None = None
    effect: Effect = "read"
    audience: Audience = "agent"
    receives: frozenset[DataClass] = frozenset()
    cost: Decimal = Decimal(0)
    untrusted: bool = True
    preview: PreviewFunction | None = field(default=None, repr=False)
    reconcile: Reconcile | None = field(default=None, repr=False)

    @property
    def description(self) -> str:
        """The docstring's first line."""
        return (inspect.getdoc(self.function) or self.name).partition("\n")[0]

    def bare(self) -> ToolFunction:
        """A function of the same name, parameters and docstring without the context: what schemas are made of."""
        hints = typing.get_type_hints(self.function)
        signature = inspect.signature(self.function)
        own: Sequence[inspect.Parameter] = list(signature.parameters.values())[1:]

        async def stand_in(**arguments: Any) -> Any: ...

        stand_in.__name__, stand_in.__doc__ = self.name, self.function.__doc__
        stand_in.__module__ = self.function.__module__
        names = {parameter.name for parameter in own}
        stand_in.__annotations__ = {name: hint for name, hint in hints.items() if name in names}
        shown = [parameter.replace(annotation=hints.get(parameter.name, Any)) for parameter in own]
        vars(stand_in)["__signature__"] = signature.replace(parameters=shown, return_annotation=Any)
        return stand_in


def tool(
    *,
    name: str | None = None,
    permission: Permission | None = None,
    effect: Effect = "read",
    audience: Audience = "agent",
    receives: frozenset[DataClass] = frozenset(),
    cost: Decimal = Decimal(0),
    untrusted: bool = True,
    preview: PreviewFunction | None = None,
    reconcile: Reconcile | None = None,
) -> Callable[[ToolFunction], Tool]:
    """Make a coroutine function a tool; arguments as ``Tool``'s. Its docstring is what the model reads.

    >>> @tool(effect="write", audience="technicians")
    ... async def note(context: ToolContext, ticket: str, text: str) -> str:
    ...     \"\"\"Write a note.\"\"\"
    ...     return "written"
    """

    def made(function: ToolFunction) -> Tool:
        called = name or str(getattr(function, "__name__", ""))
        if not TOOL_NAME.fullmatch(called):
            raise ConfigurationError(
                f"'{called}' cannot be the name of a tool.",
                why="Models call names of 1 to 64 letters, digits, `_` and `-`.",
            )
        if not inspect.iscoroutinefunction(function) or not inspect.signature(function).parameters:
            raise ConfigurationError(
                f"'{called}' cannot be a tool.",
                why="A tool is a coroutine function whose first parameter is the ToolContext.",
            )
        return Tool(
            called, function, permission, effect, audience, receives, cost, untrusted, preview, reconcile
        )

    return made
