"""Narrowing a search by what is known of the documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.knowledge.characters import check_characters

__all__ = ["SearchFilter"]


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """All conditions given must hold.

    Attributes:
        metadata: each key has this value.
        media_type: such as ``text/markdown``.
        uri_prefix: the document's address begins so.
        updated_after: inclusive.
        updated_before: exclusive.
        document_ids: only these documents.

    Raises:
        InvalidRequestError: a text has characters that no document can have.
    """

    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    media_type: str | None = None
    uri_prefix: str | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    document_ids: tuple[UUID, ...] = ()

    def __post_init__(self) -> None:
        check_characters(media_type=self.media_type, uri_prefix=self.uri_prefix)
        for key, value in self.metadata.items():
            check_characters(metadata=key + value)

    def as_json(self) -> dict[str, Any] | None:
        """What the search functions take; None when nothing is asked."""
        conditions: dict[str, Any] = {
            "metadata": dict(self.metadata) or None,
            "media_type": self.media_type,
            "uri_prefix": self.uri_prefix,
            "updated_after": self.updated_after.isoformat() if self.updated_after else None,
            "updated_before": self.updated_before.isoformat() if self.updated_before else None,
            "document_ids": [str(item) for item in self.document_ids] or None,
        }
        return {key: value for key, value in conditions.items() if value is not None} or None
