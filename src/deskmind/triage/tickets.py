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
        document: its document in the tenant's knowledge, ``SOURCE_ID/EXTERNAL_ID``. Who may see that document may be told of
            the ticket; without one, only who may see every ticket.
    """

    text: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    resolved: bool = True
    created_at: datetime | None = None
    reference: str = ""
    document: str = ""
