"""A tenant's own redaction: forms of its identifiers, what is done with each type, the names it knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import ConfigurationError, ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.governance.redaction.directory import DirectoryEntry
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.expressions import checked_expression
from deskmind.governance.redaction.policy import Action, RedactionPolicy
from deskmind.governance.redaction.redactor import Redacted, Redactor
from deskmind.governance.redaction.stored import StoredPattern, read_patterns
from deskmind.scope import Scope

__all__ = ["Redaction", "RedactionRoom", "checked_pattern"]

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_MOST_PATTERNS = 100
_MOST_ENTRIES = 200_000
_LONGEST_VALUE = 200
BY_HAND = "by-hand"

_SAVE = """
INSERT INTO redaction_patterns (tenant_id, name, regex, type, score) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, name) DO UPDATE SET regex = excluded.regex, type = excluded.type, score = excluded.score
"""
_SET = """
INSERT INTO redaction_actions (tenant_id, type, action) VALUES (%s, %s, %s)
ON CONFLICT (tenant_id, type) DO UPDATE SET action = excluded.action
"""
_KNOW = """
INSERT INTO directory_entries (tenant_id, source, type, value) SELECT %s, %s, t, v FROM unnest(%s::text[], %s::text[]) AS e (t, v)
ON CONFLICT DO NOTHING
"""


class RedactionRoom(Protocol):
    """Where the redactors are."""

    async def tenant_redactor(self, tenant_id: UUID) -> Redactor:
        """The tenant's, as it is now."""
        ...

    def forget_redaction(self, tenant_id: UUID) -> None:
        """Something of the tenant's has changed here."""
        ...


