"""Doing erasures again after a backup was restored: who it was is recognised by the marks of what the backup holds."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from deskmind.database import Database
from deskmind.governance.privacy.erasures import Erasure, Erasures
from deskmind.governance.privacy.identifiers import Identifier, identifier_of, principal_form, whole_forms
from deskmind.governance.privacy.marks import marked_mentions
from deskmind.governance.privacy.replaylist import ReplayEntry
from deskmind.governance.privacy.stores import Subject
from deskmind.governance.privacy.suppression import add_marks
from deskmind.governance.privacy.texts import texts_of
from deskmind.scope import Scope

__all__ = ["Replay"]

_PEOPLE = "SELECT principal_id, name, display_name FROM principals WHERE tenant_id = %s AND kind <> 'group'"


class Replay:
    """Repeats the erasures of one tenant that a list holds."""

    def __init__(self, database: Database, scope: Scope, erasures: Erasures) -> None:
        self._database = database
        self._scope = scope
        self._erasures = erasures

    async def run(self, entries: Sequence[ReplayEntry]) -> list[Erasure]:
        """Put the marks back, and erase again whom they are found to mean. O(texts) at about a microsecond a word.

        Raises:
            LegalHoldError: a hold stands on one of them.
        """
        live = [entry for entry in entries if entry.marks]
        if live:
            await self._purge()
        await self._restore_marks(live)
        people = await self._people(live)
        spoken = await self._spoken(live)
        done: list[Erasure] = []
        for entry in live:
            account = people.get(entry.erasure_id)
            said = frozenset(spoken.get(entry.erasure_id, ()))
            if account is None and not said:
                continue
            subject = self._subject(entry, account, said)
            erasure_id = await self._erasures.request(subject, replays=entry.erasure_id)
            done.append(await self._erasures.run(erasure_id))
        return done

    def _subject(
        self, entry: ReplayEntry, account: tuple[UUID, str, str] | None, spoken: frozenset[str]
    ) -> Subject:
        if account is None:
            # a form is no name that could be written otherwise: it is looked for as it was found
            identifiers = tuple(Identifier(form, "account") for form in sorted(spoken))
            return Subject(self._scope, None, "", identifiers, uuid4(), entry.owned, spoken)
        principal_id, name, display_name = account
        identifiers = known_by(name, display_name)
        return Subject(self._scope, principal_id, name, identifiers, uuid4(), entry.owned, spoken)

    async def _purge(self) -> None:
        """Remove the conversations that have expired since the backup: nobody can read them any more, replay neither."""
        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SELECT purge_conversations()")

    async def _restore_marks(self, entries: Sequence[ReplayEntry]) -> None:
        for entry in entries:
            async with self._database.transaction(self._scope) as connection:
                await add_marks(connection, self._scope.tenant_id, entry.erasure_id, entry.marks)

    async def _people(self, entries: Sequence[ReplayEntry]) -> dict[UUID, tuple[UUID, str, str]]:
        """The accounts that the restored database has again, by erasure."""
        by_mark = _by_mark(entries)
        async with self._database.transaction(self._scope) as connection:
            rows = await (await connection.execute(_PEOPLE, (self._scope.tenant_id,))).fetchall()
        found: dict[UUID, tuple[UUID, str, str]] = {}
        for principal_id, name, display_name in rows:
            forms = {form for one in known_by(name, display_name) for form in whole_forms(one)}
            for form in (principal_form(principal_id), *forms):
                for mark in self._erasures.keys.every(form):
                    if mark in by_mark:
                        found.setdefault(by_mark[mark], (principal_id, name, display_name))
        return found

    async def _spoken(self, entries: Sequence[ReplayEntry]) -> dict[UUID, set[str]]:
        """The forms in which texts mention the erased, by erasure."""
        by_mark = _by_mark(entries)
        mentions = marked_mentions(self._erasures.keys, [mark for entry in entries for mark in entry.marks])
        found: dict[UUID, set[str]] = {}
        async for text in texts_of(self._database, self._scope, self._erasures.stores):
            for _, _, form in mentions.find(text):
                for mark in self._erasures.keys.every(form):
                    if mark in by_mark:
                        found.setdefault(by_mark[mark], set()).add(form)
        return found


def known_by(name: str, display_name: str, *others: str) -> tuple[Identifier, ...]:
    """The identifiers of an account."""
    named = [Identifier(name, "account")]
    if display_name.strip():
        named.append(Identifier(display_name, "name"))
    return tuple(dict.fromkeys([*named, *map(identifier_of, others)]))


def _by_mark(entries: Sequence[ReplayEntry]) -> dict[bytes, UUID]:
    return {mark.value: entry.erasure_id for entry in entries for mark in entry.marks}
