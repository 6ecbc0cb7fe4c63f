"""Erasing a person: asked for in one transaction, done store by store, resumable at any instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from deskmind import __version__
from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, NotFoundError
from deskmind.governance.access.handing_out import changing_grants, check_owner_stays
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit import record
from deskmind.governance.privacy.holds import heeding_holds, held, holds_on
from deskmind.governance.privacy.identifiers import principal_form, whole_forms
from deskmind.governance.privacy.marks import Mark, MarkKeys
from deskmind.governance.privacy.measures import count_erasure
from deskmind.governance.privacy.receipts import Receipt, ReceiptKeys
from deskmind.governance.privacy.replaylist import ReplayEntry, ReplayList
from deskmind.governance.privacy.sealing import open_subject, seal_subject
from deskmind.governance.privacy.stores import Counts, Owned, PersonalStore, Subject
from deskmind.governance.privacy.suppression import add_marks
from deskmind.jobs import defer
from deskmind.keyring import Keyring
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = ["PRIVACY_QUEUE", "PRIVACY_TASK", "Erasure", "Erasures"]

PRIVACY_TASK = "privacy.erase"
PRIVACY_QUEUE = "privacy"

_DISABLE = """
UPDATE principals SET disabled_at = coalesce(disabled_at, now()) WHERE tenant_id = %s AND principal_id = %s
"""
_COLUMNS = "erasure_id, state, owned, counts, requested_at, completed_at, replays, receipt"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure as it stands.

    Attributes:
        erasure_id: its id.
        state: ``waiting`` until every store is done.
        owned: what becomes of the person's documents.
        counts: by store, of those that are done.
        requested_at: when it was asked for.
        completed_at: when all was done.
        replays: the erasure that it repeats.
        receipt: the signed receipt; empty while it waits.
    """

    erasure_id: UUID
    state: str
    owned: Owned
    counts: Mapping[str, Counts]
    requested_at: datetime
    completed_at: datetime | None
    replays: UUID | None
    receipt: str

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of erasures."""
        return self.requested_at, self.erasure_id

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without the receipt's text."""
        return {
            "erasure_id": str(self.erasure_id),
            "state": self.state,
            "stores": {store: dict(found) for store, found in self.counts.items()},
            "requested_at": self.requested_at.isoformat(),
            "completed_at": self.completed_at.isoformat() if self.completed_at else None,
            "replays": str(self.replays) if self.replays else None,
        }


