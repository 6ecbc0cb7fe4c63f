"""The tools that change connected systems, or let pass what agents want to change. A person is asked where one can be."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from deskmind.api.agents import ProposalBody
from deskmind.api.connectors import ConnectorBody
from deskmind.api.mcp.call import Call
from deskmind.api.mcp.tool import Arguments, Tool
from deskmind.api.writes import WriteBody, WriteRequest
from deskmind.errors import ConflictError, InvalidRequestError
from deskmind.sync.status import SyncStatus

__all__ = ["CHANGING"]

_MOST_SHOWN = 2_000
_SURE = {
    "type": "object",
    "properties": {
        "sure": {"type": "boolean", "title": "Yes, this is what I want", "default": False},
    },
    "required": ["sure"],
}


class Change(WriteRequest):
    """What is to be changed."""

    connection: str = Field(min_length=1, max_length=100, description="name of the connected system")


class Verdict(Arguments):
    """What to decide on."""

    proposal_id: UUID


class Reading(Arguments):
    """What to read."""

    connection: str = Field(min_length=1, max_length=100, description="name of the connected system")
    full: bool = Field(False, description="everything anew instead of what has changed")
    wait: bool = Field(False, description="until it is done, which may take minutes")


async def _propose(call: Call, given: Change) -> BaseModel:
    call.check_known()
    if call.can_ask:
        await _confirmed(
            call,
            f"Propose to {given.act} {given.target or 'a new record'} in {given.connection}?"
            f" A technician decides whether it is sent.\n\n{_shown(given.values)}",
            given.model_dump_json(),
        )
    found = await call.desk.writes.propose(given.connection, given.act, given.target, given.values)
    await call.tell("notice", {"proposed": str(found.write_id)})
    return WriteBody.model_validate(found.as_dict())


async def _decide(call: Call, given: Verdict) -> BaseModel:
    proposal = await call.desk.approvals.show(given.proposal_id)
    if proposal.state != "open":
        raise ConflictError(f"The proposal is {proposal.state}.")
    shown = _shown(proposal.changes or proposal.arguments)
    said = await call.ask(
        f"decide-{_digest(f'{proposal.proposal_id} {proposal.revision} {shown}')}",
        f"The agent {proposal.agent} asks: {proposal.tool}. {proposal.reason}\n\n{shown}",
        _verdict_form(proposal.kind),
    )
    answer = said.content or {}
    if said.action != "accept" or answer.get("verdict") not in ("approve", "reject"):
        raise _undecided()
    words, seen = str(answer.get("answer") or ""), proposal.revision
    if answer["verdict"] == "approve":
        decided = await call.desk.approvals.approve(given.proposal_id, answer=words, revision=seen)
    else:
        decided = await call.desk.approvals.reject(given.proposal_id, reason=words, revision=seen)
    return ProposalBody.model_validate(decided.as_dict())


async def _sync(call: Call, given: Reading) -> BaseModel:
    async with _following(call) as follow:
        status = await call.desk.sync.run(
            given.connection, full=given.full, wait=given.wait, on_progress=follow
        )
    if status.error:
        await call.tell("warning", {"connection": given.connection, "error": status.error})
    return ConnectorBody.of(status)


@asynccontextmanager
async def _following(call: Call) -> AsyncGenerator[Callable[[SyncStatus], None]]:
    """What is told of a synchronisation becomes progress: records that are in the copy."""
    told: asyncio.Queue[SyncStatus | None] = asyncio.Queue()

    async def pass_on() -> None:
        most = -1
        while (status := await told.get()) is not None:
            records = sum(kind.records for kind in status.kinds)
            if records > most:
                most = records
                await call.progress(records, None, f"{records:,} records, {status.waiting:,} documents wait")

    passing = asyncio.create_task(pass_on())
    try:
        yield told.put_nowait
    finally:
        told.put_nowait(None)
        await passing


async def _confirmed(call: Call, message: str, what: str) -> None:
    said = await call.ask(f"sure-{_digest(what)}", message, _SURE)
    if said.action != "accept" or (said.content or {}).get("sure") is not True:
        raise _undecided()


def _verdict_form(kind: str) -> dict[str, Any]:
    words = "The answer" if kind == "question" else "A note"
    return {
        "type": "object",
        "properties": {
            "verdict": {"type": "string", "title": "Decision", "enum": ["approve", "reject"]},
            "answer": {"type": "string", "title": words, "maxLength": 4000},
        },
        "required": ["verdict"],
    }


def _shown(values: Any) -> str:
    text = json.dumps(values, ensure_ascii=False, indent=1, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}\n… and more"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _undecided() -> InvalidRequestError:
    return InvalidRequestError(
        "The person did not agree, and nothing was done.",
        why="They declined, or did not answer in time.",
        remedy="Do not ask again for the same; say what they declined.",
    )


CHANGING: tuple[Tool[Any], ...] = (
    Tool(
        "propose_change",
        "Propose a change",
        "Propose a change of a ticket or another record of a connected system, as a difference. Nothing is sent: a technician"
        " decides. The user is asked first where the client can; for operators.",
        Change,
        WriteBody,
        _propose,
        writes=True,
        repeats=False,
        outside=True,
        foreign=True,
    ),
    Tool(
        "decide_approval",
        "Decide on a proposal",
        "Put a proposal of an agent, from `list_approvals`, to the user, who approves or rejects it. You decide nothing; it"
        " needs a client that can ask its user.",
        Verdict,
        ProposalBody,
        _decide,
        writes=True,
        destroys=True,
        repeats=False,
        outside=True,
        foreign=True,
    ),
    Tool(
        "run_sync",
        "Read a connected system",
        "Have a connected system read now; for operators. With `wait` it answers when it is done and tells how far it is.",
        Reading,
        ConnectorBody,
        _sync,
        writes=True,
        outside=True,
    ),
)
