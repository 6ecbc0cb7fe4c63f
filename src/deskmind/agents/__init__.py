"""Agents: runs that do work with tools, within limits, with approval where they write, durable to the last row.

``desk.agent(…)`` makes one, ``desk.agents`` shows runs, ``desk.approvals`` is where people decide. The loop is pydantic-ai's
(extra ``agents``); its model is the gateway, so that permission, redaction, budgets, ledger and audit apply to each call.
"""

from __future__ import annotations

from deskmind.agents.agent import Agent
from deskmind.agents.approvals import Approvals
from deskmind.agents.events import AgentEvent, ApprovalWanted, ModelReplied, RunEnded, TextPiece, ToolAnswered
from deskmind.agents.limits import Limits, Used
from deskmind.agents.memory import Memories, MemoryUse
from deskmind.agents.proposals import Proposed
from deskmind.agents.run import Definition, Run, RunDetails, Step
from deskmind.agents.safety import Check, CheckedText
from deskmind.agents.safety.blocks import Block
from deskmind.agents.service import Agents
from deskmind.agents.tool import Material, Preview, Tool, ToolContext, tool

__all__ = [
    "Agent",
    "AgentEvent",
    "Agents",
    "ApprovalWanted",
    "Approvals",
    "Block",
    "Check",
    "CheckedText",
    "Definition",
    "Limits",
    "Material",
    "Memories",
    "MemoryUse",
    "ModelReplied",
    "Preview",
    "Proposed",
    "Run",
    "RunDetails",
    "RunEnded",
    "Step",
    "TextPiece",
    "Tool",
    "ToolAnswered",
    "ToolContext",
    "Used",
    "tool",
]
