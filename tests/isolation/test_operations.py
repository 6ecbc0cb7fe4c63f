"""Every public operation declares a permission; refusals are on record."""

from __future__ import annotations

import inspect

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import PermissionDeniedError
from deskmind.explain import Requests
from deskmind.feedback import Feedback, Quality
from deskmind.gateway.service import Budgets, Models, Usage, UsageSurvey
from deskmind.governance.access import PERMISSIONS, Permission, declared_permission
from deskmind.governance.access.api_keys import ApiKeys
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.tenants import Tenants
from deskmind.governance.audit.sealing import Sealing
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.maintenance import Maintenance
from deskmind.knowledge.service import Knowledge
from deskmind.prompts.conversations import Conversations
from deskmind.prompts.experiments import Experiments
from deskmind.prompts.store import Prompts
from deskmind.triage.service import Triage

_WITHOUT = {
    "Desk.ask": "hands on to Knowledge.ask",
    "Desk.ask_stream": "hands on to Knowledge.ask_stream",
    "Principals.scope_of": "opens a desk; what the desk may do is asked there",
}


def _operations() -> dict[str, object]:
    return {
        f"{kind.__name__}.{name}": method
        for kind in (
            *(
                Desk,
                Knowledge,
                Principals,
                ApiKeys,
                Tenants,
                Models,
                Maintenance,
                Usage,
                UsageSurvey,
                Budgets,
            ),
            *(Prompts, Experiments, Conversations, Requests, Feedback, Quality, AuditLog, Sealing, Triage),
        )
        for name, method in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(method)
    }


@pytest.mark.parametrize("name", sorted(_operations()))
def test_every_operation_declares_its_permission(name: str) -> None:
    declared = declared_permission(_operations()[name])
    assert (declared is None) == (name in _WITHOUT), name


def test_every_permission_is_described() -> None:
    assert set(PERMISSIONS) == set(Permission)
    used = {declared_permission(method) for method in _operations().values()}
    assert used - {None} == set(Permission)


async def test_a_refusal_is_in_the_audit_log(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("member")
    member = await app.desk(tenant=operator.scope.tenant, user="member")
    with pytest.raises(PermissionDeniedError, match="member may not do this"):
        await member.keys.all()
    (event,) = [item for item in await operator.audit() if item.outcome == "denied"]
    assert (event.action, event.principal) == ("keys.read", "member")
    assert event.correlation_id


async def test_a_failed_act_leaves_no_record(operator: Desk) -> None:
    await operator.principals.add_user("once")
    before = len(await operator.audit())
    with pytest.raises(Exception, match="exists already"):
        await operator.principals.add_user("once")
    assert len(await operator.audit()) == before
