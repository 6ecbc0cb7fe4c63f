"""A redactor for each tenant: the installation's rules with the tenant's own words, and nobody else's."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import MissingExtraError, UnavailableError
from deskmind.governance.redaction.directory import DirectoryDetector
from deskmind.governance.redaction.redactor import Redactor
from deskmind.governance.redaction.rules import RedactionRules
from deskmind.governance.redaction.stored import TenantWords, read_words, words_version
from deskmind.scope import Scope

__all__ = ["TenantRedactors"]

_NOBODY = UUID(int=0)
_MOST_TENANTS = 500


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    redactor: Redactor | None = None
    masking: Redactor | None = None
    version: tuple[Any, ...] = ()
    until: float = 0.0
    changes: int = 0


class TenantRedactors:
    """The redactors of the tenants that call.

    What a tenant has said is compared with the database every few seconds and taken in anew, in a thread, when it has
    changed: O(its names). While the database is away the one last known serves; who has none is refused.
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
        """A tenant is gone."""
        self._kept.pop(tenant_id, None)

    def renew(self, tenant_id: UUID) -> None:
        """Something of a tenant has changed here: look again with its next text."""
        if (kept := self._kept.get(tenant_id)) is not None:
            kept.changes += 1
            kept.until = 0.0

    async def _refresh(self, tenant_id: UUID, kept: _Kept) -> None:
        changes = kept.changes
        try:
            version, words = await self._read(tenant_id, kept.version)
        except UnavailableError:
            if kept.redactor is None:
                raise
        else:
            if words is not None:
                key = self._hash_key(tenant_id)
                kept.redactor, kept.masking = await asyncio.to_thread(_redactors, self._rules, words, key)
                kept.version = version
        if kept.changes == changes:  # otherwise something was said while this was being read
            kept.until = self._clock() + self._seconds

    async def _read(
        self, tenant_id: UUID, known: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], TenantWords | None]:
        """The version of what the tenant has said, and all of it where that has changed."""
        if tenant_id == _NOBODY:
            return (), TenantWords()
        scope = Scope.operator(tenant_id, "", "redaction")
        async with self._database.transaction(scope) as connection:
            version = await words_version(connection, tenant_id)
            return version, None if version == known else await read_words(connection, tenant_id)


def _redactors(rules: RedactionRules, words: TenantWords, key: bytes) -> tuple[Redactor, Redactor]:
    """What redacts, and what masks."""
    own = rules.with_words(words)
    try:
        directory = DirectoryDetector(words.entries)
    except MissingExtraError:  # the rules have said so
        return own.redactor(hash_key=key), own.masking()
    directory.build()
    return own.redactor(directory, hash_key=key), own.masking(directory)
