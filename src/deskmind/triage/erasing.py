"""Triage as a personal store: who trained a model, and the words of a person's names among those that it goes by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from deskmind.database import Database
from deskmind.governance.privacy import PersonalStore
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.identifiers import words_of
from deskmind.governance.privacy.mentions import ERASED, Mentions
from deskmind.governance.privacy.stores import Counts, Subject
from deskmind.governance.privacy.tables import without_time_limit
from deskmind.governance.redaction.directory import everyday
from deskmind.triage.archive import digest, dump, load
from deskmind.triage.model import Provenance, TriageModel
from deskmind.triage.shelf import Shelf

__all__ = ["TriageStore"]

_MODELS = (
    "SELECT version, trained_by, sha256, provenance FROM triage_models WHERE tenant_id = %s ORDER BY version"
)
_WEIGHTS = "SELECT weights FROM triage_models WHERE tenant_id = %s AND version = %s AND sha256 = %s"
_REMOVE = "DELETE FROM triage_models WHERE tenant_id = %s AND version = %s RETURNING trained_at"
_INSERT = """
INSERT INTO triage_models (tenant_id, version, trained_at, trained_by, sha256, provenance, weights)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


class TriageStore(PersonalStore):
    """The models of a tenant. They hold no texts, but words that occur in several tickets, and labels.

    Args:
        database: where they are.
        shelf: where they are in memory.
    """

    def __init__(self, database: Database, shelf: Shelf) -> None:
        self._database = database
        self._shelf = shelf

    @property
    def name(self) -> str:
        """The store's name."""
        return "triage"

    def declare(self) -> Sequence[Holding]:
        """Its table."""
        return [holding for holding in DATA_MAP if holding.store == "triage_models"]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """The models that the person trained."""
        async with self._database.transaction(subject.scope) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(
                "SELECT version AS model, trained_at FROM triage_models WHERE tenant_id = %s AND trained_by = %s"
                " AND %s <> '' ORDER BY version",
                (subject.scope.tenant_id, subject.name, subject.name),
            )
            return await cursor.fetchall()

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Take the person out of each model, in a transaction of its own; a model is as good without a name."""
        async with self._database.transaction(subject.scope) as connection:
            rows = await (await connection.execute(_MODELS, (subject.scope.tenant_id,))).fetchall()
        changed = [await self._rewritten(subject, *row, dry_run=dry_run) for row in rows]
        self._shelf.forget(subject.scope.tenant_id)
        return {"masked": sum(changed)} if any(changed) else {}

    async def _rewritten(
        self, subject: Subject, version: int, by: str, sha256: str, told: dict[str, Any], *, dry_run: bool
    ) -> bool:
        tenant_id = subject.scope.tenant_id
        async with self._database.transaction(subject.scope) as connection:
            await without_time_limit(connection)
            row = await (await connection.execute(_WEIGHTS, (tenant_id, version, sha256))).fetchone()
            if row is None:  # newer versions have replaced it meanwhile
                return False
            found = await asyncio.to_thread(_without, bytes(row[0]), sha256, subject)
            name = ERASED if by == subject.name else subject.mentions.masked(by)
            if found is None and name == by:
                return False
            if dry_run:
                return True
            data, told = found or (bytes(row[0]), told)
            gone = await (await connection.execute(_REMOVE, (tenant_id, version))).fetchone()
            if gone is not None:
                values = (tenant_id, version, gone[0], name, digest(data), Jsonb(told), data)
                await connection.execute(_INSERT, values)
            return gone is not None


def without_person(model: TriageModel, subject: Subject) -> TriageModel:
    """The model, with something unsayable in place of words of the person's names, and labels masked.

    A word that is an everyday one, too, stays: it names nobody.
    """
    names = {word for form in subject.forms for word in form.split() if len(word) > 2 and not everyday(word)}
    terms = tuple(
        f"~{column}" if names.intersection(words_of(term)) else term
        for column, term in enumerate(model.vocabulary.terms)
    )
    mentions = subject.mentions
    targets = {
        name: replace(target, labels=tuple(map(mentions.masked, target.labels)))
        for name, target in model.targets.items()
    }
    return replace(
        model,
        vocabulary=replace(model.vocabulary, terms=terms),
        targets=targets,
        provenance=Provenance.of(_masked(model.provenance.as_dict(), mentions)),
    )


def _without(data: bytes, sha256: str, subject: Subject) -> tuple[bytes, dict[str, Any]] | None:
    """The model's bytes and provenance without the person; None when it does not have the person."""
    model = without_person(load(data, expected=sha256), subject)
    made = dump(model)
    return None if digest(made) == sha256 else (made, model.provenance.as_dict())


def _masked(told: dict[str, Any], mentions: Mentions) -> dict[str, Any]:
    def of(value: Any) -> Any:
        if isinstance(value, dict):
            items = cast("dict[str, Any]", value)
            return {mentions.masked(key): of(item) for key, item in items.items()}
        return mentions.masked(value) if isinstance(value, str) else value

    return of(json.loads(json.dumps(told)))
