"""A model's part in answering one principal: its prompts, its window, its memory, what experiments learn of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from deskmind.cache import JsonCodec
from deskmind.database import Connection, Database
from deskmind.errors import PromptError
from deskmind.knowledge.answering import ExtractiveAnswerer
from deskmind.knowledge.answering.caller import Caller
from deskmind.knowledge.answering.following import Condenser
from deskmind.knowledge.answering.generated import GeneratedAnswerer, Remembering
from deskmind.knowledge.answering.remembered import RememberedAnswer
from deskmind.knowledge.answering.room import ModelRoom, model_room
from deskmind.knowledge.answering.wording import Wording
from deskmind.knowledge.conversing import Conversing, ModelSummariser, Talk, turns_to_keep
from deskmind.knowledge.engine import EngineRoom
from deskmind.knowledge.models import Answer
from deskmind.observability import logger
from deskmind.observability import note as tell
from deskmind.prompts.choice import PromptChoice, choose_prompt, production_prompt, shared_choice
from deskmind.prompts.trials import insert_outcome, read_experiment
from deskmind.prompts.uses import ANSWER, CONDENSE, SUMMARISE
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = ["Voice"]

_Choose = Callable[[Connection, Scope, str], Awaitable[PromptChoice]]
_log = logger("deskmind.answer")


class Voice:
    """One configured model, speaking for one principal."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        settings: Settings,
        room: EngineRoom,
        caller: Caller,
        model: str,
    ) -> None:
        self._database = database
        self._scope = scope
        self._settings = settings
        self._room = room
        self._caller = caller
        self._model = model

    async def shortened(self, talk: Talk, conversing: Conversing) -> Talk:
        """The conversation with a summary for its older turns, where it has grown long."""
        keep = turns_to_keep(talk.history, await self._model_room())
        if keep is None:
            return talk
        choice, _ = await self._chosen(SUMMARISE, production_prompt)
        return await conversing.shortened(talk, keep, ModelSummariser(self._caller, self._model, choice))

    async def standalone(self, question: str, talk: Talk) -> str:
        """What to search for."""
        choice, _ = await self._chosen(CONDENSE, production_prompt)
        return await Condenser(self._caller, self._model, choice).standalone(question, talk.history)

    async def answerer(self, question: str, talk: Talk, extractive: ExtractiveAnswerer) -> GeneratedAnswerer:
        """Who words the answer; what was worded before serves only a question without a conversation before it."""
        choice, note = await self._chosen(ANSWER, choose_prompt)
        wording = Wording(choice, await self._model_room(), question, talk.history, note)
        remembering = None
        if self._settings.answer.remember and not talk.history:
            remembering = self._remembering()
        return GeneratedAnswerer(self._caller, self._model, wording, extractive, remembering)

    async def observe(self, answer: Answer) -> None:
        """Keep what an answer cost and how long it took, where an experiment chose its prompt.

        An answer worded before is no outcome: how often there is one depends on a variant's share of the questions.
        """
        use = answer.prompt
        if use is None or not use.experiment or answer.seconds is None:
            return
        values = {"latency": answer.seconds, "cost": answer.cost}
        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")
            found = await read_experiment(connection, self._scope, use.experiment)
            for metric, value in values.items():
                if value is not None and found.running:
                    await insert_outcome(
                        connection,
                        self._scope,
                        found.experiment_id,
                        use.variant,
                        metric,
                        value,
                        request_id=answer.request_id,
                    )

    async def _chosen(self, name: str, choose: _Choose) -> tuple[PromptChoice, str]:
        """The prompt to use, and a note where the tenant's own cannot be read by this release."""
        try:
            async with self._database.transaction(self._scope) as connection:
                choice = await choose(connection, self._scope, name)
        except PromptError as error:
            _log.error("prompt.broken", prompt=name, error_code=error.code)
            return shared_choice(name), (
                f"The prompt '{name}' cannot be read ({error.code}); the one that comes with Deskmind was used instead."
            )
        tell("prompt", **choice.use.as_dict())
        return choice, ""

    async def _model_room(self) -> ModelRoom:
        settings = self._settings
        return await model_room(
            await self._room.gateway(),
            self._model,
            limit=settings.answer.context_tokens,
            reply=settings.answer.max_tokens,
            tokenizers=settings.models_folder,
        )

    def _remembering(self) -> Remembering:
        cache = self._room.cache.scoped(
            self._scope.tenant_id,
            "answers",
            codec=JsonCodec(list[RememberedAnswer]),
            ttl=self._settings.answer.remember_seconds,
            refresh_at=None,
        )
        return Remembering(cache, self._all_visible)

    async def _all_visible(self, chunks: Sequence[str]) -> bool:
        """Whether the principal may see every one of these chunks; a chunk that changed has another id."""
        wanted = {UUID(chunk) for chunk in chunks}
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM chunks WHERE tenant_id = %s AND chunk_id = ANY (%s)",
                (self._scope.tenant_id, list(wanted)),
            )
            row = await cursor.fetchone()
        return row is not None and row[0] == len(wanted)
