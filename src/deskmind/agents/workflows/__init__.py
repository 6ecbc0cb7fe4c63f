"""Workflows: several agents and steps as plain Python, recorded step by step, so that a run goes on wherever it stood.

``@workflow`` makes one, ``app.register_workflow`` makes it known, ``desk.workflows`` runs it, ``desk.schedules`` has it begin by
itself. A run waits for people and times in the database, under the same lease, approvals and claims of effects as an agent's.
"""

from __future__ import annotations

from deskmind.agents.workflows.driving import Replayed
from deskmind.agents.workflows.flow import Called, Flow
from deskmind.agents.workflows.patterns import HandOff, Plan, Role, hand_off, supervise
from deskmind.agents.workflows.run import (
    RunEvent,
    WorkflowInfo,
    WorkflowRun,
    WorkflowRunDetails,
    WorkflowStep,
)
from deskmind.agents.workflows.schedules import Schedule, Schedules
from deskmind.agents.workflows.service import Workflows
from deskmind.agents.workflows.workflow import Workflow, workflow

__all__ = [
    "Called",
    "Flow",
    "HandOff",
    "Plan",
    "Replayed",
    "Role",
    "RunEvent",
    "Schedule",
    "Schedules",
    "Workflow",
    "WorkflowInfo",
    "WorkflowRun",
    "WorkflowRunDetails",
    "WorkflowStep",
    "Workflows",
    "hand_off",
    "supervise",
    "workflow",
]
