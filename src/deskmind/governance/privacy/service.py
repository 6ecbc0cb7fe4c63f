"""``desk.privacy``: what is kept of people, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import (
    ConflictError,
    InvalidRequestError,
    LegalHoldError,
    NotFoundError,
    PrincipalNotFoundError,
)
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit import Person, record
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.erasures import Erasure, Erasures
from deskmind.governance.privacy.exporting import Export
from deskmind.governance.privacy.holds import Hold, place_hold, read_holds
from deskmind.governance.privacy.identifiers import Identifier, identifier_of
from deskmind.governance.privacy.receipts import Receipt
from deskmind.governance.privacy.replay import Replay, known_by
from deskmind.governance.privacy.replaylist import ReplayEntry, ReplayList
from deskmind.governance.privacy.retention import Expired, Retention
from deskmind.governance.privacy.stores import Counts, Owned, PersonalStore, Subject
from deskmind.governance.privacy.suppression import Suppression
from deskmind.keyring import Keyring
from deskmind.scope import Scope
from deskmind.settings import PrivacySettings

__all__ = ["Privacy", "PrivacyRoom"]

_ACCOUNT = """
SELECT principal_id, name, display_name FROM principals
 WHERE tenant_id = %s AND kind <> 'group' AND (name = %s OR principal_id::text = %s) ORDER BY name = %s DESC LIMIT 1