class Redaction:
    """The redaction of the scope's tenant (operators): what is said here is added to the installation's settings."""

    def __init__(self, database: Database, scope: Scope, room: RedactionRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where it is kept."""
        return self._database

    @operation(Permission.REDACTION_READ)
    async def redact(self, text: str) -> Redacted:
        """A text with what the tenant's rules find replaced, as its models would be told it.

        Raises:
            ContentBlockedError: it holds what the tenant refuses.
        """
        return (await self._room.tenant_redactor(self._scope.tenant_id)).redact(text)

    @operation(Permission.REDACTION_READ)
    async def redactor(self) -> Redactor:
        """The tenant's redactor, for many texts."""
        return await self._room.tenant_redactor(self._scope.tenant_id)

    @operation(Permission.REDACTION_READ)
    async def patterns(self) -> list[StoredPattern]:
        """The tenant's patterns by name; those of the settings hold beside them."""
        async with self._database.transaction(self._scope) as connection:
            return await read_patterns(connection, self._scope.tenant_id)

    @operation(Permission.REDACTION_WRITE)
    async def add_pattern(
        self,
        name: str,
        regex: str,
        *,
        type: str = "EMPLOYEE_ID",  # noqa: A002
        score: float = 0.9,
    ) -> StoredPattern:
        """Add a pattern, or put another in its place; it holds at once here, within seconds elsewhere.

        Args:
            name: a-z, 0-9 and ``_.-``, unique in the tenant.
            regex: as Python has them; a group ``value`` is what is found, else the whole match.
            type: what it is the form of.
            score: how sure a match is, 0 to 1.

        Raises:
            InvalidRequestError: a value is not right, or some text could make the expression slow.
            ConflictError: there are too many.
        """
        pattern = checked_pattern(name, regex, type, score)
        async with self._database.transaction(self._scope) as connection:
            others = [
                item for item in await read_patterns(connection, self._scope.tenant_id) if item.name != name
            ]
            if len(others) >= _MOST_PATTERNS:
                raise ConflictError(
                    f"There are {_MOST_PATTERNS} patterns already.",
                    why="Each is looked for in every text.",
                    remedy="Put several forms into one: 'EMP-[0-9]{6}|STAFF-[0-9]{4}'.",
                )
            row = (self._scope.tenant_id, name, regex, str(pattern.type), score)
            await connection.execute(_SAVE, row)
            await self._record(connection, f"pattern {name}", act="set", type=str(pattern.type))
        self._room.forget_redaction(self._scope.tenant_id)
        return pattern

    @operation(Permission.REDACTION_WRITE)
    async def remove_pattern(self, name: str) -> None:
        """Remove a pattern.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "DELETE FROM redaction_patterns WHERE tenant_id = %s AND name = %s",
                (self._scope.tenant_id, name),
            )
            if cursor.rowcount == 0:
                raise NotFoundError(
                    f"There is no pattern '{name}'.", remedy="`deskmind redaction patterns list` shows them."
                )
            await self._record(connection, f"pattern {name}", act="removed")
        self._room.forget_redaction(self._scope.tenant_id)

    @operation(Permission.REDACTION_READ)
    async def actions(self) -> dict[EntityType, Action]:
        """What is done with each type, from the settings and the tenant."""
        policy = (await self._room.tenant_redactor(self._scope.tenant_id)).policy
        return {entity: policy.action(entity) for entity in EntityType}

    @operation(Permission.REDACTION_WRITE)
    async def set_action(self, type: str, action: str | None) -> None:  # noqa: A002
        """Say what is done with a type in this tenant; None for what the settings say.

        Raises:
            InvalidRequestError: the type or the action is not known.
        """
        policy = RedactionPolicy.parse({type: action or "mask"})
        ((entity, known),) = policy.actions.items()
        async with self._database.transaction(self._scope) as connection:
            if action is None:
                await connection.execute(
                    "DELETE FROM redaction_actions WHERE tenant_id = %s AND type = %s",
                    (self._scope.tenant_id, str(entity)),
                )
            else:
                await connection.execute(_SET, (self._scope.tenant_id, str(entity), str(known)))
            await self._record(connection, f"action {entity}", act=str(known) if action else "removed")
        self._room.forget_redaction(self._scope.tenant_id)

    @operation(Permission.REDACTION_READ)
    async def directory(self, *, source: str | None = None, limit: int = 1000) -> list[DirectoryEntry]:
        """Names the tenant knows beside those of its users, by type and value."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT DISTINCT value, type FROM directory_entries WHERE tenant_id = %s"
                " AND (%s::text IS NULL OR source = %s) ORDER BY type, value LIMIT %s",
                (self._scope.tenant_id, source, source, limit),
            )
            return [DirectoryEntry(value, EntityType(kind)) for value, kind in await cursor.fetchall()]

    @operation(Permission.REDACTION_WRITE)
    async def know(
        self, entries: Iterable[DirectoryEntry], *, source: str = BY_HAND, replace: bool = False
    ) -> int:
        """Take in names of people, devices and organisations; they are found at once here, within seconds elsewhere.

        Args:
            entries: what is to be known.
            source: where they come from, such as ``servicenow``.
            replace: whether what this source said before is forgotten, in one transaction.

        Returns:
            How many are known of this source now.

        Raises:
            InvalidRequestError: a value is too short or too long, there are too many, or the source's name is not right.
        """
        named = _entries(entries, source)
        async with self._database.transaction(self._scope) as connection:
            if replace:
                await connection.execute(
                    "DELETE FROM directory_entries WHERE tenant_id = %s AND source = %s",
                    (self._scope.tenant_id, source),
                )
            kinds, values = [str(entry.type) for entry in named], [entry.value for entry in named]
            await connection.execute(_KNOW, (self._scope.tenant_id, source, kinds, values))
            cursor = await connection.execute(
                "SELECT count(*) FROM directory_entries WHERE tenant_id = %s AND source = %s",
                (self._scope.tenant_id, source),
            )
            row = await cursor.fetchone()
            await self._record(
                connection, f"directory {source}", act="replaced" if replace else "added", entries=len(named)
            )
        self._room.forget_redaction(self._scope.tenant_id)
        return int(row[0]) if row else 0

    @operation(Permission.REDACTION_WRITE)
    async def forget(self, values: Sequence[str], *, source: str = BY_HAND) -> int:
        """Take names of a source out again; how many there were."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "DELETE FROM directory_entries WHERE tenant_id = %s AND source = %s AND value = ANY (%s)",
                (self._scope.tenant_id, source, list(values)),
            )
            await self._record(connection, f"directory {source}", act="removed", entries=cursor.rowcount)
        self._room.forget_redaction(self._scope.tenant_id)
        return cursor.rowcount

    async def _record(self, connection: Any, resource: str, **details: Any) -> None:
        await record(connection, self._scope, Permission.REDACTION_WRITE, resource=resource, **details)


def checked_pattern(name: str, regex: str, kind: str, score: float) -> StoredPattern:
    """A pattern that can be stored.

    Raises:
        InvalidRequestError: a value is not right, or some text could make the expression slow.
    """
    _check_name("pattern", name)
    if not 0 <= score <= 1:
        raise InvalidRequestError(f"The score {score} is not between 0 and 1.")
    (entity,) = RedactionPolicy.parse({kind: "mask"}).actions
    try:
        checked_expression(name, regex)
    except ConfigurationError as error:
        raise InvalidRequestError(
            error.what, why=error.why, remedy="Give a form with fixed parts, such as 'EMP-[0-9]{6}'."
        ) from None
    return StoredPattern(name, regex, entity, score)


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"'{name[:80]}' is no name of a {what}.",
            remedy="Begin with a-z; then a-z, 0-9, '_', '.' and '-', 80 at most.",
        )


def _entries(entries: Iterable[DirectoryEntry], source: str) -> list[DirectoryEntry]:
    _check_name("source", source)
    named = list(dict.fromkeys(entries))
    if len(named) > _MOST_ENTRIES:
        raise InvalidRequestError(
            f"{len(named)} names are too many.", remedy=f"Give at most {_MOST_ENTRIES} at once."
        )
    if any(not 1 < len(entry.value.strip()) <= _LONGEST_VALUE for entry in named):
        raise InvalidRequestError(
            "A name is too short or too long.", remedy=f"Give names of 2 to {_LONGEST_VALUE} characters."
        )
    return named
