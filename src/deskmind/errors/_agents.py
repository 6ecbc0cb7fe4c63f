"""A run of an agent did not come to its end."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError

__all__ = [
    "AgentCancelledError",
    "AgentError",
    "AgentLimitError",
    "AgentOutputError",
    "LeaseLostError",
    "StepFailedError",
    "WorkflowChangedError",
]


class AgentError(DeskmindError):
    """A run of an agent did not come to its end."""

    code, status, title, exit_code = "agent", 502, "The agent did not come to its end", 69


class AgentLimitError(AgentError):
    """A run would exceed its limit of steps, tokens, dollars, seconds or tool calls."""

    code, status, title = "agent-limit", 422, "The agent's limit is reached"


class AgentOutputError(AgentError):
    """A model gave no output of the wanted form, also when asked again."""

    code, title = "agent-output", "The agent gave no output of the wanted form"


class AgentCancelledError(AgentError):
    """Somebody cancelled the run."""

    code, status, title = "agent-cancelled", 409, "The run was cancelled"


class LeaseLostError(AgentError):
    """Another worker has taken the run over; what this one does no longer counts."""

    code, status, title = "lease-lost", 409, "Another worker has the run"


class StepFailedError(AgentError):
    """A step of a workflow failed, also when it was tried again; ``problem`` in the details is the code of its error."""

    code, status, title = "step-failed", 422, "A step of the workflow failed"


class WorkflowChangedError(AgentError):
    """A run meets other steps than those that are recorded: its workflow was changed, or does not do the same each time."""

    code, status, title = "workflow-changed", 409, "The workflow is not the one the run began as"