"""
_LONGEST_REASON = 500


class PrivacyRoom(Protocol):
    """What privacy needs beside the database: the application has it."""

    @property
    def keyring(self) -> Keyring:
        """The keys of marks and receipts."""
        ...

    @property
    def personal_stores(self) -> Sequence[PersonalStore]:
        """Every store, in the order of erasing."""
        ...

    @property
    def replay_list(self) -> ReplayList:
        """The list outside of the database."""
        ...

    async def settle_stories(self) -> None:
        """Write what this process still holds."""
        ...


class Privacy:
    """The people of the scope's tenant as data subjects (operators)."""

    def __init__(
        self, database: Database, scope: Scope, settings: PrivacySettings, room: PrivacyRoom
    ) -> None:
        self._database = database
        self._scope = scope
        self._settings = settings
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @operation(Permission.PRIVACY_READ, told=False)
    async def map(self) -> list[Holding]:
        """The data map: what this release and the host's own stores keep of people, why and for how long."""
        others = [holding for store in self._room.personal_stores for holding in store.declare()]
        return list(dict.fromkeys([*DATA_MAP, *others]))

    @operation(Permission.PRIVACY_EXPORT, told=False)
    async def export(self, subject: str, *, also: Sequence[str] = ()) -> Export:
        """What is kept of a person, by store.

        Args:
            subject: user name or id; who has no account, an identifier: e-mail address, full name, telephone number.
            also: further identifiers, to look for in texts.

        Raises:
            InvalidRequestError: an identifier is none.
        """
        await self._room.settle_stories()
        found = await self._subject(subject, also)
        stores = {store.name: await store.export(found) for store in self._room.personal_stores}
        async with self._database.transaction(self._scope) as connection:
            rows = sum(map(len, stores.values()))
            await record(
                connection,
                self._scope,
                Permission.PRIVACY_EXPORT,
                resource=Person(found.name, found.principal_id)
                if found.principal_id is not None
                else self._erasures().subject_mark(found).hex(),
                rows=rows,
            )
        return Export.now(subject, {name: rows for name, rows in stores.items() if rows})

    @operation(Permission.PRIVACY_ERASE, told=False)
    async def plan(
        self, subject: str, *, also: Sequence[str] = (), owned: Owned = "redact"
    ) -> dict[str, Counts]:
        """What an erasure would do, by store; nothing changes.

        Raises:
            LegalHoldError: a hold stands on the person.
        """
        await self._room.settle_stories()
        return await self._erasures().plan(await self._subject(subject, also, owned))

    @operation(Permission.PRIVACY_ERASE, told=False)
    async def request_erasure(
        self, subject: str, *, also: Sequence[str] = (), owned: Owned = "redact"
    ) -> Erasure:
        """Put an erasure on record; a worker does it. From now on the person cannot come back.

        Raises:
            LegalHoldError: a hold stands on the person.
        """
        erasures = self._erasures()
        return await erasures.one(await erasures.request(await self._subject(subject, also, owned)))

    @operation(Permission.PRIVACY_ERASE, told=False)
    async def erase(self, subject: str, *, also: Sequence[str] = (), owned: Owned = "redact") -> Erasure:
        """Erase a person everywhere, now. When it is interrupted, a worker or ``resume`` goes on with it.

        Args:
            subject: user name or id; who has no account, an identifier.
            also: further identifiers: e-mail addresses, telephone numbers, vendors' ids.
            owned: whether documents the person added stay, with mentions masked, or go.

        Raises:
            LegalHoldError: a hold stands on the person.
        """
        await self._room.settle_stories()
        erasures = self._erasures()
        return await erasures.run(await erasures.request(await self._subject(subject, also, owned)))

    @operation(Permission.PRIVACY_ERASE, told=False)
    async def resume(self, erasure_id: UUID | None = None) -> list[Erasure]:
        """Finish one erasure that was interrupted, or all of them; of all, one that a hold stops is given as it waits.

        Raises:
            NotFoundError: there is none of that id.
            LegalHoldError: a hold stands on the person of the one that was named.
        """
        erasures = self._erasures()
        if erasure_id is not None:
            return [await erasures.run(erasure_id)]
        given: list[Erasure] = []
        for waiting in [item for item in await erasures.list(limit=1000) if item.state == "waiting"]:
            try:
                given.append(await erasures.run(waiting.erasure_id))
            except LegalHoldError:  # those of other people do not wait for it
                given.append(waiting)
        return given

    @operation(Permission.PRIVACY_READ, told=False)
    async def erasures(
        self, *, limit: int = 100, before: tuple[datetime, UUID] | None = None
    ) -> list[Erasure]:
        """The newest erasures with their receipts, newest first.

        Args:
            limit: at most this many.
            before: ``place`` of the last one of the previous page.
        """
        return await self._erasures().list(limit=limit, before=before)

    @operation(Permission.PRIVACY_READ, told=False)
    async def erasure(self, erasure_id: UUID) -> Erasure:
        """One erasure.

        Raises:
            NotFoundError: there is none of that id.
        """
        return await self._erasures().one(erasure_id)

    @operation(Permission.PRIVACY_READ, told=False)
    async def verify_receipt(self, text: str) -> Receipt:
        """The receipt, when this installation signed it.

        Raises:
            InvalidRequestError: it is none, or was changed, or another installation's.
        """
        try:
            receipt = Receipt.parse(text)
        except (ValueError, KeyError, TypeError):
            raise InvalidRequestError("This is no receipt of an erasure.") from None
        if receipt.signed_by(self._erasures().receipt_keys.public) is None:
            raise InvalidRequestError(
                "The receipt's signature does not hold.",
                why="It was changed, or signed by another installation's keyring.",
                remedy="Compare it with `deskmind privacy receipts --json`.",
            )
        return receipt

    @operation(Permission.PRIVACY_ERASE, told=False)
    async def replay(self, path: ReplayList | None = None) -> list[Erasure]:
        """Erase again, after a restore, whom the list outside of the database says were erased.

        Args:
            path: a list of another place, instead of the home's.
        """
        await self.resume()
        found = path or self._room.replay_list
        replay = Replay(self._database, self._scope, self._erasures())
        return await replay.run(found.entries(self._scope.tenant_id))

    @operation(Permission.PRIVACY_ERASE, told=False)
    async def readmit(self, subject: str, *, also: Sequence[str] = ()) -> int:
        """Let a person who was erased come back; gives how many marks were forgotten.

        Raises:
            NotFoundError: nobody of these identifiers is suppressed.
        """
        suppression = Suppression(self._database, self._room.keyring, self._scope)
        async with self._database.transaction(self._scope) as connection:
            marks, erasures = await suppression.lift(connection, [subject, *also])
            if not marks:
                raise NotFoundError(
                    "Nobody who is known by this was erased.", remedy="Give a name, address or id as it was."
                )
            await record(
                connection,
                self._scope,
                Permission.PRIVACY_ERASE,
                act="readmitted",
                resource=",".join(map(str, erasures)),
                marks=marks,
            )
        for erasure_id in erasures:
            self._room.replay_list.add(ReplayEntry(self._scope.tenant_id, erasure_id, (), "redact", ""))
        return marks

    @operation(Permission.PRIVACY_HOLD, told=False)
    async def hold(self, subject: str | None, reason: str, *, also: Sequence[str] = ()) -> Hold:
        """Forbid the removal of what is kept of a person, or of everyone (None).

        Args:
            subject: as in ``erase``.
            reason: a reference to the case, 1 to 500 characters, naming nobody.
            also: further identifiers.
        """
        if not reason.strip() or len(reason) > _LONGEST_REASON:
            raise InvalidRequestError("A hold has a reason of 1 to 500 characters.")
        found = await self._subject(subject, also) if subject is not None else None
        async with self._database.transaction(self._scope) as connection:
            hold = await place_hold(
                connection, self._scope.tenant_id, self._erasures().keys, found, reason.strip()
            )
            await self._record_hold(connection, hold.hold_id, "placed")
        return hold

    @operation(Permission.PRIVACY_READ, told=False)
    async def holds(self, *, released: bool = False) -> list[Hold]:
        """The holds that stand, oldest first; with ``released`` the others too."""
        async with self._database.transaction(self._scope) as connection:
            return await read_holds(connection, self._scope.tenant_id, released=released)

    @operation(Permission.PRIVACY_HOLD, told=False)
    async def release(self, hold_id: UUID) -> None:
        """Release a hold.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: it was released before.
        """
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "UPDATE privacy_holds SET released_at = now()"
                " WHERE tenant_id = %s AND hold_id = %s AND released_at IS NULL",
                (self._scope.tenant_id, hold_id),
            )
            if cursor.rowcount == 0:
                known = await read_holds(connection, self._scope.tenant_id, released=True)
                if any(hold.hold_id == hold_id for hold in known):
                    raise ConflictError("The hold was released before.")
                raise NotFoundError(
                    f"There is no hold {hold_id}.", remedy="`deskmind privacy hold list` shows them."
                )
            await self._record_hold(connection, hold_id, "released")

    @operation(Permission.PRIVACY_RETAIN, told=False)
    async def retain(self) -> list[Expired]:
        """Remove what is older than the retention policies say; a worker does it each hour."""
        return await Retention(self._database, self._scope, self._settings).run()

    @operation(Permission.PRIVACY_READ, told=False)
    async def retention(self) -> list[Expired]:
        """When each policy last ran, and what it removed in all."""
        return await Retention(self._database, self._scope, self._settings).last()

    def _erasures(self) -> Erasures:
        room = self._room
        return Erasures(
            self._database, self._scope, room.keyring, list(room.personal_stores), room.replay_list
        )

    async def _record_hold(self, connection: Connection, hold_id: UUID, act: str) -> None:
        await record(connection, self._scope, Permission.PRIVACY_HOLD, resource=str(hold_id), act=act)

    async def _subject(self, subject: str, also: Sequence[str], owned: Owned = "redact") -> Subject:
        given = [identifier_of(value) for value in also]
        async with self._database.transaction(self._scope) as connection:
            values = (self._scope.tenant_id, subject, subject, subject)
            row = await (await connection.execute(_ACCOUNT, values)).fetchone()
        if row is not None:
            identifiers = (*known_by(row[1], row[2]), *given)
            return Subject(self._scope, row[0], row[1], tuple(dict.fromkeys(identifiers)), uuid4(), owned)
        alone = self._without_account(subject, also)
        return Subject(self._scope, None, "", tuple(dict.fromkeys([alone, *given])), uuid4(), owned)

    def _without_account(self, subject: str, also: Sequence[str]) -> Identifier:
        found = identifier_of(subject)
        if found.kind == "account" and "@" not in subject and not also and subject.isalpha():
            # a single word that is nobody's user name is more likely a mistake than a person
            raise PrincipalNotFoundError(
                f"The tenant '{self._scope.tenant}' has no user of this name.",
                why="A single word that is no user name would be looked for in every text.",
                remedy="Give a full name or e-mail address; for a name of one word add --also with another identifier.",
            )
        return found
