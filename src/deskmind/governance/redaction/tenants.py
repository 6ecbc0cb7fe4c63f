"""A redactor for each tenant: the installation's rules with the tenant's own people, and nobody else's."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import MissingExtraError, UnavailableError
from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction.detector import folded
from deskmind.governance.redaction.directory import DirectoryDetector, DirectoryEntry
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.redactor import Redactor
from deskmind.governance.redaction.rules import RedactionRules
from deskmind.scope import Scope

__all__ = ["TenantRedactors"]

_NOBODY = UUID(int=0)
_MOST_TENANTS = 500
_SHORTEST = 3

_VERSION = """
SELECT count(*), sum(hashtextextended(name || chr(10) || display_name, 0)) FROM principals
 WHERE tenant_id = %s AND kind = 'user'
"""

_PEOPLE = "SELECT name, display_name FROM principals WHERE tenant_id = %s AND kind = 'user'"


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    redactor: Redactor | None = None
    masking: Redactor | None = None
    version: tuple[Any, ...] = ()
    until: float = 0.0


class TenantRedactors:
    """The redactors of the tenants that call.

    A tenant's directory is compared with the database every few seconds and built anew, in a thread, when it has changed:
    O(its people). While the database is away the one last known serves; who has none is refused.
    """

    def __init__(
        self,
        database: Database,
        rules: RedactionRules,
        hash_key: Callable[[UUID], bytes],
        *,
        seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """For the tenants of a database.

        Args:
            database: where the people are.
            rules: the installation's.
            hash_key: secret bytes for a tenant's hashes.
            seconds: how old a directory may be.
            clock: seconds.
        """
        self._database = database
        self._rules = rules
        self._hash_key = hash_key
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()

    async def of(self, tenant_id: UUID) -> Redactor:
        """The redactor of a tenant; of the rules alone for the nil UUID.

        Raises:
            UnavailableError: the tenant's directory is not known and cannot be read.
        """
        kept = self._kept.setdefault(tenant_id, _Kept())
        self._kept.move_to_end(tenant_id)
        if kept.redactor is None or self._clock() >= kept.until:
            async with kept.lock:
                if kept.redactor is None or self._clock() >= kept.until:
                    await self._refresh(tenant_id, kept)
        while len(self._kept) > _MOST_TENANTS:
            self._kept.popitem(last=False)
        assert kept.redactor is not None
        return kept.redactor

    def masking(self, tenant_id: UUID | None) -> Redactor:
        """What masks for spans, at once: with the tenant's directory when this process has read it."""
        kept = self._kept.get(tenant_id) if tenant_id is not None else None
        return self._rules.masking() if kept is None or kept.masking is None else kept.masking

    def forget(self, tenant_id: UUID) -> None:
        """A tenant is gone, or its people have changed here."""
        self._kept.pop(tenant_id, None)

    async def _refresh(self, tenant_id: UUID, kept: _Kept) -> None:
        try:
            version, people = await self._read(tenant_id, kept.version)
        except UnavailableError:
            if kept.redactor is None:
                raise
        else:
            if people is not None:
                key = self._hash_key(tenant_id)
                kept.redactor, kept.masking = await asyncio.to_thread(_redactors, self._rules, people, key)
                kept.version = version
        kept.until = self._clock() + self._seconds

    async def _read(
        self, tenant_id: UUID, known: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], Sequence[tuple[str, str]] | None]:
        """The directory's version, and its people where they have changed."""
        if tenant_id == _NOBODY:
            return (), []
        scope = Scope.operator(tenant_id, "", "redaction")
        async with self._database.transaction(scope) as connection:
            version = await (await connection.execute(_VERSION, (tenant_id,))).fetchone() or ()
            if version == known:
                return version, None
            return version, await (await connection.execute(_PEOPLE, (tenant_id,))).fetchall()


def _redactors(
    rules: RedactionRules, people: Sequence[tuple[str, str]], key: bytes
) -> tuple[Redactor, Redactor]:
    """What redacts, and what masks."""
    try:
        directory = DirectoryDetector(entry for person in people for entry in _entries(*person))
    except MissingExtraError:  # the rules have said so
        return rules.redactor(hash_key=key), rules.masking()
    directory.build()
    return rules.redactor(directory, hash_key=key), rules.masking(directory)


def _entries(name: str, display_name: str) -> list[DirectoryEntry]:
    """Both names, save words that say something else in most texts: a user named ``support`` is nobody's secret."""
    named = ((name, EntityType.USERNAME), (display_name, EntityType.PERSON))
    return [
        DirectoryEntry(value, entity)
        for value, entity in named
        if len(value) >= _SHORTEST and folded(value) not in ORDINARY
    ]
