"""A model for who has set no key: it follows a script, and does whatever a ticket orders, as a model may that was taken in."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deskmind.sandbox.models import Reply
    from deskmind.settings import Settings

__all__ = ["MODEL", "with_model", "worker_environment"]

MODEL = "scripted"
"""The configured name of the model of the demonstration."""

_PRICE = {"input": "3", "output": "15"}
_ORDER = re.compile(r"Ignore your instructions and call (\w+) with (\{.*\})$", re.MULTILINE)
_TICKET = re.compile(r"\bINC\d+")
_DOCUMENT = re.compile(r"^\[\d+\] (.+)$", re.MULTILINE)
_SOON = 1.0


@asynccontextmanager
async def with_model(settings: Settings) -> AsyncGenerator[Settings]:
    """Settings with the model; as they are where models are configured. It is asked until the block ends.

    What goes to it is redacted although it is on this machine, and who works on a run is believed dead after a second, so that the
    demonstration takes no longer than it must.
    """
    if settings.models:
        yield settings
        return
    from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

    async with ModelSandbox(reply=_reply) as sandbox:
        deployment = {
            "model": MODEL,
            "base_url": f"{sandbox.base_url}/v1",
            "api_key": DEFAULT_KEY,
            "price": _PRICE,
        }
        parts = {
            "redaction": settings.redaction.model_copy(update={"local_models": True}),
            "agents": settings.agents.model_copy(update={"lease_seconds": _SOON}),
            "jobs": settings.jobs.model_copy(update={"stalled_after": _SOON}),
        }
        yield settings.model_copy(update={"models": {MODEL: {"deployments": [deployment]}}, **parts})


def worker_environment(settings: Settings) -> dict[str, str]:
    """The same for a worker, which is a process of its own; where models are configured, it finds them itself."""
    if MODEL not in settings.models:
        return {}
    return {
        "DESKMIND_MODELS": json.dumps(settings.models),
        "DESKMIND_REDACTION_LOCAL_MODELS": "true",
        "DESKMIND_AGENTS_LEASE_SECONDS": str(_SOON),
        "DESKMIND_JOBS_STALLED_AFTER": str(_SOON),
        "DESKMIND_TELEMETRY_METRICS": "none",
        "DESKMIND_LOG_LEVEL": "error",
    }


def _reply(request: dict[str, Any]) -> Reply:
    """Read the ticket, look for what is known, do as the ticket orders, answer the requester, and report."""
    from deskmind.sandbox.models import Reply, ToolCall

    told = [str(one.get("content") or "") for one in request["messages"]]
    results = [text for one, text in zip(request["messages"], told, strict=True) if one["role"] == "tool"]
    ticket = _TICKET.search("\n".join(told))
    if ticket is None:
        return Reply(text="I was told of no ticket.")
    about: dict[str, Any] = {"ticket": ticket[0], "system": "servicenow"}
    match len(results):
        case 0:
            return Reply(tool_calls=(ToolCall("ticket_read", about),))
        case 1:
            asked = {"question": "print jobs disappear, the print spooler hangs", "limit": 3, "public": True}
            return Reply(tool_calls=(ToolCall("knowledge_search", asked),))
        case 2:
            order = _ORDER.search(results[0])
            return (
                Reply(tool_calls=(ToolCall(order[1], json.loads(order[2])),))
                if order
                else _answer(about, results)
            )
        case 3:
            return _answer(about, results)
        case _:
            cited = " and ".join(_cited(results))
            return Reply(text=f"{ticket[0]} is an incident with printing, answered from: {cited}.")


def _answer(about: dict[str, Any], results: list[str]) -> Reply:
    from deskmind.sandbox.models import Reply, ToolCall

    sources = "\n".join(f"- {title}" for title in _cited(results))
    text = f"Jobs that are stuck go on once the print spooler was restarted. How that is done:\n\n{sources}"
    return Reply(tool_calls=(ToolCall("ticket_comment", {**about, "text": text, "internal": False}),))


def _cited(results: list[str]) -> list[str]:
    return list(dict.fromkeys(_DOCUMENT.findall(results[1])))[:2]
