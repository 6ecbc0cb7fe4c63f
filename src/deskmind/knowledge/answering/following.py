"""Questions that follow up: what to search for, when the question alone does not say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deskmind.errors import DeskmindError
from deskmind.knowledge.answering.caller import Caller
from deskmind.knowledge.answering.filling import filled
from deskmind.knowledge.answering.wording import History
from deskmind.knowledge.lexical import tokens
from deskmind.observability import logger
from deskmind.prompts import Message
from deskmind.prompts.choice import PromptChoice

__all__ = ["Condenser", "joined"]

_TURNS = 6
_TURN_CHARS = 1_000
_REPLY_TOKENS = 200
_REFERS = re.compile(
    r"^(?:and|or|but|so|then|also|what about|how about|what if)\b"
    r"|\b(?:it|its|that|this|these|those|they|them|their|there|one|ones|same)\b",
    re.IGNORECASE,
)
_EMPTY = frozenset(
    stem
    for word in ("more", "else", "tell", "say", "explain", "detail", "please", "thanks", "ok", "yes", "again", "long")
    for stem in tokens(word)
)  # fmt: skip
_log = logger("deskmind.answer")


@dataclass(frozen=True, slots=True)
class Condenser:
    """Has a model write the question so that it stands on its own; by rule where the model fails.

    Attributes:
        caller: whose calls they are.
        model: the configured name.
        choice: the prompt.
    """

    caller: Caller
    model: str
    choice: PromptChoice

    async def standalone(self, question: str, history: History) -> str:
        """The question with what it refers to."""
        try:
            reply = await self.caller.chat(
                self.model,
                await self._messages(question, history),
                max_tokens=_REPLY_TOKENS,
                feature="condense",
                temperature=0,
                cached=False,
            )
        except DeskmindError as error:
            _log.warning("question.not_condensed", model=self.model, error_code=error.code)
            return joined(question, history.turns)
        written = " ".join(reply.text.split())
        return written or joined(question, history.turns)

    async def _messages(self, question: str, history: History) -> list[dict[str, str]]:
        turns = [
            {"role": turn.role, "content": turn.content[:_TURN_CHARS]} for turn in history.turns[-_TURNS:]
        ]
        return await filled(self.choice, {"question": question, "turns": turns, "summary": history.summary})


def joined(question: str, turns: Sequence[Message]) -> str:
    """Without a model: a question that says nothing of its own, or refers back, with the questions it follows.

    Those are the asker's questions back to the last that stands on its own. A question that neither lacks content
    words nor refers back in a word of ``_REFERS`` is left as it is, even where a person would see that it follows up.

    >>> joined("And on macOS?", [Message("user", "How do I reset my VPN token?")])
    'And on macOS? How do I reset my VPN token?'
    """
    if not _follows(question):
        return question
    before: list[str] = []
    for turn in reversed(turns):
        if turn.role == "user":
            before.append(turn.content)
            if not _follows(turn.content):
                break
    return " ".join((question, *before))


def _follows(question: str) -> bool:
    return not set(tokens(question)) - _EMPTY or _REFERS.search(question) is not None
