"""Stored agents: files kept as immutable versions, tested with a scripted model, published by moving a label."""

from __future__ import annotations

from deskmind.agents.definitions.cases import (
    Case,
    CaseResult,
    Expected,
    Report,
    ScriptedReply,
    cases_from_file,
)
from deskmind.agents.definitions.service import StoredAgents
from deskmind.agents.definitions.spec import AgentSpec, spec_from_file, spec_to_file
from deskmind.agents.definitions.versions import AgentSummary, AgentVersion

__all__ = [
    "AgentSpec",
    "AgentSummary",
    "AgentVersion",
    "Case",
    "CaseResult",
    "Expected",
    "Report",
    "ScriptedReply",
    "StoredAgents",
    "cases_from_file",
    "spec_from_file",
    "spec_to_file",
]
