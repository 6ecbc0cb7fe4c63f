"""What is learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["TrainingTicket"]


@dataclass(frozen=True, slots=True)
class TrainingTicket:
    """A ticket of the past, or a new one to be compared.

    Attributes:
        text: summary first, then description; raw or cleaned.
        labels: by target, such as ``{"category": "Hardware", "priority": "2"}``; a target may be absent.
        resolved: whether it is done.
        created_at: when it was opened, with a zone; None when not known.
        reference: what a person calls it, such as ``INC0012345``.
    """

    text: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    resolved: bool = True
    created_at: datetime | None = None
    reference: str = ""
