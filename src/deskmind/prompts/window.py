"""Fitting system, memory, passages, history and question into a model's context window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from deskmind.errors import ConfigurationError, ContextTooLongError
from deskmind.prompts._filling import Share
from deskmind.prompts._fitting import Fitting, Given, Rules
from deskmind.prompts.decision import PartName
from deskmind.prompts.fitted import FittedContext, NumberedPassage
from deskmind.prompts.messages import Message
from deskmind.prompts.summary import DropMarker, Summariser
from deskmind.prompts.tokens import Estimate, TokenCounter

__all__ = ["DEFAULT_SHARES", "ContextWindow", "Share"]

DEFAULT_SHARES: Mapping[PartName, Share] = MappingProxyType(
    {
        "passages": Share(priority=3, maximum=0.8),
        "history": Share(priority=2, minimum=0.1),
        "memory": Share(priority=1, maximum=0.2),
    }
)


class ContextWindow:
    """Fits parts into a limit.

    The question and the instructions are always whole. Memories, passages and turns are kept or dropped as a
    whole: passages from the lowest score, memories from the end, turns from the oldest, a tool's call never without
    its result. What is left out of the history is replaced by a summary.

    >>> window = ContextWindow(8000, reply=1000)
    >>> fitted = await window.fit("Why does the VPN fail?", system="Answer briefly.", passages=found, history=turns)
    >>> print(fitted.decision.explain())

    Cost: each text is counted about twice.
    """

    def __init__(
        self,
        limit: int,
        *,
        reply: int,
        counter: TokenCounter | None = None,
        shares: Mapping[PartName, Share] = DEFAULT_SHARES,
        summariser: Summariser | None = None,
        per_message: int = 4,
        per_passage: int = 0,
    ) -> None:
        """A window.

        Args:
            limit: tokens of the model, reply included.
            reply: tokens kept free for the reply.
            counter: of tokens; an estimate when left out.
            shares: priority, minimum and maximum of ``passages``, ``history`` and ``memory``.
            summariser: of turns that do not fit; a marker when left out.
            per_message: tokens that a model's format adds to each message.
            per_passage: tokens that your own template adds to each passage.

        Raises:
            ConfigurationError: the numbers contradict each other.
        """
        if reply < 0 or limit <= reply:
            raise ConfigurationError(
                f"A context window of {limit} tokens cannot leave {reply} for the reply.",
                remedy="Keep less for the reply, or use a model with a larger window.",
            )
        if set(shares) != set(DEFAULT_SHARES) or sum(share.minimum for share in shares.values()) > 1:
            raise ConfigurationError(
                "The shares of a context window cannot be used.",
                why=f"There is one each for {', '.join(DEFAULT_SHARES)}, and their minima are at most 1 together.",
            )
        self._rules = Rules(
            limit=limit,
            reply=reply,
            counter=counter or Estimate(),
            shares=shares,
            summariser=summariser or DropMarker(),
            per_message=per_message,
            per_passage=per_passage,
        )

    async def fit(
        self,
        question: str,
        *,
        system: str = "",
        memory: Sequence[str] = (),
        passages: Sequence[NumberedPassage] = (),
        history: Sequence[Message] = (),
        summary: str = "",
    ) -> FittedContext:
        """Choose what fits.

        Args:
            question: kept whole.
            system: instructions, kept whole.
            memory: what is known from before, the most important first.
            passages: found for the question.
            history: turns so far, oldest first, without the question.
            summary: of turns older than ``history``.

        Raises:
            ContextTooLongError: the question and the instructions do not fit.
        """
        room = self._room(question, system)
        given = Given(question, system, tuple(memory), tuple(passages), tuple(history), summary)
        return await Fitting(self._rules, given).run(room)

    def total(self, messages: Sequence[Message]) -> int:
        """The tokens of messages, and of the reply they leave room for."""
        return self._rules.total(messages)

    def _room(self, question: str, system: str) -> int:
        """What question, instructions and reply leave, with the frame of a system message always counted."""
        limit = self._rules.limit
        asked = self._rules.total([Message("user", question)])
        told = asked + self._rules.size(Message("system", system))
        if asked > limit or (system and told > limit):
            alone = asked > limit
            raise ContextTooLongError(
                f"The question {'does' if alone else 'and the instructions do'} not fit the model's context window.",
                why=f"With {self._rules.reply} tokens for the reply they need {asked if alone else told};"
                f" the window has {limit}.",
                remedy="Shorten the question, or use a model with a larger window.",
                tokens=asked if alone else told,
                limit=limit,
            )
        return max(limit - told, 0)
