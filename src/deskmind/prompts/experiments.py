"""Experiments: versions of one prompt, each for a share of the users, compared by what comes of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import Person, record
from deskmind.observability import note
from deskmind.prompts.outcomes import ExperimentReport, Tally, compare
from deskmind.prompts.trials import (
    Experiment,
    Variant,
    check_metric,
    check_trial,
    insert_outcome,
    read_experiment,
    read_experiments,
    variant_for,
)
from deskmind.prompts.uses import check_use
from deskmind.prompts.versions import PRODUCTION, PromptVersion, read_version, version_at
from deskmind.scope import Scope

__all__ = ["Assignment", "Experiment", "Experiments", "Variant"]

_TALLY = """
SELECT metric, variant, count(*), sum(observations)::bigint, avg(mean), var_samp(mean),
       bool_and(only_ones AND observations = 1)
  FROM (SELECT metric, variant, principal_id, avg(value) AS mean, count(*) AS observations,
               bool_and(value IN (0, 1)) AS only_ones
          FROM experiment_outcomes WHERE tenant_id = %s AND experiment_id = %s
         GROUP BY metric, variant, principal_id) per_user
 GROUP BY metric, variant ORDER BY metric
"""


_JUDGED = """
SELECT o.experiment_id, o.variant FROM experiment_outcomes o
  JOIN experiments e ON e.tenant_id = o.tenant_id AND e.experiment_id = o.experiment_id
 WHERE o.tenant_id = %s AND o.principal_id = %s AND o.request_id = %s AND o.request_id <> '' AND e.stopped_at IS NULL
 LIMIT 1
