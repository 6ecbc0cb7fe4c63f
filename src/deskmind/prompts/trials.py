"""Experiments as rows: what is tried, who gets what, what came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from deskmind.database import Connection
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.prompts.assignment import choose_variant
from deskmind.scope import Scope

__all__ = [
    "Experiment",
    "Variant",
    "check_metric",
    "check_trial",
    "insert_outcome",
    "read_experiment",
    "read_experiments",
    "running_on",
    "variant_for",
]

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_NAMES = "A name has 1 to 80 of a-z, 0-9, '_', '.' and '-', and begins with a letter."
_MAX_VARIANTS = 20
_MAX_WEIGHT = 1e9

_READ = """
SELECT e.experiment_id, e.name, e.prompt, e.started_by, e.started_at, e.stopped_at,
       array_agg(v.variant ORDER BY v.position), array_agg(coalesce(v.version, 0) ORDER BY v.position),
       array_agg(v.weight ORDER BY v.position)
  FROM experiments e JOIN experiment_variants v ON v.tenant_id = e.tenant_id AND v.experiment_id = e.experiment_id
 WHERE e.tenant_id = %s AND {condition}
 GROUP BY e.tenant_id, e.experiment_id ORDER BY e.started_at {order}, e.name
"""

_ALL = _READ.format(condition="%s::text IS NULL", order="DESC")
_ONE = _READ.format(condition="e.name = %s", order="DESC")
_RUNNING = _READ.format(condition="e.prompt = %s AND e.stopped_at IS NULL", order="ASC") + " LIMIT 1"

_OUTCOME = """
INSERT INTO experiment_outcomes
       (tenant_id, experiment_id, outcome_id, variant, principal_id, metric, value, request_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT
"""
_ONCE = _OUTCOME + "DO NOTHING"
_LAST = (
    _OUTCOME
    + "(tenant_id, experiment_id, outcome_id) DO UPDATE SET value = excluded.value, occurred_at = now()"
)


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


async def read_experiments(connection: Connection, scope: Scope) -> list[Experiment]:
    """Every experiment, the newest first."""
    cursor = await connection.execute(_ALL, (scope.tenant_id, None))
    return [_experiment(row) for row in await cursor.fetchall()]


async def read_experiment(connection: Connection, scope: Scope, name: str) -> Experiment:
    """One experiment.

    Raises:
        NotFoundError: there is none of this name.
    """
    cursor = await connection.execute(_ONE, (scope.tenant_id, name)) if _NAME.fullmatch(name) else None
    row = await cursor.fetchone() if cursor is not None else None
    if row is None:
        raise NotFoundError(f"There is no experiment '{name[:80]}'.")
    return _experiment(row)


async def running_on(connection: Connection, scope: Scope, prompt: str) -> Experiment | None:
    """The experiment that runs on a prompt; of several the one that began first."""
    row = await (await connection.execute(_RUNNING, (scope.tenant_id, prompt))).fetchone()
    return _experiment(row) if row is not None else None


def variant_for(experiment: Experiment, scope: Scope) -> Variant:
    """What the scope's user gets: the same at every call, until weights change."""
    weights = {variant.name: variant.weight for variant in experiment.variants}
    name = choose_variant(str(experiment.experiment_id), str(scope.principal_id), weights)
    return next(variant for variant in experiment.variants if variant.name == name)


async def insert_outcome(
    connection: Connection,
    scope: Scope,
    experiment_id: UUID,
    variant: str,
    metric: str,
    value: float,
    *,
    request_id: str = "",
    once: bool = False,
    replaces: bool = False,
) -> bool:
    """Keep an outcome of the scope's user; False when it is not kept.

    With ``once`` the first outcome of a request in this metric counts, with ``replaces`` the last.
    """
    outcome_id = uuid4()
    if once or replaces:
        parts = (str(experiment_id), str(scope.principal_id), request_id, metric)
        outcome_id = uuid5(NAMESPACE_OID, "\0".join(parts))
    cursor = await connection.execute(
        _LAST if replaces else _ONCE,
        (
            scope.tenant_id,
            experiment_id,
            outcome_id,
            variant,
            scope.principal_id,
            metric,
            float(value),
            request_id,
        ),
    )
    return cursor.rowcount == 1


def check_trial(name: str, variants: Sequence[Variant]) -> None:
    """See that an experiment can be.

    Raises:
        InvalidRequestError: a name, weight or the number of variants is not acceptable.
    """
    names = [variant.name for variant in variants]
    for text in (name, *names):
        if not _NAME.fullmatch(text):
            raise InvalidRequestError(f"'{text[:80]}' cannot name an experiment or variant.", why=_NAMES)
    if not 2 <= len(names) <= _MAX_VARIANTS or len(set(names)) != len(names):
        raise InvalidRequestError(f"An experiment has 2 to {_MAX_VARIANTS} variants of different names.")
    weights = [variant.weight for variant in variants]
    if not all(0 <= weight <= _MAX_WEIGHT for weight in weights) or not any(weights):
        raise InvalidRequestError("Weights are 0 or more, and one of them is above 0.")


def check_metric(name: str) -> None:
    """See that a metric can have this name.

    Raises:
        InvalidRequestError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(f"'{name[:80]}' cannot name a metric.", why=_NAMES)


def _experiment(row: Sequence[Any]) -> Experiment:
    variants = tuple(Variant(*item) for item in zip(*row[6:9], strict=True))
    return Experiment(row[0], row[1], row[2], variants, row[3], row[4], row[5])
