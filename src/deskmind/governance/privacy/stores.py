"""What a store of personal data does when a person is exported or erased; a host's own stores do the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol
from uuid import UUID

from deskmind.governance.privacy.catalogue import Holding
from deskmind.governance.privacy.identifiers import Identifier, forms
from deskmind.governance.privacy.mentions import Mentions, SqlPattern, sql_pattern
from deskmind.scope import Scope

__all__ = ["Counts", "Owned", "PersonalStore", "Subject"]

Counts = Mapping[str, int]
"""How much was ``erased``, ``masked``, ``pseudonymised``, ``kept``: rows, or what the store counts by."""

Owned = Literal["redact", "delete"]
"""What becomes of documents that the person added: mentions are masked as everywhere, or the documents go."""


@dataclass(frozen=True)
class Subject:
    """The person an erasure or export is about. It holds what names them: it is neither logged nor kept.

    Attributes:
        scope: the operator's of the tenant, in which the stores act.
        principal_id: None for who has no account.
        name: user name; empty without an account.
        identifiers: what they are known by.
        spoken: further forms in which they stand in texts.
        alias: random id that what must stay is kept under.
        owned: what becomes of their documents.
    """

    scope: Scope
    principal_id: UUID | None
    name: str
    identifiers: tuple[Identifier, ...]
    alias: UUID
    owned: Owned = "redact"
    spoken: frozenset[str] = frozenset()

    @cached_property
    def forms(self) -> frozenset[str]:
        """The forms in which texts mention the person."""
        return forms(self.identifiers) | self.spoken

    @cached_property
    def mentions(self) -> Mentions:
        """Finds and masks mentions of the person in a text."""
        return Mentions.of(self.forms)

    @cached_property
    def pattern(self) -> SqlPattern | None:
        """The same for PostgreSQL; None when there is nothing to look for."""
        return sql_pattern(self.forms) if self.forms else None


class PersonalStore(Protocol):
    """A store of personal data. Register a store of your own with ``app.register_store``."""

    @property
    def name(self) -> str:
        """What receipts and reports call it: a short lower-case name."""
        ...

    def declare(self) -> Sequence[Holding]:
        """Its entries in the data map."""
        ...

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """What it keeps of the person, as JSON has it."""
        ...

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Erase the person; it may be called again after a failure or a restore, and then finds less.

        Args:
            subject: who.
            dry_run: only count what would go.
        """
        ...
