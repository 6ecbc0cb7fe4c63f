"""What workflows need of the application."""

from __future__ import annotations

from typing import Protocol

from deskmind.agents.room import AgentRoom
from deskmind.agents.workflows.workflow import Catalogue
from deskmind.keyring import Keyring

__all__ = ["WorkflowRoom"]


class WorkflowRoom(AgentRoom, Protocol):
    """The application, as far as workflows see it."""

    keyring: Keyring
    workflow_catalogue: Catalogue
