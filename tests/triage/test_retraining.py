"""Training by workers: asked for, done once, told; and asked for anew when enough tickets have changed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.sync.conftest import connect

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.settings import TriageSettings
from deskmind.triage.jobs import schedule_training

OFTEN = TriageSettings(retrain_share=0.1, retrain_least=1)


async def test_a_worker_learns_from_what_was_synchronised_and_again_when_that_changes(
    app: Deskmind, operator: Desk
) -> None:
    async with ServiceNowSandbox(size="tiny") as box:
        await connect(operator, box, kinds=("ticket",))
        await operator.sync.run("now")
        asked = await operator.triage.retrain(embed=False)
        assert asked.state in ("waiting", "running", "done")
        done = await operator.triage.retrain(threshold=0.4, embed=False, wait=True)
        assert (done.state, done.problem) == ("done", "")
        (stored, *_) = await operator.triage.models()
        assert (stored.version, stored.trained_by, stored.provenance.tickets) == (done.version, "worker", 40)
        (said,) = await operator.triage.predict(["TideGate disconnects when I join a call"])
        assert said.neighbours[0].reference.startswith("INC")
        assert not await schedule_training(app.database, operator.scope, OFTEN)
        box.churn(12)
        await operator.sync.run("now")
        assert not await schedule_training(app.database, operator.scope, TriageSettings(retrain_share=0))
        assert not await schedule_training(app.database, operator.scope, TriageSettings(retrain_least=10_000))
        assert await schedule_training(app.database, operator.scope, OFTEN)
        assert not await schedule_training(app.database, operator.scope, OFTEN), "one is asked for already"
    newest = (await operator.triage.trainings())[0]
    assert (newest.scheduled, newest.threshold) == (True, pytest.approx(0.4))
    acts = [one.details.get("act") for one in await operator.audit() if one.action == "triage.train"]
    assert {"asked", "scheduled"} <= set(acts)


async def test_what_cannot_be_learned_from_is_told_and_not_tried_again(operator: Desk) -> None:
    failed = await operator.triage.retrain(wait=True)
    assert failed.state == "failed"
    assert "No ticket was read yet." in failed.problem
    assert await operator.triage.training(failed.training_id) == failed
    assert await operator.triage.models() == []


async def test_a_training_belongs_to_its_tenant_and_to_who_may_train(app: Deskmind, operator: Desk) -> None:
    await operator.principals.add_user("ann")
    member = await app.desk(tenant=operator.scope.tenant, user="ann")
    for act in (member.triage.retrain(), member.triage.trainings(), member.triage.training(uuid4())):
        with pytest.raises(PermissionDeniedError):
            await act
    with pytest.raises(NotFoundError):
        await operator.triage.training(uuid4())
    with pytest.raises(InvalidRequestError, match="threshold"):
        await operator.triage.retrain(threshold=2)
