"""Memory in a run: recalled before the first call of the model, made of it when it is done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.agents.journal import Journal
from deskmind.agents.marking import marked
from deskmind.agents.memory.extracting import RuleExtractor
from deskmind.agents.memory.happened import Extractor, Happened, Told
from deskmind.agents.memory.measuring import count_change
from deskmind.agents.memory.memory import Memory
from deskmind.agents.memory.modelled import ModelExtractor
from deskmind.agents.memory.use import MemoryUse
from deskmind.agents.run import Effected
from deskmind.agents.store import read_effects
from deskmind.errors import (
    DeskmindError,
    EmbedderUnavailableError,
    InvalidRequestError,
    PermissionDeniedError,
)
from deskmind.observability import logger
from deskmind.observability.story import code_of
from deskmind.prompts.messages import Message
from deskmind.prompts.summary import cut_to
from deskmind.prompts.tokens import Estimate
from deskmind.scope import NO_ONE

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["learn", "remembered", "tell_conversation"]

_log = logger("deskmind.agents")
_MOST_TURNS = 20
_CALL = "memory"
"""Under which the transcript keeps what was recalled, so that a run that is taken over goes on with the same."""


async def remembered(journal: Journal, desk: Desk) -> str:
    """What the model is given before the prompt; empty without memory. A run that gets others' text so is tainted.

    It is a row of the transcript, with who may read what is drawn from it, as a tool's result is.

    Raises:
        ConversationNotFoundError: the user has no such conversation.
    """
    use = journal.definition.memory
    if use is None:
        return ""
    if (known := journal.results.get(_CALL)) is not None:
        return str(known.content["text"])
    spoken, said_by_others = await _conversation(desk, use.conversation, use.tokens // 2)
    left = max(use.tokens - (Estimate().count(spoken) if spoken else 0), 0)
    text, tainted, confined = "", said_by_others, said_by_others
    try:
        recalled = await desk.memories.recall(
            journal.row.prompt, tokens=left, kinds=use.kinds, least=use.least
        )
        text, tainted = recalled.text, tainted or recalled.tainted
        confined = confined or any(_confined(one.memory) for one in recalled.memories)
    except (PermissionDeniedError, EmbedderUnavailableError) as error:
        _log.warning("memory.not_recalled", reason=error.code, run=str(journal.run_id))
    told = "\n\n".join(part for part in (text, spoken) if part)
    if told:
        readers = frozenset({NO_ONE}) if confined else frozenset[UUID]()
        await journal.answered(_CALL, "memory", "ok", told, readers, tainted=tainted)
    return told


def _confined(memory: Memory) -> bool:
    """Whether it may come from what others may not see: a group's, or what a user read rather than said."""
    return memory.audience == "group" or (memory.audience == "user" and memory.trust == "untrusted")


async def learn(journal: Journal, desk: Desk, output: Any) -> None:
    """Make memories of a run that is done; again after a crash, it makes the same. A failure is logged and fails nothing.

    Raises:
        LeaseLostError: another worker has the run.
        AgentCancelledError: it was cancelled.
    """
    use = journal.definition.memory
    if use is not None and use.extract != "none":
        await journal.while_held(_learnt(journal, desk, output, use))


async def _learnt(journal: Journal, desk: Desk, output: Any, use: MemoryUse) -> None:
    try:
        extractor: Extractor = RuleExtractor()
        if use.extract == "model":
            rules = desk.agent_settings.remember
            extractor = ModelExtractor(desk.models, journal.definition.model, rules)
        drafts = await extractor.extract(await _happened(journal, desk, output))
        await desk.memories.learn(drafts, audience=use.audience, group=use.group)
    except Exception as error:  # what a model said may be of any form, and the run's answer is there
        count_change("failed")
        _log.warning("memory.not_learned", reason=code_of(error), run=str(journal.run_id))


async def tell_conversation(journal: Journal, desk: Desk, output: Any) -> None:
    """Add a run that is done to its conversation, and let a summary stand for the older turns."""
    use = journal.definition.memory
    if use is None or not use.conversation:
        return
    turns = (Message("user", journal.row.prompt), Message("assistant", _words(output)))
    try:
        conversation_id = _id(use.conversation)
        await desk.conversations.append(conversation_id, *turns)
        await desk.conversations.summarise(conversation_id)
    except DeskmindError as error:
        _log.warning("memory.conversation_not_told", reason=error.code, run=str(journal.run_id))


async def _conversation(desk: Desk, conversation: str, tokens: int) -> tuple[str, bool]:
    """The conversation in short, newest turns kept, and whether others' text may be in it: answers draw on documents."""
    if not conversation:
        return "", False
    found = await desk.conversations.get(_id(conversation))
    lines: list[str] = []
    spent, answered = (
        Estimate().count(marked("Earlier in this conversation:", "conversation", 100)) + 8,
        False,
    )
    for message in reversed(found.history[-_MOST_TURNS:]):
        line = f"{message.role}: {' '.join(message.content.split())}"
        cost = Estimate().count(line) + 1
        if spent + cost > tokens:
            break
        lines.insert(0, line)
        spent += cost
        answered |= message.role != "user"
    if found.about.summary and (cut := cut_to(found.about.summary, Estimate(), max(tokens - spent, 0))):
        lines.insert(0, cut)
        answered = True
    if not lines:
        return "", False
    text = "\n".join(lines)
    shown = marked(text, "conversation", len(text)) if answered else text
    return f"Earlier in this conversation:\n{shown}", answered


async def _happened(journal: Journal, desk: Desk, output: Any) -> Happened:
    effects: Sequence[Effected] = ()
    if journal.wrote:
        async with desk.database.transaction(journal.scope) as connection:
            effects = await read_effects(connection, journal.scope, journal.run_id)
    agent = journal.row.agent
    # what a workflow asks may be made of what it has read
    own = journal.row.parent_id is None or not journal.tainted
    told = [Told(journal.row.prompt, "prompt", "trusted" if own else "untrusted", agent)]
    if journal.row.untrusted:
        told.append(Told(journal.row.untrusted, "untrusted", "untrusted", agent))
    results = [step for step in journal.results.values() if step.outcome == "ok" and step.call_id != _CALL]
    results.sort(key=lambda step: step.position)
    told += [Told(step.text, "tool", "untrusted", step.tool, step.position) for step in results]
    trust = "untrusted" if journal.tainted else "trusted"
    told.append(Told(_words(output), "output", trust, agent, journal.last))
    tools = tuple(step.tool for step in results)
    return Happened(
        journal.run_id, agent, tuple(told), journal.tainted, tools, _done(journal.history, effects)
    )


def _done(
    history: Sequence[Mapping[str, Any]], effects: Sequence[Effected]
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The writes that were made, with their arguments as the model gave them."""
    arguments: dict[str, Any] = {
        part["tool_call_id"]: part.get("args")
        for message in history
        if message.get("kind") == "response"
        for part in message.get("parts", [])
        if part.get("tool_call_id")
    }
    return tuple((one.tool, _object(arguments.get(one.call_id))) for one in effects if one.state == "applied")


def _object(given: Any) -> dict[str, Any]:
    try:
        value = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return {}
    return dict(value) if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _words(output: Any) -> str:
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)


def _id(conversation: str) -> UUID:
    try:
        return UUID(conversation)
    except ValueError:
        raise InvalidRequestError(
            "That is no conversation.",
            why="A conversation is named by its id.",
            remedy="List your conversations.",
        ) from None
