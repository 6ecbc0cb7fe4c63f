"""Which version of a prompt a user gets when Deskmind itself uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.prompts.shared import shared_prompts
from deskmind.prompts.templates import PromptTemplate
from deskmind.prompts.trials import running_on, variant_for
from deskmind.prompts.versions import PRODUCTION, SHARED_VERSION, read_version, version_at
from deskmind.scope import Scope

__all__ = ["PromptChoice", "PromptUse", "choose_prompt", "production_prompt", "shared_choice"]


@dataclass(frozen=True, slots=True)
class PromptUse:
    """Which prompt was used.

    Attributes:
        name: of the prompt.
        version: of the prompt; 0 is the one that comes with Deskmind.
        experiment: the experiment that chose the version; empty for the version in production.
        variant: its variant.
    """

    name: str
    version: int
    experiment: str = ""
    variant: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "experiment": self.experiment,
            "variant": self.variant,
        }


@dataclass(frozen=True, slots=True)
class PromptChoice:
    """A version that was chosen, ready to be rendered; ``experiment_id`` is None outside an experiment."""

    use: PromptUse
    template: PromptTemplate
    experiment_id: UUID | None = None


async def choose_prompt(connection: Connection, scope: Scope, name: str) -> PromptChoice:
    """The variant of the scope's user where an experiment runs on the prompt, else what is in production.

    Raises:
        PromptNotFoundError: there is no such prompt.
        PromptError: the version cannot be read by this release.
    """
    running = await running_on(connection, scope, name)
    if running is None:
        return await production_prompt(connection, scope, name)
    variant = variant_for(running, scope)
    found = await read_version(connection, scope, name, variant.version)
    use = PromptUse(name, variant.version, running.name, variant.name)
    return PromptChoice(use, found.template, running.experiment_id)


async def production_prompt(connection: Connection, scope: Scope, name: str) -> PromptChoice:
    """What is in production: the tenant's version, else the shared one.

    Raises:
        PromptNotFoundError: there is no such prompt.
        PromptError: the version cannot be read by this release.
    """
    version = await version_at(connection, scope, name, PRODUCTION)
    found = await read_version(connection, scope, name, version)
    return PromptChoice(PromptUse(name, version), found.template)


def shared_choice(name: str) -> PromptChoice:
    """The prompt that comes with Deskmind."""
    return PromptChoice(PromptUse(name, SHARED_VERSION), shared_prompts()[name])
