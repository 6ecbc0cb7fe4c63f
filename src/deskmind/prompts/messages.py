"""A message: the unit that templates render, conversations keep and a context window fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Message", "Role"]

Role = Literal["system", "user", "assistant", "tool_call", "tool_result"]
"""Who speaks. ``tool_call`` is the model asking for a tool, ``tool_result`` what came back."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something said.

    Attributes:
        role: who speaks.
        content: the text; the arguments as JSON for a ``tool_call``.
        call_id: ties a ``tool_result`` to its ``tool_call``; empty for other roles.
        tool: the tool's name; empty for other roles.
    """

    role: Role
    content: str
    call_id: str = ""
    tool: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; without the fields that are empty."""
        fields = {"role": self.role, "content": self.content}
        if self.call_id:
            fields["call_id"] = self.call_id
        if self.tool:
            fields["tool"] = self.tool
        return fields
