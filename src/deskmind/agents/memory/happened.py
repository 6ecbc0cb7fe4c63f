"""What a run leaves to learn from: its texts with their origins, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from deskmind.agents.memory.memory import Draft, Origin, Trust

__all__ = ["Extractor", "Happened", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """A text of a run.

    Attributes:
        text: as it was.
        origin: see ``Origin``.
        trust: see ``Trust``.
        source: name of the agent, or of the tool.
        step: position in the transcript; None for the prompt.
    """

    text: str
    origin: Origin
    trust: Trust
    source: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """A run that is done.

    Attributes:
        run_id: its id.
        agent: the agent's name.
        told: its prompt first, then others' texts and results of tools, its output last.
        tainted: whether others' text was read, so that the output is not trusted.
        tools: names of the tools that were called and answered, in order.
        done: writes that were made: the tool and its arguments.
    """

    run_id: UUID
    agent: str
    told: tuple[Told, ...]
    tainted: bool
    tools: tuple[str, ...] = ()
    done: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    @property
    def prompt(self) -> Told:
        """What the user wanted."""
        return self.told[0]

    @property
    def output(self) -> Told:
        """What came out."""
        return self.told[-1]


class Extractor(Protocol):
    """Makes drafts of a run. Each keeps the origin and the trust of the text it is from."""

    async def extract(self, happened: Happened) -> list[Draft]:
        """What could be remembered; the rules decide what is."""
        ...