class Erasures:
    """The erasures of one tenant. Its methods are the steps; permissions are asked by ``Privacy``."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        keyring: Keyring,
        stores: Sequence[PersonalStore],
        replay_list: ReplayList,
    ) -> None:
        """Erasures that act as an operator of the scope's tenant.

        Args:
            database: where they are on record.
            scope: an operator's.
            keyring: of the keys of marks, receipts and what is sealed.
            stores: in the order in which they are erased.
            replay_list: kept outside of the database.
        """
        self._database = database
        self._scope = scope
        self._keyring = keyring
        self.stores = stores
        self._replay_list = replay_list
        self.keys = MarkKeys(keyring, scope.tenant_id)
        self.receipt_keys = ReceiptKeys(keyring)

    async def plan(self, subject: Subject) -> dict[str, Counts]:
        """What would go, by store.

        Raises:
            LegalHoldError: a hold stands on the person.
            ConflictError: it is the last owner.
        """
        await self._refuse_if_held(subject)
        await self._refuse_last_owner(subject)
        return {store.name: await store.erase(subject, dry_run=True) for store in self.stores}

    async def request(
        self, subject: Subject, *, replays: UUID | None = None, marks: Iterable[Mark] = ()
    ) -> UUID:
        """Put an erasure on record, with the marks that keep the person away from now on, and a job that does it.

        The account can do nothing from then on.

        Raises:
            LegalHoldError: a hold stands on the person.
            ConflictError: it is the last owner.
        """
        erasure_id = uuid4()
        silent = [principal_form(subject.principal_id)] if subject.principal_id is not None else []
        async with changing_grants(self._database, self._scope, Permission.PRIVACY_ERASE) as connection:
            if holds := await holds_on(connection, self._scope.tenant_id, self.keys, subject):
                raise held(holds)
            await connection.execute(_DISABLE, (self._scope.tenant_id, subject.principal_id))
            await connection.execute(
                "INSERT INTO privacy_erasures (tenant_id, erasure_id, subject_mark, mark_version, owned, sealed, replays)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    self._scope.tenant_id,
                    erasure_id,
                    self.subject_mark(subject),
                    self.keys.version,
                    subject.owned,
                    seal_subject(self._keyring, erasure_id, subject),
                    replays,
                ),
            )
            given = [*self.keys.marks(subject.identifiers, *silent), *marks]
            await add_marks(connection, self._scope.tenant_id, erasure_id, given)
            await defer(
                connection,
                PRIVACY_QUEUE,
                PRIVACY_TASK,
                str(erasure_id),
                {
                    "tenant_id": str(self._scope.tenant_id),
                    "erasure_id": str(erasure_id),
                    "correlation_id": correlation_id(),
                },
            )
            await record(
                connection,
                self._scope,
                Permission.PRIVACY_ERASE,
                resource=str(erasure_id),
                act="requested",
                owned=subject.owned,
                replays=str(replays) if replays is not None else None,
            )
        return erasure_id

    async def run(self, erasure_id: UUID) -> Erasure:
        """Do what is left of an erasure. Two that run it at once do no harm: every step may be done twice.

        Raises:
            NotFoundError: there is none of that id.
            LegalHoldError: a hold was placed meanwhile.
        """
        erasure, subject = await self._load(erasure_id)
        if subject is None:
            await self._list(erasure)
            return erasure
        await self._refuse_if_held(subject)
        counts = dict(erasure.counts)
        for store in self.stores:
            if store.name not in counts:
                async with heeding_holds():
                    counts[store.name] = await store.erase(subject)
                await self._note(erasure_id, store.name, counts[store.name])
        done = await self._complete(replace(erasure, counts=counts), self.subject_mark(subject))
        await self._list(done)
        return done

    async def list(self, *, limit: int = 100, before: tuple[datetime, UUID] | None = None) -> list[Erasure]:
        """The newest erasures, newest first, from ``before`` a place on."""
        older = " AND (requested_at, erasure_id) < (%s, %s)" if before else ""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                f"SELECT {_COLUMNS} FROM privacy_erasures WHERE tenant_id = %s{older}"
                " ORDER BY requested_at DESC, erasure_id DESC LIMIT %s".encode(),
                (self._scope.tenant_id, *(before or ()), limit),
            )
            return [Erasure(*row) for row in await cursor.fetchall()]

    async def one(self, erasure_id: UUID) -> Erasure:
        """One of them.

        Raises:
            NotFoundError: there is none of that id.
        """
        return (await self._load(erasure_id))[0]

    def subject_mark(self, subject: Subject) -> bytes:
        """What a receipt has in place of the person."""
        forms = sorted(form for identifier in subject.identifiers for form in whole_forms(identifier))
        person = (
            principal_form(subject.principal_id) if subject.principal_id is not None else "\n".join(forms)
        )
        return self.keys.mark(person)

    async def _load(self, erasure_id: UUID) -> tuple[Erasure, Subject | None]:
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                f"SELECT sealed, {_COLUMNS} FROM privacy_erasures WHERE tenant_id = %s AND erasure_id = %s".encode(),
                (self._scope.tenant_id, erasure_id),
            )
            row = await cursor.fetchone()
        if row is None:
            raise NotFoundError(
                f"There is no erasure {erasure_id}.", remedy="`deskmind privacy receipts` shows them."
            )
        sealed, erasure = row[0], Erasure(*row[1:])
        subject = None
        if sealed is not None:
            subject = open_subject(self._keyring, self._scope, erasure_id, bytes(sealed), erasure.owned)
        return erasure, subject

    async def _refuse_if_held(self, subject: Subject) -> None:
        async with self._database.transaction(self._scope) as connection:
            if holds := await holds_on(connection, self._scope.tenant_id, self.keys, subject):
                raise held(holds)

    async def _refuse_last_owner(self, subject: Subject) -> None:
        async with self._database.transaction(self._scope) as connection:
            await check_owner_stays(connection, self._scope, subject.principal_id)

    async def _note(self, erasure_id: UUID, store: str, counts: Counts) -> None:
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(
                "UPDATE privacy_erasures SET counts = counts || %s WHERE tenant_id = %s AND erasure_id = %s AND state = 'waiting'",
                (Jsonb({store: dict(counts)}), self._scope.tenant_id, erasure_id),
            )

    async def _complete(self, erasure: Erasure, mark: bytes) -> Erasure:
        """Sign the receipt and forget who it was, in one transaction."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                f"SELECT {_COLUMNS}, clock_timestamp() FROM privacy_erasures"
                " WHERE tenant_id = %s AND erasure_id = %s FOR UPDATE".encode(),
                (self._scope.tenant_id, erasure.erasure_id),
            )
            row = await cursor.fetchone()
            if row is None:
                raise ConflictError("The erasure was removed while it ran.")
            found, now = Erasure(*row[:-1]), row[-1]
            if found.state == "done":
                return found
            receipt = self.receipt_keys.sign(
                tenant_id=self._scope.tenant_id,
                erasure_id=found.erasure_id,
                subject_mark=mark,
                requested_at=found.requested_at,
                completed_at=now,
                counts=found.counts,
                release=__version__,
                replays=found.replays,
            )
            await self._close(connection, found, receipt, now)
        count_erasure(found.counts)
        return replace(found, state="done", completed_at=now, receipt=receipt.text)

    async def _close(self, connection: Connection, found: Erasure, receipt: Receipt, now: datetime) -> None:
        await connection.execute(
            "UPDATE privacy_erasures SET state = 'done', sealed = NULL, completed_at = %s, receipt = %s"
            " WHERE tenant_id = %s AND erasure_id = %s",
            (now, receipt.text, self._scope.tenant_id, found.erasure_id),
        )
        await record(
            connection,
            self._scope,
            Permission.PRIVACY_ERASE,
            resource=str(found.erasure_id),
            act="completed",
            erased=_total(found, "erased"),
            masked=_total(found, "masked"),
            pseudonymised=_total(found, "pseudonymised"),
        )

    async def _list(self, erasure: Erasure) -> None:
        """See that the replay list outside of the database has it."""
        if erasure.erasure_id in self._replay_list.known(self._scope.tenant_id):
            return
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT mark, mark_version, words FROM privacy_marks WHERE tenant_id = %s AND erasure_id = %s",
                (self._scope.tenant_id, erasure.erasure_id),
            )
            marks = [Mark(bytes(value), version, words) for value, version, words in await cursor.fetchall()]
        self._replay_list.add(
            ReplayEntry(
                self._scope.tenant_id, erasure.erasure_id, tuple(marks), erasure.owned, erasure.receipt
            )
        )


def _total(erasure: Erasure, how: str) -> int:
    return sum(counts.get(how, 0) for counts in erasure.counts.values())
