"""One fit of parts into a window: plan by size, summarise, assemble, and see that it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deskmind.prompts._filling import Filled, Share, fill
from deskmind.prompts._units import turn_units
from deskmind.prompts.decision import Dropped, PartName, WindowDecision
from deskmind.prompts.fitted import FittedContext, NumberedPassage
from deskmind.prompts.messages import Message
from deskmind.prompts.summary import Summariser, cut_to
from deskmind.prompts.tokens import TokenCounter

__all__ = ["Fitting", "Given", "Rules"]

_PRIMING = 3
"""Tokens with which a model's format opens the reply."""
_SEPARATOR = "\n\n"
_MEMORY = "Memory:"
_PASSAGES = "Passages:"
_SUMMARY = "Summary of earlier turns:"


@dataclass(frozen=True, slots=True)
class Rules:
    """How a window is filled; see ``ContextWindow``."""

    limit: int
    reply: int
    counter: TokenCounter
    shares: Mapping[PartName, Share]
    summariser: Summariser
    per_message: int
    per_passage: int

    def size(self, message: Message) -> int:
        """The tokens of one message, those of its frame included."""
        text = "\n".join(part for part in (message.tool, message.call_id, message.content) if part)
        return self.counter.count(text) + self.per_message

    def total(self, messages: Sequence[Message]) -> int:
        """The tokens of messages and of the reply."""
        return sum(map(self.size, messages)) + _PRIMING + self.reply


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be fitted."""

    question: str
    system: str
    memory: tuple[str, ...]
    passages: tuple[NumberedPassage, ...]
    history: tuple[Message, ...]
    summary: str


class Fitting:
    """One fit.

    The units of the history are the newest, then the summary if there is to be one, then the older ones.
    """

    def __init__(self, rules: Rules, given: Given) -> None:
        self._rules = rules
        self._given = given
        self._ranked = sorted(range(len(given.passages)), key=lambda index: -given.passages[index].score)
        units, self._orphans = turn_units(given.history)
        self._units = units[::-1]
        self._turn_sizes = [sum(rules.size(given.history[index]) for index in unit) for unit in self._units]
        self._memories = self._memory_sizes()
        self._rankings = self._passage_sizes()
        self._summary_at: int | None = None
        self._summary = ""
        self._summarised = 0

    async def run(self, room: int) -> FittedContext:
        """Choose, summarise, and drop more while the assembled messages turn out too long."""
        parts = await self._planned(room)
        while True:
            messages = self._messages(parts)
            used = self._rules.total(messages) + parts[1].taken * self._rules.per_passage
            if used <= self._rules.limit:
                return self._fitted(parts, messages, used)
            self._drop_one(parts)

    async def _planned(self, room: int) -> list[Filled]:
        """Everything with the summary so far; else with room for a new summary; else without one."""
        before = self._count(_SUMMARY, self._given.summary) if self._given.summary else 0
        parts = self._plan(room, before)
        if parts[-1].taken == len(parts[-1].sizes):
            self._summary = self._given.summary
            return parts
        reserve = self._rules.summariser.tokens
        parts = self._plan(room, reserve + self._count(_SUMMARY, ""))
        if not self._has_summary(parts[-1]):
            return self._plan(room, 0)
        await self._summarise(self._missing(parts[-1]), reserve)
        return parts

    def _plan(self, room: int, summary_size: int) -> list[Filled]:
        shares, sizes = self._rules.shares, list(self._turn_sizes)
        self._summary_at = min(1, len(sizes)) if summary_size else None
        if self._summary_at is not None:
            sizes.insert(self._summary_at, summary_size)
        parts = [
            Filled("memory", shares["memory"], self._memories),
            Filled("passages", shares["passages"], self._rankings),
            Filled("history", shares["history"], sizes),
        ]
        fill(parts, room)
        return parts

    def _memory_sizes(self) -> list[int]:
        sizes = [self._count(f"- {item}") for item in self._given.memory]
        return self._headed(_MEMORY, sizes)

    def _passage_sizes(self) -> list[int]:
        given = self._given.passages
        sizes = [self._count(given[index].rendered()) + self._rules.per_passage for index in self._ranked]
        return self._headed(_PASSAGES, sizes)

    def _headed(self, heading: str, sizes: list[int]) -> list[int]:
        return [sizes[0] + self._count(heading), *sizes[1:]] if sizes else []

    def _count(self, *texts: str) -> int:
        return self._rules.counter.count("".join(text + _SEPARATOR for text in texts))

    async def _summarise(self, turns: list[Message], room: int) -> None:
        text = self._given.summary
        if turns:
            text = await self._rules.summariser.summarise(turns, previous=text, max_tokens=room)
            self._summarised = len(turns)
        self._summary = cut_to(text, self._rules.counter, room)

    def _has_summary(self, history: Filled) -> bool:
        return self._summary_at is not None and history.taken > self._summary_at

    def _kept_units(self, history: Filled) -> int:
        return history.taken - self._has_summary(history)

    def _missing(self, history: Filled) -> list[Message]:
        units = self._units[self._kept_units(history) :]
        return [self._given.history[index] for unit in reversed(units) for index in unit]

    def _kept_turns(self, history: Filled) -> tuple[Message, ...]:
        units = self._units[: self._kept_units(history)]
        return tuple(self._given.history[index] for unit in reversed(units) for index in unit)

    def _kept_passages(self, passages: Filled) -> tuple[NumberedPassage, ...]:
        return tuple(self._given.passages[index] for index in sorted(self._ranked[: passages.taken]))

    def _drop_one(self, parts: list[Filled]) -> None:
        """Counts of pieces need not add up to the count of the whole: give the least important unit back."""
        part = min((part for part in parts if part.taken), key=lambda part: part.share.priority)
        part.taken -= 1
        if part.name == "history" and not self._has_summary(part):
            self._summary, self._summarised = "", 0

    def _messages(self, parts: list[Filled]) -> tuple[Message, ...]:
        memory, passages, history = parts
        told = [self._given.system] if self._given.system else []
        if memory.taken:
            told += [_MEMORY, *(f"- {item}" for item in self._given.memory[: memory.taken])]
        if self._summary:
            told += [_SUMMARY, self._summary]
        asked = [passage.rendered() for passage in self._kept_passages(passages)]
        question = _SEPARATOR.join(
            [_PASSAGES, *asked, self._given.question] if asked else [self._given.question]
        )
        opening = (Message("system", _SEPARATOR.join(told)),) if told else ()
        return (*opening, *self._kept_turns(history), Message("user", question))

    def _fitted(self, parts: list[Filled], messages: tuple[Message, ...], used: int) -> FittedContext:
        memory, passages, history = parts
        rules = self._rules
        kept_turns, kept_passages = self._kept_turns(history), self._kept_passages(passages)
        tokens: dict[PartName, int] = {
            "system": rules.size(Message("system", self._given.system)) if self._given.system else 0,
            **{part.name: part.tokens for part in parts},
            "question": rules.size(Message("user", self._given.question)),
            "reply": rules.reply,
        }
        kept: dict[PartName, int] = {
            "memory": memory.taken,
            "passages": len(kept_passages),
            "history": len(kept_turns),
        }
        decision = WindowDecision(
            limit=rules.limit,
            used=used,
            tokens=tokens,
            kept=kept,
            dropped=tuple(self._dropped(parts)),
            summarised=self._summarised,
            counter=rules.counter.name,
            exact=rules.counter.exact,
        )
        return FittedContext(
            messages=messages,
            memory=self._given.memory[: memory.taken],
            passages=kept_passages,
            history=kept_turns,
            summary=self._summary,
            decision=decision,
        )

    def _dropped(self, parts: list[Filled]) -> list[Dropped]:
        memory, passages, history = parts
        found = [
            Dropped("memory", f"memory {index + 1}", memory.sizes[index], memory.reason)
            for index in range(memory.taken, len(memory.sizes))
        ]
        for position in range(passages.taken, len(passages.sizes)):
            number = self._given.passages[self._ranked[position]].number
            found.append(Dropped("passages", f"passage {number}", passages.sizes[position], passages.reason))
        for position in range(self._kept_units(history), len(self._units)):
            unit = self._units[position]
            label = f"turn {unit[0] + 1}" if len(unit) == 1 else f"turns {unit[0] + 1}-{unit[-1] + 1}"
            found.append(Dropped("history", label, self._turn_sizes[position], history.reason))
        for index in self._orphans:
            size = self._rules.size(self._given.history[index])
            found.append(Dropped("history", f"turn {index + 1}", size, "orphan"))
        return found