"""

FEEDBACK = "feedback"
"""The metric that ``Experiments.feedback`` keeps."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one user gets.

    Attributes:
        experiment: its name.
        variant: its name; empty once the experiment has stopped, when everyone gets what is in production.
        prompt: the version to use.
    """

    experiment: str
    variant: str
    prompt: PromptVersion


class Experiments:
    """The experiments of the scope's tenant. Operators start and read them, every user takes part."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where experiments are kept."""
        return self._database

    @operation(Permission.EXPERIMENTS_WRITE)
    async def start(self, name: str, prompt: str, variants: Sequence[Variant]) -> Experiment:
        """Begin to give users variants.

        Args:
            name: of the experiment; it is never used again.
            prompt: the prompt tried.
            variants: at least two; the first is what the others are compared with.

        Raises:
            InvalidRequestError: a name, weight or the number of variants is not acceptable.
            PromptNotFoundError: a version is not there.
            PromptError: a version cannot be used for what Deskmind uses this prompt.
            ConflictError: there is an experiment of this name.
        """
        check_trial(name, variants)
        experiment_id = uuid4()
        async with self._database.transaction(self._scope) as connection:
            for variant in variants:
                tried = await read_version(connection, self._scope, prompt, variant.version)
                await asyncio.to_thread(check_use, tried.template)
            cursor = await connection.execute(
                "INSERT INTO experiments (tenant_id, experiment_id, name, prompt, started_by)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant_id, name) DO NOTHING",
                (self._scope.tenant_id, experiment_id, name, prompt, self._scope.principal),
            )
            if cursor.rowcount == 0:
                raise ConflictError(
                    f"There is an experiment '{name}' already.", remedy="Choose another name."
                )
            for position, variant in enumerate(variants, 1):
                await connection.execute(
                    "INSERT INTO experiment_variants"
                    " (tenant_id, experiment_id, variant, position, prompt, version, weight)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (
                        self._scope.tenant_id,
                        experiment_id,
                        variant.name,
                        position,
                        prompt,
                        variant.version or None,
                        variant.weight,
                    ),
                )
            await self._record(connection, name, "start", variants)
            return await read_experiment(connection, self._scope, name)

    @operation(Permission.EXPERIMENTS_WRITE)
    async def weigh(self, name: str, weights: Mapping[str, float]) -> Experiment:
        """Change weights. Only users who come to or leave a variant whose weight changed are moved.

        Raises:
            NotFoundError: there is no such experiment or variant.
            ConflictError: it has stopped.
            InvalidRequestError: a weight is not acceptable, or none is above zero.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._running(connection, name)
            unknown = sorted(set(weights) - {variant.name for variant in found.variants})
            if unknown:
                raise NotFoundError(f"The experiment '{name}' has no variant '{unknown[0][:80]}'.")
            changed = [
                Variant(item.name, item.version, weights.get(item.name, item.weight))
                for item in found.variants
            ]
            check_trial(name, changed)
            for variant in changed:
                await connection.execute(
                    "UPDATE experiment_variants SET weight = %s"
                    " WHERE tenant_id = %s AND experiment_id = %s AND variant = %s",
                    (variant.weight, self._scope.tenant_id, found.experiment_id, variant.name),
                )
            await self._record(connection, name, "weigh", changed)
            return await read_experiment(connection, self._scope, name)

    @operation(Permission.EXPERIMENTS_WRITE)
    async def stop(self, name: str) -> Experiment:
        """End an experiment; from now on everyone gets what is in production.

        Raises:
            NotFoundError: there is no such experiment.
            ConflictError: it has stopped already.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._running(connection, name)
            await connection.execute(
                "UPDATE experiments SET stopped_at = now() WHERE tenant_id = %s AND experiment_id = %s",
                (self._scope.tenant_id, found.experiment_id),
            )
            await self._record(connection, name, "stop", found.variants)
            return await read_experiment(connection, self._scope, name)

    @operation(Permission.EXPERIMENTS_READ)
    async def all(self) -> list[Experiment]:
        """Every experiment, the newest first."""
        async with self._database.transaction(self._scope) as connection:
            return await read_experiments(connection, self._scope)

    @operation(Permission.EXPERIMENTS_READ)
    async def report(self, name: str, *, confidence: float = 0.95) -> ExperimentReport:
        """What came of it so far, each user counted once.

        Args:
            name: of the experiment.
            confidence: of the intervals, between 0.5 and 1.

        Raises:
            NotFoundError: there is no such experiment.
        """
        if not 0.5 <= confidence < 1:
            raise InvalidRequestError("The confidence is between 0.5 and 1, such as 0.95.")
        async with self._database.transaction(self._scope) as connection:
            found = await read_experiment(connection, self._scope, name)
            cursor = await connection.execute(_TALLY, (self._scope.tenant_id, found.experiment_id))
            metrics: dict[str, dict[str, Tally]] = {}
            for metric, variant, *tally in await cursor.fetchall():
                metrics.setdefault(metric, {})[variant] = Tally(*tally)
        order = [variant.name for variant in found.variants]
        return ExperimentReport(
            found.name,
            found.running,
            confidence,
            tuple(compare(metric, order, tallies, confidence) for metric, tallies in metrics.items()),
        )

    @operation(Permission.EXPERIMENTS_JOIN)
    async def assign(self, name: str) -> Assignment:
        """The variant of the scope's user: the same at every call, until weights change.

        Raises:
            NotFoundError: there is no such experiment.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await read_experiment(connection, self._scope, name)
            if not found.running:
                version = await version_at(connection, self._scope, found.prompt, PRODUCTION)
                return Assignment(
                    name, "", await read_version(connection, self._scope, found.prompt, version)
                )
            chosen = variant_for(found, self._scope)
            prompt = await read_version(connection, self._scope, found.prompt, chosen.version)
            note("prompt", name=found.prompt, version=prompt.version, experiment=name, variant=chosen.name)
            return Assignment(name, chosen.name, prompt)

    @operation(Permission.EXPERIMENTS_JOIN)
    async def observe(self, name: str, metric: str, value: float, *, variant: str | None = None) -> None:
        """Keep an outcome of the scope's user: feedback, cost in US dollars, latency in seconds, a score.

        Args:
            name: of the experiment.
            metric: what was measured, such as ``feedback``.
            value: a finite number; 0 or 1, once a user, for a proportion.
            variant: what the user was given; the one they are given now when left out.

        Raises:
            NotFoundError: there is no such experiment or variant.
            ConflictError: it has stopped.
            InvalidRequestError: the metric's name or value is not acceptable.
        """
        check_metric(metric)
        if not math.isfinite(value):
            raise InvalidRequestError("An outcome is a finite number.")
        async with self._database.transaction(self._scope) as connection:
            found = await self._running(connection, name)
            given = variant if variant is not None else variant_for(found, self._scope).name
            if given not in {item.name for item in found.variants}:
                raise NotFoundError(f"The experiment '{name}' has no variant '{given[:80]}'.")
            await insert_outcome(connection, self._scope, found.experiment_id, given, metric, value)

    @operation(Permission.EXPERIMENTS_JOIN)
    async def feedback(self, request_id: str, value: float) -> bool:
        """Say how good an answer was, for the experiment that worded it.

        Args:
            request_id: of the answer, which the scope's user got.
            value: 0 for bad to 1 for good.

        Returns:
            Whether it counts: False when no experiment that still runs worded the answer, or it was judged before.

        Raises:
            InvalidRequestError: the value is not 0 to 1, or the id cannot be one.
        """
        if not 0 <= value <= 1:
            raise InvalidRequestError("Feedback is a number from 0 (bad) to 1 (good).")
        if "\x00" in request_id:
            raise InvalidRequestError("The id of a request holds no NUL.")
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _JUDGED, (self._scope.tenant_id, self._scope.principal_id, request_id)
            )
            row = await cursor.fetchone()
            return row is not None and await insert_outcome(
                connection,
                self._scope,
                row[0],
                row[1],
                FEEDBACK,
                value,
                request_id=request_id,
                once=True,
            )

    @operation(Permission.EXPERIMENTS_WRITE)
    async def forget(self, principal_id: UUID) -> int:
        """Remove every outcome of one user of the tenant; gives how many."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "DELETE FROM experiment_outcomes WHERE tenant_id = %s AND principal_id = %s",
                (self._scope.tenant_id, principal_id),
            )
            await record(
                connection,
                self._scope,
                Permission.EXPERIMENTS_WRITE,
                resource=Person(principal_id=principal_id),
                act="forget",
                outcomes=cursor.rowcount,
            )
            return cursor.rowcount

    async def _running(self, connection: Connection, name: str) -> Experiment:
        found = await read_experiment(connection, self._scope, name)
        if not found.running:
            raise ConflictError(f"The experiment '{name}' has stopped.", remedy="Start another one.")
        return found

    async def _record(self, connection: Connection, name: str, act: str, variants: Sequence[Variant]) -> None:
        await record(
            connection,
            self._scope,
            Permission.EXPERIMENTS_WRITE,
            resource=name,
            act=act,
            variants=[f"{item.name}: version {item.version}, weight {item.weight:g}" for item in variants],
        )
