"""Answers in a model's words: from numbered passages, with citations that were checked.

The model is told to say only what the passages say and to mark each statement with the number of its passage. What it
writes is not believed: a marker that names no passage is removed, and a statement without a valid marker, or with
figures that its passages do not hold, is marked as unsupported.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deskmind.cache import ScopedCache
from deskmind.errors import DeskmindError
from deskmind.gateway import ChatResponse
from deskmind.knowledge.answering.caller import Caller
from deskmind.knowledge.answering.checking import UNSUPPORTED, checked, may_be_nothing
from deskmind.knowledge.answering.extractive import ExtractiveAnswerer
from deskmind.knowledge.answering.protocol import AnswerEvent
from deskmind.knowledge.answering.remembered import AnswerMemory, RememberedAnswer, Visible
from deskmind.knowledge.answering.wording import ModelRequest, Wording
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.told import note_context
from deskmind.observability import logger

__all__ = ["GeneratedAnswerer", "Remembering"]

_log = logger("deskmind.answer")


@dataclass(frozen=True, slots=True)
class Remembering:
    """Where answers worded before are.

    Attributes:
        cache: of the tenant.
        visible: whether the asker may see chunks, as they are.
    """

    cache: ScopedCache[list[RememberedAnswer]]
    visible: Visible


@dataclass(frozen=True, slots=True)
class _Recall:
    """One look into what was worded before: by one model, with one prompt.

    Attributes:
        memory: None where nothing is remembered.
        vector: the question's embedding.
        known: the answer, if there is one.
        state: ``Answer.cache``.
    """

    memory: AnswerMemory | None = None
    vector: NDArray[np.float32] | None = None
    known: Answer | None = None
    state: str = "off"


@dataclass(frozen=True, slots=True)
class GeneratedAnswerer:
    """Asks a model; falls back to sentences from the documents when none answers, and says so.

    Attributes:
        caller: whose calls they are.
        model: the configured name.
        wording: makes the request.
        extractive: answers without a model.
        remembering: answers worded before, None to ask the model each time.
    """

    caller: Caller
    model: str
    wording: Wording
    extractive: ExtractiveAnswerer
    remembering: Remembering | None = None

    async def answer(
        self, question: str, passages: Sequence[Passage], *, embedder: Embedder | None
    ) -> Answer:
        """The answer with its citations checked, or an honest "not found"."""
        plain = await self.extractive.answer(question, passages, embedder=embedder)
        if not passages:
            return plain
        try:
            request = await self.wording.request(passages)
            note_context(request.passages)
            recall = await self._recall(question, passages, request, embedder)
            if recall.known is not None:
                return recall.known
            reply = await self.caller.chat(
                self.model,
                request.messages,
                max_tokens=request.reply,
                feature="answer",
                temperature=0,
                cached=False,
            )
        except DeskmindError as error:
            return _without_model(plain, self.model, error)
        return await self._finished(question, reply.text, plain, passages, request, recall, reply)

    async def stream(
        self, question: str, passages: Sequence[Passage], *, embedder: Embedder | None
    ) -> AsyncIterator[AnswerEvent]:
        """Pieces as the model writes them, void where it has to begin anew, then the whole answer, which is what counts."""
        plain = await self.extractive.answer(question, passages, embedder=embedder)
        if not passages:
            yield AnswerEvent(text=plain.text)
            yield AnswerEvent(answer=plain)
            return
        written = ""
        shown = 0
        try:
            request = await self.wording.request(passages)
            note_context(request.passages)
            recall = await self._recall(question, passages, request, embedder)
            if recall.known is not None:
                yield AnswerEvent(text=recall.known.text)
                yield AnswerEvent(answer=recall.known)
                return
            stream = await self.caller.stream(
                self.model, request.messages, max_tokens=request.reply, feature="answer", temperature=0
            )
            async with stream:
                async for piece in stream:
                    if piece.restarted:
                        if shown:
                            yield AnswerEvent(restarted=True)
                        written, shown = "", 0
                    written += piece.text
                    if may_be_nothing(written):
                        continue
                    yield AnswerEvent(text=written[shown:])
                    shown = len(written)
        except DeskmindError as error:
            answer = _without_model(plain, self.model, error)
            yield AnswerEvent(text=answer.text if not shown else f"\n{answer.text}")
            yield AnswerEvent(answer=answer)
            return
        answer = await self._finished(question, written, plain, passages, request, recall, stream.response)
        if not shown:
            yield AnswerEvent(text=answer.text)
        yield AnswerEvent(answer=answer)

    async def _recall(
        self, question: str, passages: Sequence[Passage], request: ModelRequest, embedder: Embedder | None
    ) -> _Recall:
        """Whether the question was asked before in other words, of this model and with this prompt."""
        if self.remembering is None or embedder is None:
            return _Recall()
        choice = request.choice
        memory = AnswerMemory(
            self.remembering.cache, model=self.model, instructions=choice.template.content_hash
        )
        vector = await embedder.embed_query(question)
        known = await memory.find(question, vector, passages, self.remembering.visible)
        if known is None:
            return _Recall(memory, vector, state="miss")
        note = " ".join(filter(None, (known.note, request.note)))
        return _Recall(
            memory, vector, replace(known, prompt=choice.use, cache="hit", cost=0.0, note=note), "hit"
        )

    async def _finished(
        self,
        question: str,
        written: str,
        plain: Answer,
        passages: Sequence[Passage],
        request: ModelRequest,
        recall: _Recall,
        reply: ChatResponse | None,
    ) -> Answer:
        """The checked answer with how it came about; remembered when it is whole and supported throughout."""
        answer = replace(
            checked(question, written, request.passages, plain.confidence, self.model),
            prompt=request.choice.use,
            window=request.decision,
            cache=recall.state,
            cost=None if reply is None or reply.cost is None else float(reply.cost),
            seconds=None if reply is None else reply.seconds,
            note=request.note,
        )
        whole = answer.found and UNSUPPORTED not in answer.text
        if whole and recall.memory is not None and recall.vector is not None:
            await recall.memory.keep(answer, recall.vector, passages, request.passages, answer.cost or 0.0)
        return answer


def _without_model(plain: Answer, model: str, error: DeskmindError) -> Answer:
    _log.warning("answer.without_model", model=model, error_code=error.code)
    return replace(plain, note=f"No model answered ({error.code}); these are sentences from the documents.")
