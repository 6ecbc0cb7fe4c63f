"""The workflows that there are from the start."""

from __future__ import annotations

from deskmind.agents.workflows.ready.knowledge_gap import knowledge_gap
from deskmind.agents.workflows.ready.major_incident import major_incident
from deskmind.agents.workflows.ready.resolve import resolve
from deskmind.agents.workflows.ready.shift_handover import shift_handover
from deskmind.agents.workflows.ready.triage import triage
from deskmind.agents.workflows.workflow import Workflow

__all__ = ["READY"]

READY: tuple[Workflow, ...] = (triage, resolve, major_incident, knowledge_gap, shift_handover)
