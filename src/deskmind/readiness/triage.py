"""The check of triage: models that were learned with the embedder that is there, trainings that did not fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deskmind.app import Deskmind
from deskmind.governance.access.tenants import Tenants
from deskmind.readiness.report import Check
from deskmind.scope import Scope
from deskmind.triage.store import StoredModel, newest_model
from deskmind.triage.trainings import list_trainings

__all__ = ["triage"]

_MOST_TENANTS = 500
_TRAIN = "Train again: `deskmind triage train --tenant NAME`."


@dataclass(frozen=True, slots=True)
class _State:
    tenant: str
    model: StoredModel | None
    failed: bool

    @property
    def calibration_error(self) -> float:
        figures = self.model.provenance.evaluation.values() if self.model is not None else ()
        return max((float(one.get("calibration_error", 0)) for one in figures), default=0.0)


async def triage(app: Deskmind) -> Check:
    """The newest model of each tenant was learned with the embedder that is there, and no last training failed."""
    tenants = (await Tenants(app.database).all())[:_MOST_TENANTS]
    states = [await _state(app, Scope.operator(one.tenant_id, one.slug, "readiness")) for one in tenants]
    learned = [one for one in states if one.model is not None]
    embedder = (await app.engine()).embedder
    spaces = {"", embedder.space.name if embedder is not None else ""}
    failed = [one.tenant for one in states if one.failed]
    astray = [one.tenant for one in learned if one.model and one.model.provenance.embedding not in spaces]
    evidence = {
        "tenants": len(states),
        "models": len(learned),
        "failed_trainings": len(failed),
        "of_another_embedder": len(astray),
        "largest_calibration_error": max((one.calibration_error for one in learned), default=0.0),
    }
    if failed:
        finding = f"The last training of {_named(failed)} failed."
        return Check("triage", "red", finding, "`deskmind triage trainings` says why.", evidence)
    if astray:
        finding = f"Words alone count: the model of {_named(astray)} was learned with another embedder."
        return Check("triage", "red", finding, _TRAIN, evidence)
    if not learned:
        return Check("triage", "not assessed", "No tenant has learned from its tickets.", evidence=evidence)
    return Check(
        "triage", "green", f"{len(learned)} of {len(states)} tenants have a model.", evidence=evidence
    )


def _named(tenants: Sequence[str]) -> str:
    return tenants[0] if len(tenants) == 1 else f"{tenants[0]} and {len(tenants) - 1} more"


async def _state(app: Deskmind, scope: Scope) -> _State:
    async with app.database.transaction(scope) as connection:
        trainings = await list_trainings(connection, scope)
        failed = bool(trainings) and trainings[0].state == "failed"
        return _State(scope.tenant, await newest_model(connection, scope), failed)
