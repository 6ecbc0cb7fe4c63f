"""Learning from what was synchronised, by workers."""

from __future__ import annotations

import asyncio
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import InvalidRequestError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.jobs import JobQueue
from deskmind.scope import Scope
from deskmind.triage.learning import THRESHOLD
from deskmind.triage.trainings import Training, ask_for_training, find_training, list_trainings

__all__ = ["Retraining", "check_threshold"]

_POLL_SECONDS = 0.2


class Retraining:
    """Trainings by workers, from the tickets that were read from the tenant's connected systems."""

    def __init__(self, database: Database, scope: Scope, jobs: JobQueue) -> None:
        self._database = database
        self._scope = scope
        self._jobs = jobs

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where models are kept."""
        return self._database

    @operation(Permission.TRIAGE_TRAIN)
    async def retrain(
        self, *, threshold: float = THRESHOLD, embed: bool = True, wait: bool = False
    ) -> Training:
        """Have a worker learn from the synchronised tickets; one training of a tenant at a time.

        Args:
            threshold: confidence below which is abstained, 0 to 1.
            embed: as for ``train``.
            wait: until it is over, and help with the queue meanwhile; ``Training.problem`` says what went wrong.

        Raises:
            InvalidRequestError: the threshold is not a confidence.
        """
        check_threshold(threshold)
        async with self._database.transaction(self._scope) as connection:
            asked = await ask_for_training(connection, self._scope, threshold=threshold, embed=embed)
            await record(
                connection,
                self._scope,
                Permission.TRIAGE_TRAIN,
                resource=f"training {asked.training_id}",
                act="asked",
            )
        return await self._finished(asked.training_id) if wait else asked

    @operation(Permission.TRIAGE_TRAIN)
    async def training(self, training_id: UUID) -> Training:
        """How far a training is.

        Raises:
            NotFoundError: there is none, or newer ones have replaced it.
        """
        async with self._database.transaction(self._scope) as connection:
            return await find_training(connection, self._scope, training_id)

    @operation(Permission.TRIAGE_TRAIN)
    async def trainings(self) -> list[Training]:
        """The last twenty trainings by workers, newest first."""
        async with self._database.transaction(self._scope) as connection:
            return await list_trainings(connection, self._scope)

    async def _finished(self, training_id: UUID) -> Training:
        """Help with the queue until the training is over, by whoever does it."""
        while True:
            await self._jobs.drain()
            async with self._database.transaction(self._scope) as connection:
                found = await find_training(connection, self._scope, training_id)
            if found.over:
                return found
            await asyncio.sleep(_POLL_SECONDS)


def check_threshold(threshold: float) -> None:
    """Whether it is a confidence.

    Raises:
        InvalidRequestError: it is not.
    """
    if not 0 <= threshold <= 1:
        raise InvalidRequestError("The threshold is not a confidence.", remedy="Choose 0 to 1.")
