"""Every public operation declares a permission; refusals are on record."""

from __future__ import annotations

import inspect

import pytest

from deskmind.agents import Agents, Approvals, Memories
from deskmind.agents.definitions import StoredAgents
from deskmind.agents.tools import BUILT_IN
from deskmind.agents.workflows import Schedules, Workflows
from deskmind.agents.workflows.systems import Systems
from deskmind.app import Deskmind
from deskmind.backlog import Jobs
from deskmind.database import Database
from deskmind.desk import Desk
from deskmind.errors import PermissionDeniedError
from deskmind.explain import Requests
from deskmind.feedback import Feedback, Quality
from deskmind.gateway.service import Budgets, Models, Usage, UsageSurvey
from deskmind.governance.access import PERMISSIONS, Permission, declared_permission
from deskmind.governance.access.api_keys import ApiKeys
from deskmind.governance.access.operating import Installation
from deskmind.governance.access.permissions import OWN_REACH
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.service import Access
from deskmind.governance.access.tenants import Tenants
from deskmind.governance.audit.sealing import Sealing
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.evidence.service import Evidence, InstallationEvidence
from deskmind.governance.maintenance import Maintenance
from deskmind.governance.privacy.service import Privacy
from deskmind.governance.redaction.service import Redaction
from deskmind.jobs import JobQueue
from deskmind.knowledge.service import Knowledge
from deskmind.prompts.conversations import Conversations
from deskmind.prompts.experiments import Experiments
from deskmind.prompts.store import Prompts
from deskmind.scope import Scope
from deskmind.sync.connections import Connections
from deskmind.sync.service import Sync
from deskmind.triage.service import Triage
from deskmind.webhooks.service import Webhooks
from deskmind.writes import Writes

_WITHOUT = {
    "Desk.agent": "makes an agent; whoever runs it is asked in Agents.run",
    "Desk.ask": "hands on to Knowledge.ask",
    "Desk.ask_stream": "hands on to Knowledge.ask_stream",
    "Principals.scope_of": "opens a desk; what the desk may do is asked there",
    "Systems.of": "makes one; what is done with it is asked there",
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
            *(Access, Agents, Approvals, Memories, StoredAgents),
            *(Workflows, Schedules, Systems),
            *(
                Prompts,
                Experiments,
                Conversations,
                Requests,
                Feedback,
                Quality,
                AuditLog,
                Sealing,
                Privacy,
                Evidence,
                InstallationEvidence,
                Redaction,
                Triage,
                Connections,
                Sync,
                Writes,
                Webhooks,
                Jobs,
                Installation,
            ),
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
    used |= {one.permission for one in BUILT_IN.values()}  # tools of agents, whose door is the guard
    assert used - {None} == set(Permission) - {Permission.ACCESS_OWN}  # what owners have before admins


async def test_no_operation_runs_for_somebody_without_a_role(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("nobody")
    await operator.access.revoke("requester", user="nobody")
    desk = await app.desk(tenant=operator.scope.tenant, user="nobody")
    walked = 0
    for part in (desk, *(part for name, part in vars(desk).items() if not name.startswith("_"))):
        for name, method in vars(type(part)).items():
            if declared_permission(method) is None:
                continue
            called = getattr(part, name)()  # refused before its arguments are looked at
            with pytest.raises(PermissionDeniedError, match="nobody may not do this"):
                await (anext(called) if inspect.isasyncgen(called) else called)
            walked += 1
    assert walked > 60


async def test_a_service_keeps_its_scope_in_one_place(operator: Desk) -> None:
    """An operation of the whole tenant runs on a copy with a wider ``_scope``: another scope inside would stay narrow."""
    found: set[str] = set()
    for name, part in vars(operator).items():
        wide = [
            declared
            for method in vars(type(part)).values()
            if (declared := declared_permission(method)) and declared not in OWN_REACH
        ]
        for attribute, value in vars(part).items() if wide and not name.startswith("_") else ():
            if attribute != "_scope" and _holds_scope(value, 3):
                found.add(f"{type(part).__name__}.{attribute}")
    assert found <= set(_BESIDE), found


_BESIDE = {
    "Principals._admit": "works in the transaction that it is given",
    "Installation._tenants": "the list of tenants has the installation's scope, whoever looks at it",
}


def _holds_scope(value: object, depth: int) -> bool:
    """Whether a scope is among what an object is made of, the application aside."""
    if isinstance(value, Deskmind | Database | JobQueue) or depth == 0:
        return False
    if isinstance(value, Scope):
        return True
    parts = vars(value).values() if hasattr(value, "__dict__") and not inspect.isroutine(value) else ()
    return any(_holds_scope(part, depth - 1) for part in (*parts, getattr(value, "__self__", None)))


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
