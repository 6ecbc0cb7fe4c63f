"""What a tenant has said of redaction, as it is stored: patterns, actions, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction.detector import folded
from deskmind.governance.redaction.detectors import Pattern
from deskmind.governance.redaction.directory import DirectoryEntry
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.policy import Action
from deskmind.observability import logger

__all__ = ["StoredPattern", "TenantWords", "read_patterns", "read_words", "words_version"]

_SHORTEST = 3
_log = logger("deskmind.redaction")

_VERSION = """
SELECT (SELECT count(*) FROM principals WHERE tenant_id = %(t)s AND kind = 'user'),
       (SELECT sum(hashtextextended(name || chr(10) || display_name, 0)) FROM principals WHERE tenant_id = %(t)s AND kind = 'user'),
       (SELECT count(*) FROM directory_entries WHERE tenant_id = %(t)s),
       (SELECT sum(hashtextextended(type || chr(10) || value, 0)) FROM directory_entries WHERE tenant_id = %(t)s),
       (SELECT sum(hashtextextended(name || chr(10) || regex || chr(10) || type || score, 0)) FROM redaction_patterns WHERE tenant_id = %(t)s),
       (SELECT sum(hashtextextended(type || chr(10) || action, 0)) FROM redaction_actions WHERE tenant_id = %(t)s)
"""

_PEOPLE = "SELECT name, display_name FROM principals WHERE tenant_id = %s AND kind = 'user'"
_ENTRIES = "SELECT DISTINCT type, value FROM directory_entries WHERE tenant_id = %s"
_PATTERNS = "SELECT name, regex, type, score FROM redaction_patterns WHERE tenant_id = %s ORDER BY name"
_ACTIONS = "SELECT type, action FROM redaction_actions WHERE tenant_id = %s"


@dataclass(frozen=True, slots=True)
class StoredPattern:
    """The form of an identifier of the tenant's own.

    Attributes:
        name: unique in the tenant.
        regex: checked when it was saved.
        type: what it is the form of.
        score: how sure a match is, 0 to 1.
    """

    name: str
    regex: str
    type: EntityType
    score: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "type": str(self.type)}

    def pattern(self) -> Pattern:
        """As a detector takes it."""
        return Pattern(self.type, re.compile(self.regex), self.score, f"form of {self.name}", needs="")


@dataclass(frozen=True, slots=True)
class TenantWords:
    """All of it, for the making of a redactor.

    Attributes:
        patterns: forms of the tenant's own.
        actions: by type, where not as in the settings.
        entries: people, devices, organisations.
    """

    patterns: tuple[Pattern, ...] = ()
    actions: Mapping[EntityType, Action] | None = None
    entries: tuple[DirectoryEntry, ...] = ()


async def words_version(connection: Connection, tenant_id: UUID) -> tuple[Any, ...]:
    """What differs whenever anything of it differs. O(the tenant's names), about 1 µs each."""
    return await (await connection.execute(_VERSION, {"t": tenant_id})).fetchone() or ()


async def read_patterns(connection: Connection, tenant_id: UUID) -> list[StoredPattern]:
    """The tenant's patterns by name."""
    rows = await (await connection.execute(_PATTERNS, (tenant_id,))).fetchall()
    return [StoredPattern(name, regex, EntityType(kind), score) for name, regex, kind, score in rows]


async def read_words(connection: Connection, tenant_id: UUID) -> TenantWords:
    """All that a redactor of the tenant needs."""
    people = await (await connection.execute(_PEOPLE, (tenant_id,))).fetchall()
    entries = await (await connection.execute(_ENTRIES, (tenant_id,))).fetchall()
    actions = await (await connection.execute(_ACTIONS, (tenant_id,))).fetchall()
    patterns = await read_patterns(connection, tenant_id)
    known = [DirectoryEntry(value, EntityType(kind)) for kind, value in entries]
    return TenantWords(
        tuple(_compiled(patterns)),
        {EntityType(kind): Action(action) for kind, action in actions},
        (*(entry for person in people for entry in _person(*person)), *known),
    )


def _compiled(patterns: list[StoredPattern]) -> Iterator[Pattern]:
    for stored in patterns:
        try:
            yield stored.pattern()
        except re.error:  # saved by a release whose Python knew more
            _log.warning("redaction.pattern_unusable", pattern=stored.name)


def _person(name: str, display_name: str) -> Iterator[DirectoryEntry]:
    """Both names, save words that say something else in most texts: a user named ``support`` is nobody's secret."""
    named = ((name, EntityType.USERNAME), (display_name, EntityType.PERSON))
    for value, entity in named:
        if len(value) >= _SHORTEST and folded(value) not in ORDINARY:
            yield DirectoryEntry(value, entity)
