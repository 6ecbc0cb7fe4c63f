"""A worker's part in training: the job, and when the next one is due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import DeskmindError, StorageFullError, WorkerDiedError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.observability import logger
from deskmind.observability.actor import Acting
from deskmind.scope import Scope
from deskmind.settings import TriageSettings
from deskmind.triage.store import StoredModel
from deskmind.triage.tickets import TrainingTicket
from deskmind.triage.trainings import (
    Training,
    abandon_training,
    ask_for_training,
    begin_training,
    end_training,
    list_trainings,
    training_due,
)

__all__ = ["LearningDesk", "give_up_training", "run_training", "schedule_training"]

_log = logger("deskmind.triage")


class _Learner(Protocol):
    def train(
        self, tickets: Sequence[TrainingTicket], *, threshold: float = ..., embed: bool = ...
    ) -> Awaitable[StoredModel]: ...


class _Reader(Protocol):
    def training_tickets(self) -> Awaitable[list[TrainingTicket]]: ...


class LearningDesk(Protocol):
    """What of a desk the job needs."""

    @property
    def triage(self) -> _Learner:
        """Learns and keeps the model."""
        ...

    @property
    def sync(self) -> _Reader:
        """Gives the tickets."""
        ...


async def run_training(
    database: Database, arguments: Mapping[str, str], desk_of: Callable[[Scope], LearningDesk]
) -> None:
    """The job. What the tickets are to blame for is the training's problem; anything else is tried again."""
    scope = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
    training_id = UUID(arguments["training_id"])
    async with database.transaction(scope) as connection:
        cursor = await connection.execute("SELECT slug FROM tenants WHERE tenant_id = %s", (scope.tenant_id,))
        tenant = await cursor.fetchone()
        training = await begin_training(connection, scope, training_id)
    if training is None or tenant is None:
        return
    scope = replace(scope, tenant=tenant[0])
    Acting(scope.tenant, scope.principal)
    try:
        stored = await _learn(desk_of(scope), training)
    except StorageFullError:
        raise
    except DeskmindError as error:
        await _failed(database, scope, training_id, f"{error.code}: {error.what} {error.why}".strip())
        _log.warning("triage.training_failed", training=str(training_id), reason=error.code)
        return
    except Exception as error:
        await _failed(database, scope, training_id, type(error).__name__)
        raise
    async with database.transaction(scope) as connection:
        tickets = stored.provenance.tickets
        await end_training(connection, scope, training_id, tickets=tickets, version=stored.version)


async def give_up_training(database: Database, arguments: Mapping[str, str]) -> None:
    """Say of a training whose workers died of it that it has failed."""
    scope = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
    problem = f"{WorkerDiedError.code}: Workers died again and again while they learned; they may have run out of memory."
    async with database.transaction(scope) as connection:
        await abandon_training(connection, scope, UUID(arguments["training_id"]), problem)


async def schedule_training(database: Database, scope: Scope, settings: TriageSettings) -> bool:
    """Queue a training where enough tickets came or changed since the last; whether one was queued.

    Args:
        database: where tickets are.
        scope: the tenant's operator's.
        settings: what is enough.
    """
    if not settings.retrain_share:
        return False
    async with database.transaction(scope) as connection:
        if not await training_due(
            connection, scope, share=settings.retrain_share, least=settings.retrain_least
        ):
            return False
        last = (await list_trainings(connection, scope))[0]
        asked = await ask_for_training(
            connection, scope, threshold=last.threshold, embed=last.embed, scheduled=True
        )
        resource = f"training {asked.training_id}"
        await record(connection, scope, Permission.TRIAGE_TRAIN, resource=resource, act="scheduled")
    return True


async def _learn(desk: LearningDesk, training: Training) -> StoredModel:
    tickets = await desk.sync.training_tickets()
    return await desk.triage.train(tickets, threshold=training.threshold, embed=training.embed)


async def _failed(database: Database, scope: Scope, training_id: UUID, problem: str) -> None:
    async with database.transaction(scope) as connection:
        await end_training(connection, scope, training_id, problem=problem)
