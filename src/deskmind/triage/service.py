"""``desk.triage``: what people would choose for a ticket, and which tickets belong together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from deskmind import __version__
from deskmind.database import Database
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.jobs import JobQueue
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.engine import EngineRoom
from deskmind.scope import Scope
from deskmind.triage.archive import dump
from deskmind.triage.clusters import Cluster, find_clusters
from deskmind.triage.duplicates import DuplicateGroup, find_duplicates
from deskmind.triage.embedding import LONGEST_EMBEDDED, embedded, predicted
from deskmind.triage.evaluating import Judged, evaluate
from deskmind.triage.learning import THRESHOLD, learn
from deskmind.triage.meaning import Embedded
from deskmind.triage.measuring import count_predictions, working
from deskmind.triage.model import MOST_TOLD, TriageModel
from deskmind.triage.predictions import Neighbour, Prediction
from deskmind.triage.retraining import Retraining, check_threshold
from deskmind.triage.shelf import Shelf
from deskmind.triage.sight import addresses, told
from deskmind.triage.similar import DUPLICATE, find_similar
from deskmind.triage.store import StoredModel, insert_model, list_models, newest_model, read_weights
from deskmind.triage.tickets import TrainingTicket

__all__ = ["Triage"]

_MOST_TEXTS = 100_000
_MOST_COMPARED = 20_000
_MOST_SIMILAR = 50
_MOST_LOOKED_AT = 50
"""Neighbours among which a prediction looks for those that somebody may see."""
_MOST_COMPARED_WITH = 2_000


class Triage(Retraining):
    """Triage of a tenant's tickets, learned from its own history. The work is done in a thread."""

    def __init__(
        self, database: Database, scope: Scope, jobs: JobQueue, room: EngineRoom, shelf: Shelf
    ) -> None:
        super().__init__(database, scope, jobs)
        self._room = room
        self._shelf = shelf

    @operation(Permission.TRIAGE_TRAIN)
    async def train(
        self,
        tickets: Iterable[TrainingTicket],
        *,
        targets: Sequence[str] | None = None,
        threshold: float = THRESHOLD,
        embed: bool = True,
    ) -> StoredModel:
        """Learn from tickets of the past and keep the model as the tenant's newest; minutes for tens of thousands.

        Args:
            tickets: of the past.
            targets: what to predict, such as ``category``; default every target that can be learned.
            threshold: confidence below which is abstained, 0 to 1.
            embed: let meaning count beside words where an embedder is there, in predictions and for ``similar``; 4 ms a
                ticket more, in training and in each prediction.

        Raises:
            MissingExtraError: the extra ``triage`` is not installed.
            InvalidRequestError: there are too few tickets.
            EmbedderUnavailableError: the embedder failed.
        """
        check_threshold(threshold)
        taken = list(tickets)
        with working("train", len(taken)):
            vectors = await self._embedded(taken) if embed else None
            model = await asyncio.to_thread(
                learn, taken, embedded=vectors, targets=targets, threshold=threshold, release=__version__
            )
            data = await asyncio.to_thread(dump, model)
        async with self._database.transaction(self._scope) as connection:
            stored = await insert_model(connection, self._scope, data, model.provenance)
            await record(
                connection,
                self._scope,
                Permission.TRIAGE_TRAIN,
                resource=f"triage/{stored.version}",
                tickets=len(taken),
                targets=sorted(model.targets),
                embedding=model.provenance.embedding,
                sha256=stored.sha256,
            )
        return stored

    @operation(Permission.TRIAGE_PREDICT)
    async def predict(self, texts: Sequence[str], *, threshold: float | None = None) -> list[Prediction]:
        """What people would choose for these tickets, by the newest model; in the order of ``texts``.

        Tickets of the past that read alike are cited where the caller may see them.

        A model that learned with an embedder predicts by words alone where that embedder is not there; the log and
        ``Prediction.by_meaning`` tell.

        Args:
            texts: of tickets, summary first.
            threshold: confidence below which is abstained, instead of the model's.

        Raises:
            NotFoundError: the tenant has no model.
            InvalidRequestError: there are more than 100,000 texts.
        """
        if threshold is not None:
            check_threshold(threshold)
        _check_count(len(texts), _MOST_TEXTS)
        stored, model = await self._model()
        with working("predict", len(texts)):
            said = await predicted(
                model,
                await self._embedder(model),
                texts,
                threshold=threshold,
                neighbours=MOST_TOLD if self._sees_all else _MOST_LOOKED_AT,
            )
        said = await self._told(said)
        await self._record(Permission.TRIAGE_PREDICT, f"triage/{stored.version}", tickets=len(texts))
        count_predictions(said)
        return said

    @operation(Permission.TRIAGE_TRAIN)
    async def evaluate(
        self,
        tickets: Sequence[TrainingTicket],
        *,
        folds: int = 1,
        threshold: float = THRESHOLD,
        embed: bool = True,
    ) -> Judged:
        """Learn from a part, judge on the rest; keeps nothing.

        Args:
            tickets: with labels.
            folds: 1 holds out a fifth; more hold out every ticket once.
            threshold: confidence below which is abstained.
            embed: as for ``train``.

        Raises:
            MissingExtraError: the extra ``triage`` is not installed.
            InvalidRequestError: there are too few tickets.
        """
        check_threshold(threshold)
        with working("evaluate", len(tickets)):
            vectors = await self._embedded(tickets) if embed else None
            judged = await asyncio.to_thread(
                evaluate, tickets, embedded=vectors, folds=folds, threshold=threshold
            )
        await self._record(Permission.TRIAGE_TRAIN, "triage/evaluation", tickets=len(tickets))
        return judged

    @operation(Permission.TRIAGE_READ)
    async def models(self) -> list[StoredModel]:
        """The models that are kept, the newest first; the first one predicts."""
        async with self._database.transaction(self._scope) as connection:
            return await list_models(connection, self._scope)

    @operation(Permission.TRIAGE_SIMILAR)
    async def similar(
        self, text: str, *, limit: int = 5, least: float = 0.0, resolved_only: bool = True
    ) -> list[Neighbour]:
        """Tickets of the past that are like a new one, best first: those that the caller may see.

        Who may not see every ticket is told of the 2,000 most similar ones those whose document is visible in the scope.

        Args:
            text: of the new ticket.
            limit: 1 to 50.
            least: similarity, 0 to 1; from 0.8 on two tickets say the same.
            resolved_only: leave out those that were open when the model was trained.

        Raises:
            NotFoundError: the tenant has no model.
            InvalidRequestError: the limit is not 1 to 50.
        """
        if not 1 <= limit <= _MOST_SIMILAR:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 50.")
        stored, model = await self._model()
        vector = await self._vector(model, text)
        with working("similar", 1):
            found = await asyncio.to_thread(
                find_similar,
                model,
                text,
                vector=vector,
                limit=limit if self._sees_all else _MOST_COMPARED_WITH,
                least=least,
                resolved_only=resolved_only,
            )
        seen = await self._seen(found)
        best = told(found, seen, limit, everything=self._sees_all)
        await self._record(Permission.TRIAGE_SIMILAR, f"triage/{stored.version}", tickets=1, found=len(best))
        return list(best)

    @operation(Permission.TRIAGE_COMPARE)
    async def duplicates(
        self, tickets: Sequence[TrainingTicket], *, least: float = DUPLICATE
    ) -> list[DuplicateGroup]:
        """Groups among these tickets that say the same; needs no model.

        Raises:
            InvalidRequestError: there are more than 20,000 tickets.
        """
        _check_count(len(tickets), _MOST_COMPARED)
        with working("duplicates", len(tickets)):
            found = await asyncio.to_thread(find_duplicates, tickets, least=least)
        await self._record(Permission.TRIAGE_COMPARE, "triage", tickets=len(tickets), found=len(found))
        return found

    @operation(Permission.TRIAGE_COMPARE)
    async def clusters(
        self,
        tickets: Sequence[TrainingTicket],
        *,
        window: timedelta = timedelta(hours=2),
        least: int = 5,
        similarity: float = 0.3,
    ) -> list[Cluster]:
        """Major incidents among new tickets, the largest first; see ``find_clusters``. A model helps and is not needed.

        Raises:
            InvalidRequestError: there are more than 20,000 tickets, or a time has no zone.
        """
        _check_count(len(tickets), _MOST_COMPARED)
        background = None if await self._newest() is None else (await self._model())[1].vocabulary
        with working("clusters", len(tickets)):
            found = await asyncio.to_thread(
                find_clusters,
                tickets,
                window=window,
                least=least,
                similarity=similarity,
                background=background,
            )
        await self._record(Permission.TRIAGE_COMPARE, "triage", tickets=len(tickets), found=len(found))
        return found

    @property
    def _sees_all(self) -> bool:
        return self._scope.role == "operator"

    async def _seen(self, neighbours: Iterable[Neighbour]) -> dict[str, str]:
        """The addresses of those that row-level security shows in this scope."""
        async with self._database.transaction(self._scope) as connection:
            return await addresses(connection, self._scope, (one.document for one in neighbours))

    async def _told(self, said: list[Prediction]) -> list[Prediction]:
        """Without the neighbours that the caller may not see."""
        if self._sees_all:
            return said
        seen = await self._seen(one for prediction in said for one in prediction.neighbours)
        return [
            replace(one, neighbours=told(one.neighbours, seen, MOST_TOLD, everything=False)) for one in said
        ]

    async def _newest(self) -> StoredModel | None:
        async with self._database.transaction(self._scope) as connection:
            return await newest_model(connection, self._scope)

    async def _model(self) -> tuple[StoredModel, TriageModel]:
        stored = await self._newest()
        if stored is None:
            raise NotFoundError(
                "There is no triage model.",
                why="Nothing has been learned from this tenant's tickets yet.",
                remedy="An operator trains one with `deskmind triage train` or desk.triage.train.",
            )

        async def read() -> bytes:
            async with self._database.transaction(self._scope) as connection:
                # one that newer versions have replaced meanwhile fails its hash
                return await read_weights(connection, self._scope, stored.sha256) or b""

        return stored, await self._shelf.of(self._scope.tenant_id, stored.sha256, read)

    async def _embedded(self, tickets: Sequence[TrainingTicket]) -> Embedded | None:
        embedder = (await self._room.engine()).embedder
        return None if embedder is None else await embedded(embedder, [ticket.text for ticket in tickets])

    async def _embedder(self, model: TriageModel) -> Embedder | None:
        """None also where the model needs none: it is not loaded then."""
        return (await self._room.engine()).embedder if model.provenance.embedding else None

    async def _vector(self, model: TriageModel, text: str) -> NDArray[np.float32] | None:
        """None where the past was embedded in another space, or not at all."""
        embedder = await self._embedder(model)
        if embedder is None or embedder.space.name != model.past.space:
            return None
        return await embedder.embed_query(text[:LONGEST_EMBEDDED])

    async def _record(self, permission: Permission, resource: str, *, tickets: int, found: int = 0) -> None:
        async with self._database.transaction(self._scope) as connection:
            await record(connection, self._scope, permission, resource=resource, tickets=tickets, found=found)


def _check_count(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise InvalidRequestError(f"{count:,} tickets are not possible.", remedy=f"Give 1 to {most:,}.")
