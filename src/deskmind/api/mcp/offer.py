"""What a server offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deskmind.api.mcp.briefs import BRIEFS
from deskmind.api.mcp.changing import CHANGING
from deskmind.api.mcp.families import FAMILIES
from deskmind.api.mcp.family import Family
from deskmind.api.mcp.prompts import BuiltIn
from deskmind.api.mcp.reading import READING
from deskmind.api.mcp.sampling import SAMPLING
from deskmind.api.mcp.tickets import TICKETS
from deskmind.api.mcp.tool import Tool
from deskmind.api.mcp.writing import WRITING
from deskmind.settings import McpSettings

__all__ = ["Offer", "offer_of"]


@dataclass(frozen=True, slots=True)
class Offer:
    """Tools, resources and prompts, and how clients are dealt with.

    Attributes:
        tools: what is not here can neither be listed nor called.
        resources: kinds of them.
        prompts: besides the tenant's.
        sampling: whether tools may ask the client's model.
        answer_seconds: that a person has to answer.
        watch_seconds: between two looks at what is watched.
    """

    tools: Sequence[Tool[Any]]
    resources: Sequence[Family] = FAMILIES
    prompts: Sequence[BuiltIn] = BRIEFS
    sampling: bool = False
    answer_seconds: float = 300.0
    watch_seconds: float = 2.0


def offer_of(settings: McpSettings, *, allow_writes: bool = False) -> Offer:
    """What settings allow; tools that write are there where either the settings or the argument allow them."""
    writes = settings.allow_writes or allow_writes
    return Offer(
        (
            *READING,
            *TICKETS,
            *(SAMPLING if settings.allow_sampling else ()),
            *((*WRITING, *CHANGING) if writes else ()),
        ),
        sampling=settings.allow_sampling,
        answer_seconds=settings.answer_seconds,
        watch_seconds=settings.watch_seconds,
    )
