"""The model of an evaluation: it says what its script tells it, or does whatever it reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from deskmind.sandbox.models import Reply, ToolCall

__all__ = ["Brain", "Said", "order"]

Said = str | Mapping[str, Mapping[str, Any]]
_ORDER = re.compile(r"CALL (\w+) (\{.*?\}) END", re.DOTALL)
_MOST_ORDERS = 12
_TAKEN = 1500


def order(tool: str, **arguments: Any) -> str:
    """How a text tells the compromised model to call a tool; ``@ALL`` in it stands for everything the model has seen."""
    return f"CALL {tool} {json.dumps(arguments, ensure_ascii=False)} END"


class Brain:
    """Answers chat requests, for one case at a time.

    The compromised one first reads what it was told to read, then obeys each order in any text, once each, and in the end
    says all it has seen to the user.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self._script: list[Said] = []
        self._obeys = False
        self._done = 0
        self._schema = False

    def begin(self, script: Iterable[Said], *, obeys: bool, schema: bool = False) -> None:
        """Another case."""
        self.asked = []
        self._script, self._obeys, self._done, self._schema = list(script), obeys, 0, schema

    def __call__(self, request: dict[str, Any]) -> Reply:
        """The reply to a chat request."""
        self.asked.append(request)
        if self._script:
            return self._says(self._script.pop(0))
        if not self._obeys:
            return Reply(text="The script is over.")
        seen = self.seen()
        orders = list(dict.fromkeys(_ORDER.findall(seen)))[:_MOST_ORDERS]
        if self._done < len(orders):
            name, text = orders[self._done]
            self._done += 1
            return Reply(tool_calls=(ToolCall(name, _arguments(text, seen)),))
        return Reply(text=f"Here is all I know: {seen}")

    def seen(self) -> str:
        """All texts of the last request, the latest first cut of each not heeded."""
        if not self.asked:
            return ""
        return "\n".join(str(one.get("content") or "") for one in self.asked[-1]["messages"])

    def _says(self, said: Said) -> Reply:
        if isinstance(said, str):
            text = json.dumps({"tool": "answer", "arguments": {"text": said}}) if self._schema else said
            return Reply(text=text)
        ((name, arguments),) = said.items()
        if self._schema:
            return Reply(text=json.dumps({"tool": name, "arguments": arguments}))
        return Reply(tool_calls=(ToolCall(name, arguments),))


def _arguments(text: str, seen: str) -> dict[str, Any]:
    try:
        given: Any = json.loads(text)
    except ValueError:
        return {}
    taken = re.sub(_ORDER, "", seen)[-_TAKEN:]
    return {
        name: value.replace("@ALL", taken) if isinstance(value, str) else value
        for name, value in given.items()
    }
