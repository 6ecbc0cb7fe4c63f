"""How a question is put to a model: the prompt of the store, filled with what fits the model's window."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deskmind.errors import ContextTooLongError, PromptError
from deskmind.knowledge.answering.checking import without_markers
from deskmind.knowledge.answering.filling import broken_note, report_broken
from deskmind.knowledge.answering.room import ModelRoom
from deskmind.knowledge.models import Passage
from deskmind.prompts import (
    ContextWindow,
    FirstSentences,
    FittedContext,
    Message,
    NumberedPassage,
    WindowDecision,
)
from deskmind.prompts.choice import PromptChoice, shared_choice
from deskmind.prompts.uses import ANSWER, taken
from deskmind.prompts.versions import SHARED_VERSION

__all__ = ["History", "ModelRequest", "Wording"]

_ATTEMPTS = 8
_SUMMARY = "Summary of the conversation so far:"
_SUMMARY_SHARE = 10
_EMPTY = NumberedPassage(1, "")
"""Stands for a passage where the prompt around it is measured: a prompt may count on there being one."""


@dataclass(frozen=True, slots=True)
class History:
    """What was said before in the conversation.

    Attributes:
        turns: questions and answers, oldest first.
        summary: of the turns before these.
    """

    turns: tuple[Message, ...] = ()
    summary: str = ""

    def __bool__(self) -> bool:
        return bool(self.turns or self.summary)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request that fits.

    Attributes:
        messages: in OpenAI's chat format.
        passages: those it holds; the first has the number 1.
        reply: tokens for the reply.
        choice: the prompt that it was made with.
        decision: what was kept and what was left out.
        note: what the reader should know of the prompt; mostly empty.
    """

    messages: list[dict[str, str]]
    passages: tuple[Passage, ...]
    reply: int
    choice: PromptChoice
    decision: WindowDecision
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """Makes requests.

    Attributes:
        choice: the prompt to use.
        room: of the model.
        asked: the question as the asker put it.
        history: of the conversation.
        note: why ``choice`` is not what the tenant wanted; mostly empty.
    """

    choice: PromptChoice
    room: ModelRoom
    asked: str
    history: History = field(default_factory=History)
    note: str = ""

    async def request(self, passages: Sequence[Passage]) -> ModelRequest:
        """A request with as many of the best passages as fit.

        A tenant's prompt that cannot be rendered is reported, and the one that comes with Deskmind used instead.

        Raises:
            ContextTooLongError: the question and the instructions leave no room for a passage.
        """
        try:
            return await self._request(passages)
        except PromptError as error:
            if self.choice.use.version == SHARED_VERSION:
                raise
            return await self.without(error)._request(passages)

    def without(self, error: PromptError) -> Wording:
        """The same with the shared prompt, since the tenant's cannot be used."""
        report_broken(self.choice, error)
        return replace(self, choice=shared_choice(ANSWER), note=broken_note(self.choice, error))

    async def _request(self, passages: Sequence[Passage]) -> ModelRequest:
        numbered = tuple(_numbered(number, passage) for number, passage in enumerate(passages, 1))
        frame = await self._rendered((_EMPTY,), "")
        overhead = await self._overhead(frame)
        limit = self.room.limit
        # the pieces need not add up to the whole: it is counted, and what is over is taken off
        for _ in range(_ATTEMPTS):
            fitted = await self._fitted(limit, numbered, frame, overhead)
            if passages and not fitted.passages:
                break
            messages = await self._assembled(fitted)
            used = self._window(self.room.limit, 0).total(messages)
            if used <= self.room.limit:
                decision = replace(fitted.decision, limit=self.room.limit, used=used)
                chosen = tuple(passages[: len(fitted.passages)])
                sent = [{"role": message.role, "content": message.content} for message in messages]
                return ModelRequest(sent, chosen, self.room.reply, self.choice, decision, self.note)
            limit -= used - self.room.limit
            if limit <= self.room.reply:
                break
        raise ContextTooLongError(
            "The question, the instructions and one passage do not fit the model's context window.",
            why=f"The window has {self.room.limit} tokens, {self.room.reply} of them for the reply.",
            remedy="Raise answer.context_tokens, use a model with a larger window, or shorten the prompt.",
            limit=self.room.limit,
        )

    async def _fitted(
        self, limit: int, passages: tuple[NumberedPassage, ...], frame: tuple[Message, ...], overhead: int
    ) -> FittedContext:
        return await self._window(limit, overhead).fit(
            self.asked,
            system="\n".join(message.content for message in frame),
            passages=passages,
            history=_plain(self.history.turns),
            summary=self.history.summary,
        )

    def _window(self, limit: int, overhead: int) -> ContextWindow:
        summariser = FirstSentences(max(16, self.room.limit // _SUMMARY_SHARE))
        return ContextWindow(
            limit,
            reply=self.room.reply,
            counter=self.room.counter,
            summariser=summariser,
            per_passage=overhead,
        )

    async def _overhead(self, frame: Sequence[Message]) -> int:
        """Tokens that the template adds to a passage."""
        one, two = (
            sum(self.room.counter.count(message.content) for message in messages)
            for messages in (frame, await self._rendered((_EMPTY, _EMPTY), ""))
        )
        return max(0, two - one)

    async def _rendered(
        self, passages: Sequence[NumberedPassage], summary: str, *, question: str = ""
    ) -> tuple[Message, ...]:
        values: dict[str, Any] = {
            "question": question,
            "passages": [
                {"number": item.number, "title": item.title, "text": item.text} for item in passages
            ],
            "history": summary,
        }
        template = self.choice.template
        return await asyncio.to_thread(template.render, taken(template, values))

    async def _assembled(self, fitted: FittedContext) -> tuple[Message, ...]:
        """The rendered prompt with the turns kept before the message that asks."""
        rendered = list(await self._rendered(fitted.passages, fitted.summary, question=self.asked))
        if fitted.summary and "history" not in self.choice.template.variables:
            told = sum(message.role == "system" for message in rendered)
            rendered.insert(told, Message("system", f"{_SUMMARY}\n{fitted.summary}"))
        asks = len(rendered) - 1 if rendered and rendered[-1].role == "user" else len(rendered)
        return (*rendered[:asks], *fitted.history, *rendered[asks:])


def _numbered(number: int, passage: Passage) -> NumberedPassage:
    """The better its place, the later it is dropped, whatever its score was made of."""
    title = " > ".join((passage.title, *passage.headings))
    return NumberedPassage(number, passage.text, -float(number), title)


def _plain(turns: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(
        Message(turn.role, without_markers(turn.content) if turn.role == "assistant" else turn.content)
        for turn in turns
        if turn.role in {"user", "assistant"}
    )
