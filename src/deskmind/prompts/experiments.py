"""Experiments: versions of one prompt, each for a share of the users, compared by what comes of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.observability import note
from deskmind.prompts.assignment import choose_variant
from deskmind.prompts.outcomes import ExperimentReport, Tally, compare
from deskmind.prompts.versions import PRODUCTION, PromptVersion, read_version, version_at
from deskmind.scope import Scope

__all__ = ["Assignment", "Experiment", "Experiments", "Variant"]

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_MAX_VARIANTS = 20
_MAX_WEIGHT = 1e9

_READ = """
SELECT e.experiment_id, e.name, e.prompt, e.started_by, e.started_at, e.stopped_at,
       array_agg(v.variant ORDER BY v.position), array_agg(coalesce(v.version, 0) ORDER BY v.position),
       array_agg(v.weight ORDER BY v.position)
  FROM experiments e JOIN experiment_variants v ON v.tenant_id = e.tenant_id AND v.experiment_id = e.experiment_id
 WHERE e.tenant_id = %s AND (%s::text IS NULL OR e.name = %s)
 GROUP BY e.tenant_id, e.experiment_id ORDER BY e.started_at DESC, e.name
"""

_TALLY = """
SELECT metric, variant, count(*), sum(observations)::bigint, avg(mean), var_samp(mean),
       bool_and(only_ones AND observations = 1)
  FROM (SELECT metric, variant, principal_id, avg(value) AS mean, count(*) AS observations,
               bool_and(value IN (0, 1)) AS only_ones
          FROM experiment_outcomes WHERE tenant_id = %s AND experiment_id = %s
         GROUP BY metric, variant, principal_id) per_user
 GROUP BY metric, variant ORDER BY metric
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the things tried.

    Attributes:
        name: such as ``control``.
        version: of the prompt; 0 is the one that comes with Deskmind.
        weight: its share of the users relative to the others; 0 gives it nobody.
    """

    name: str
    version: int
    weight: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "version": self.version, "weight": self.weight}


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment.

    Attributes:
        experiment_id: its id.
        name: its name.
        prompt: the prompt tried.
        variants: what is tried; the first is what the others are compared with.
        started_by: who started it.
        started_at: when.
        stopped_at: when it ended; None while it runs.
    """

    experiment_id: UUID
    name: str
    prompt: str
    variants: tuple[Variant, ...]
    started_by: str
    started_at: datetime
    stopped_at: datetime | None

    @property
    def running(self) -> bool:
        """Whether users are still given variants."""
        return self.stopped_at is None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "prompt": self.prompt,
            "variants": [variant.as_dict() for variant in self.variants],
            "running": self.running,
            "started_by": self.started_by,
            "started_at": self.started_at.isoformat(),
            "stopped_at": self.stopped_at.isoformat() if self.stopped_at else None,
        }


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
            ConflictError: there is an experiment of this name.
        """
        _check(name, variants)
        experiment_id = uuid4()
        async with self._database.transaction(self._scope) as connection:
            for variant in variants:
                await read_version(connection, self._scope, prompt, variant.version)
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
            return await self._read(connection, name)

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
            _check(name, changed)
            for variant in changed:
                await connection.execute(
                    "UPDATE experiment_variants SET weight = %s"
                    " WHERE tenant_id = %s AND experiment_id = %s AND variant = %s",
                    (variant.weight, self._scope.tenant_id, found.experiment_id, variant.name),
                )
            await self._record(connection, name, "weigh", changed)
            return await self._read(connection, name)

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
            return await self._read(connection, name)

    @operation(Permission.EXPERIMENTS_READ)
    async def all(self) -> list[Experiment]:
        """Every experiment, the newest first."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_READ, (self._scope.tenant_id, None, None))
            return [_experiment(row) for row in await cursor.fetchall()]

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
            found = await self._read(connection, name)
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
            found = await self._read(connection, name)
            if not found.running:
                version = await version_at(connection, self._scope, found.prompt, PRODUCTION)
                return Assignment(
                    name, "", await read_version(connection, self._scope, found.prompt, version)
                )
            chosen = self._chosen(found)
            prompt = await read_version(connection, self._scope, found.prompt, chosen.version)
            note("prompt", name=found.prompt, version=prompt.version, experiment=name, variant=chosen.name)
            return Assignment(name, chosen.name, prompt)

    @operation(Permission.EXPERIMENTS_JOIN)
    async def observe(
        self,
        name: str,
        metric: str,
        value: float,
        *,
        variant: str | None = None,
        outcome_id: UUID | None = None,
    ) -> None:
        """Keep an outcome of the scope's user: feedback, cost in US dollars, latency in seconds, a score.

        Args:
            name: of the experiment.
            metric: what was measured, such as ``feedback``.
            value: a finite number; 0 or 1, once a user, for a proportion.
            variant: what the user was given; the one they are given now when left out.
            outcome_id: of an outcome that may come again: the last value counts, once.

        Raises:
            NotFoundError: there is no such experiment or variant.
            ConflictError: it has stopped.
            InvalidRequestError: the metric's name or value is not acceptable.
        """
        if not _NAME.fullmatch(metric):
            raise InvalidRequestError(f"'{metric[:80]}' cannot name a metric.", why=_NAMES)
        if not math.isfinite(value):
            raise InvalidRequestError("An outcome is a finite number.")
        async with self._database.transaction(self._scope) as connection:
            found = await self._running(connection, name)
            given = variant if variant is not None else self._chosen(found).name
            if given not in {item.name for item in found.variants}:
                raise NotFoundError(f"The experiment '{name}' has no variant '{given[:80]}'.")
            await connection.execute(
                "INSERT INTO experiment_outcomes"
                " (tenant_id, experiment_id, outcome_id, variant, principal_id, metric, value)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (tenant_id, experiment_id, outcome_id)"
                " DO UPDATE SET value = excluded.value, occurred_at = now()",
                (
                    self._scope.tenant_id,
                    found.experiment_id,
                    outcome_id or uuid4(),
                    given,
                    self._scope.principal_id,
                    metric,
                    float(value),
                ),
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
                resource=str(principal_id),
                act="forget",
                outcomes=cursor.rowcount,
            )
            return cursor.rowcount

    def _chosen(self, experiment: Experiment) -> Variant:
        weights = {variant.name: variant.weight for variant in experiment.variants}
        name = choose_variant(str(experiment.experiment_id), str(self._scope.principal_id), weights)
        return next(variant for variant in experiment.variants if variant.name == name)

    async def _running(self, connection: Connection, name: str) -> Experiment:
        found = await self._read(connection, name)
        if not found.running:
            raise ConflictError(f"The experiment '{name}' has stopped.", remedy="Start another one.")
        return found

    async def _read(self, connection: Connection, name: str) -> Experiment:
        cursor = await connection.execute(_READ, (self._scope.tenant_id, name, name))
        row = await cursor.fetchone()
        if row is None:
            raise NotFoundError(f"There is no experiment '{name[:80]}'.")
        return _experiment(row)

    async def _record(self, connection: Connection, name: str, act: str, variants: Sequence[Variant]) -> None:
        await record(
            connection,
            self._scope,
            Permission.EXPERIMENTS_WRITE,
            resource=name,
            act=act,
            variants=[f"{item.name}: version {item.version}, weight {item.weight:g}" for item in variants],
        )


_NAMES = "A name has 1 to 80 of a-z, 0-9, '_', '.' and '-', and begins with a letter."


def _check(name: str, variants: Sequence[Variant]) -> None:
    names = [variant.name for variant in variants]
    for text in (name, *names):
        if not _NAME.fullmatch(text):
            raise InvalidRequestError(f"'{text[:80]}' cannot name an experiment or variant.", why=_NAMES)
    if not 2 <= len(names) <= _MAX_VARIANTS or len(set(names)) != len(names):
        raise InvalidRequestError(f"An experiment has 2 to {_MAX_VARIANTS} variants of different names.")
    weights = [variant.weight for variant in variants]
    if not all(0 <= weight <= _MAX_WEIGHT for weight in weights) or not any(weights):
        raise InvalidRequestError("Weights are 0 or more, and one of them is above 0.")


def _experiment(row: Sequence[Any]) -> Experiment:
    variants = tuple(Variant(*item) for item in zip(*row[6:9], strict=True))
    return Experiment(row[0], row[1], row[2], variants, row[3], row[4], row[5])
