"""What keeps an erased person from coming back with the next file, sync or account."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError, SuppressedError
from deskmind.governance.privacy.identifiers import Identifier, identifier_of, principal_form, whole_forms
from deskmind.governance.privacy.marks import Mark, MarkKeys, marked_mentions
from deskmind.governance.privacy.mentions import Mentions
from deskmind.keyring import Keyring
from deskmind.scope import Scope

__all__ = ["Suppression", "add_marks"]

_MARKS = "SELECT encode(mark, 'hex'), mark_version, words FROM privacy_marks WHERE tenant_id = $1::uuid"
_VERSION = """
SELECT count(*) || ' ' || coalesce(sum(uuid_hash_extended(erasure_id, 0)), 0) FROM privacy_marks WHERE tenant_id = $1::uuid
"""
"""The marks of an erasure come together, and go together."""


class Suppression:
    """The erased people of one tenant, known by keyed marks alone.

    A connector asks ``suppressed`` for each person it would bring in, and passes texts through ``mentions``::

        if await suppression.suppressed([user.email, user.user_name, user.sys_id]):
            return  # neither stored nor counted by name
        text = (await suppression.mentions()).masked(ticket.description)
    """

    def __init__(self, database: Database, keyring: Keyring, scope: Scope) -> None:
        """Of the scope's tenant; whatever the scope may do, only the answer to its question comes back."""
        self._database = database
        self._tenant = str(scope.tenant_id)
        self._scope = Scope.operator(scope.tenant_id, scope.tenant, "suppression")
        self._keys = MarkKeys(keyring, scope.tenant_id)

    async def suppressed(self, identifiers: Sequence[str]) -> bool:
        """Whether any of these is an erased person's: e-mail address, user name, full name, telephone number, vendor's id.

        Case, accents, punctuation and a telephone number's country code make no difference. One indexed look-up.
        """
        async with self._database.transaction(self._scope) as connection:
            return await self.known(connection, identifiers)

    async def known(self, connection: Connection, identifiers: Sequence[str]) -> bool:
        """The same inside an operator's transaction."""
        wanted = [mark for form in _whole(identifiers) for mark in self._keys.every(form)]
        cursor = await connection.execute(
            "SELECT 1 FROM privacy_marks WHERE tenant_id = %s AND mark = ANY (%s) LIMIT 1",
            (self._scope.tenant_id, wanted),
        )
        return await cursor.fetchone() is not None

    async def refuse(self, connection: Connection, identifiers: Sequence[str]) -> None:
        """Keep an account of an erased person from being made.

        Raises:
            SuppressedError: one of the identifiers is an erased person's.
        """
        if await self.known(connection, [value for value in identifiers if value]):
            raise SuppressedError(
                "This account would bring back a person who was erased.",
                why="A name of the account is on the tenant's suppression list.",
                remedy="If it is somebody else, or the person has come back: `deskmind privacy readmit --subject NAME`.",
            )

    async def mentions(self) -> Mentions:
        """What finds and masks the erased people in texts; false when nobody was erased. O(marks) to read."""
        return (await self.marked())[1]

    async def marked(self) -> tuple[str, Mentions]:
        """``mentions``, and the ``version`` that they are of at least."""
        version, rows = await self._database.together(
            self._scope, (_VERSION, [self._tenant]), (_MARKS, [self._tenant])
        )
        marks = [
            Mark(bytes.fromhex(str(value)), int(str(version)), int(str(words)))
            for value, version, words in rows
        ]
        kept = set(self._keys.versions)
        mentions = marked_mentions(self._keys, [mark for mark in marks if mark.version in kept])
        return str(version[0][0]), mentions

    @asynccontextmanager
    async def writing(self, scope: Scope) -> AsyncGenerator[tuple[Connection, str]]:
        """A transaction in ``scope`` that holds the tenant's knowledge, and the version of who is erased as it begins.

        An erasure adds its marks, waits until nobody holds the knowledge, and only then looks for mentions. So whoever has
        masked by this version may write: an erasure that it does not know of will find what was written.
        """
        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SELECT lock_knowledge()")
            version = await self.version(connection)
            await self._database.narrow(connection, scope)
            yield connection, version

    async def version(self, connection: Connection) -> str:
        """What changes whenever somebody is erased or comes back, inside an operator's transaction. O(marks)."""
        cursor = await connection.execute(_VERSION.replace("$1", "%s"), (self._tenant,))
        row = await cursor.fetchone()
        return str(row[0]) if row else ""

    async def lift(self, connection: Connection, identifiers: Sequence[str]) -> tuple[int, list[UUID]]:
        """Forget the marks of the erasures that these identifiers belong to; gives how many went, and which erasures'."""
        wanted = [mark for form in _whole(identifiers) for mark in self._keys.every(form)]
        cursor = await connection.execute(
            "DELETE FROM privacy_marks WHERE tenant_id = %s AND erasure_id IN ("
            " SELECT erasure_id FROM privacy_marks WHERE tenant_id = %s AND mark = ANY (%s)) RETURNING erasure_id",
            (self._scope.tenant_id, self._scope.tenant_id, wanted),
        )
        gone = [row[0] for row in await cursor.fetchall()]
        return len(gone), sorted(set(gone))


async def add_marks(connection: Connection, tenant_id: UUID, erasure_id: UUID, marks: Iterable[Mark]) -> None:
    """Keep marks in an operator's transaction; those that are there stay."""
    given = list(marks)
    await connection.execute(
        "INSERT INTO privacy_marks (tenant_id, mark, mark_version, words, erasure_id)"
        " SELECT %s, m.mark, m.version, m.words, %s FROM unnest(%s::bytea[], %s::integer[], %s::smallint[])"
        " m(mark, version, words) ON CONFLICT DO NOTHING",
        (
            tenant_id,
            erasure_id,
            [mark.value for mark in given],
            [mark.version for mark in given],
            [mark.words for mark in given],
        ),
    )


def _whole(identifiers: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for value in identifiers:
        try:
            given = identifier_of(value)
        except InvalidRequestError:
            continue
        found |= whole_forms(given) | whole_forms(Identifier(value, "name"))
    return found | {principal_form(UUID(value)) for value in identifiers if _is_id(value)}


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
