"""The default model: says the last user message back, so that its answer follows from the request alone."""

from __future__ import annotations

import itertools
import json
import re

from deskmind.sandbox.models.call import Call, Tool
from deskmind.sandbox.models.reply import Reply, ToolCall
from deskmind.sandbox.models.schema import fill

_LENGTH = re.compile(r"-(\d+)$")


def echo(call: Call) -> Reply:
    """The answer to `call`.

    A tool that must be called, or that the last user message names, is called with arguments that fit its
    schema; after a tool's result there is text. A JSON schema is filled with the message's words. Else the
    answer is these words; a model name that ends in a number (`echo-50`) makes it that many words.
    """
    words = call.last_user.split() or ["ok"]
    if tools := _called(call):
        return Reply(tool_calls=tuple(ToolCall(tool.name, fill(tool.schema, words)) for tool in tools))
    if call.schema is not None:
        return Reply(text=json.dumps(fill(call.schema, words), ensure_ascii=False))
    if call.any_json:
        return Reply(text=json.dumps({"answer": " ".join(words)}, ensure_ascii=False))
    if call.model.startswith("echo-") and (length := _LENGTH.search(call.model)):
        return Reply(text=" ".join(itertools.islice(itertools.cycle(words), int(length[1]) or 1)))
    return Reply(text=" ".join(words))


def _called(call: Call) -> list[Tool]:
    if not call.tools or call.choose == "none":
        return []
    if call.choose == "any":
        return [call.tools[0]]
    if call.choose != "auto":
        return [tool for tool in call.tools if tool.name == call.choose]
    if call.after_tool:
        return []
    return [tool for tool in call.tools if tool.name in call.last_user]
