"""Deskmind's own tables as personal stores: own rows deleted, ids replaced, mentions masked, all inside PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from deskmind.database import Connection, Database
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.mentions import ERASED
from deskmind.governance.privacy.stores import Counts, Subject
from deskmind.scope import Scope

__all__ = ["TableStore", "table_stores"]

_BY_STORE = {holding.store: holding for holding in DATA_MAP}


@dataclass(frozen=True, slots=True)
class _Export:
    """A statement that reads the person's rows.

    Attributes:
        statement: with ``%(tenant)s`` and ``%(person)s``.
        own: read in the person's own scope, because operators may not.
    """

    statement: str
    own: bool = False


class TableStore:
    """Tables of Deskmind that belong together. Operators erase what they may not read: counts are all that comes back.

    Attributes:
        masked: the columns with texts, each with its table.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        removed: Sequence[str] = (),
        detached: Sequence[str] = (),
        masked: Sequence[tuple[str, str]] = (),
        exports: Sequence[_Export] = (),
    ) -> None:
        self._database = database
        self._name = name
        self._removed = removed
        self._detached = detached
        self.masked = masked
        self._exports = exports

    @property
    def name(self) -> str:
        """The store's name."""
        return self._name

    @property
    def private(self) -> bool:
        """Whether nobody but its principal may read a row."""
        return any(export.own for export in self._exports)

    def declare(self) -> Sequence[Holding]:
        """The entries of its tables."""
        tables = [*self._removed, *self._detached, *(table for table, _ in self.masked)]
        return [_BY_STORE[table] for table in dict.fromkeys(tables)]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """The person's rows."""
        if subject.principal_id is None:
            return []
        rows: list[dict[str, Any]] = []
        for export in self._exports:
            scope = _own_scope(subject) if export.own else subject.scope
            async with self._database.transaction(scope) as connection:
                cursor = connection.cursor(row_factory=dict_row)
                values = {"tenant": subject.scope.tenant_id, "person": subject.principal_id}
                await cursor.execute(export.statement.encode(), values)
                rows += await cursor.fetchall()
        return rows

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Each table in a transaction of its own: what is done is done, and doing it again finds nothing."""
        counts: Counter[str] = Counter()
        if subject.principal_id is not None:
            for table in self._removed:
                counts["erased"] += await self._call(
                    subject.scope, "SELECT privacy_remove(%s, %s, %s)", table, subject.principal_id, dry_run
                )
            for table in self._detached:
                counts["pseudonymised"] += await self._call(
                    subject.scope,
                    "SELECT privacy_detach(%s, %s, %s, %s)",
                    *(table, subject.principal_id, subject.alias, dry_run),
                )
        if (pattern := subject.pattern) is not None:
            for table, column in self.masked:
                counts["masked"] += await self._call(
                    subject.scope,
                    "SELECT privacy_mask(%s, %s, %s, %s, %s, %s)",
                    *(table, column, pattern.loose, pattern.mention, ERASED, dry_run),
                )
        return {name: count for name, count in counts.items() if count}

    async def _call(self, scope: Scope, statement: str, *values: object) -> int:
        async with self._database.transaction(scope) as connection:
            await without_time_limit(connection)
            row = await (await connection.execute(statement.encode(), values)).fetchone()
            return int(row[0]) if row else 0


async def without_time_limit(connection: Connection) -> None:
    """Let the statements of a transaction take as long as they need."""
    await connection.execute("SET LOCAL statement_timeout = 0")


def _own_scope(subject: Subject) -> Scope:
    assert subject.principal_id is not None
    scope = subject.scope
    return Scope("desk", scope.tenant_id, scope.tenant, subject.principal_id, subject.name)


def table_stores(database: Database) -> list[TableStore]:
    """Deskmind's own, in the order in which a person is erased: first the account, so that nothing new comes."""
    return [
        TableStore(
            database,
            "account",
            removed=("api_keys", "memberships", "principals"),
            masked=(
                *(("api_keys", "name"), ("principals", "display_name"), ("access_grants", "reason")),
                ("directory_entries", "value"),
            ),
            exports=(
                _Export(
                    "SELECT name, display_name, kind, role, created_at FROM principals"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s"
                ),
                _Export(
                    'SELECT g.name AS "group" FROM memberships m JOIN principals g ON g.tenant_id = m.tenant_id'
                    " AND g.principal_id = m.group_id WHERE m.tenant_id = %(tenant)s AND m.member_id = %(person)s"
                    " ORDER BY 1"
                ),
                _Export(
                    "SELECT name AS api_key, created_at, expires_at, revoked_at, last_used_at FROM api_keys"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY created_at"
                ),
                _Export(
                    "SELECT role, reason, granted_at, until, revoked_at FROM access_grants"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY granted_at"
                ),
            ),
        ),
        TableStore(
            database,
            "conversations",
            removed=("conversations",),
            masked=(("conversations", "title"), ("conversations", "summary"), ("turns", "content")),
            exports=(
                _Export(
                    "SELECT c.title, c.created_at AS begun_at, t.position, t.role, t.content, t.created_at"
                    "  FROM conversations c JOIN turns t USING (tenant_id, conversation_id)"
                    " WHERE c.tenant_id = %(tenant)s AND c.principal_id = %(person)s"
                    " ORDER BY c.created_at, c.conversation_id, t.position",
                    own=True,
                ),
            ),
        ),
        TableStore(
            database,
            "feedback",
            removed=("feedback",),
            masked=(("feedback", "correction"),),
            exports=(
                _Export(
                    "SELECT request_id, rating, reason, correction, given_at FROM feedback"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY given_at"
                ),
            ),
        ),
        TableStore(  # rows go with the account
            database,
            "agents",
            masked=(
                *(("agent_runs", column) for column in ("definition", "prompt", "untrusted", "output")),
                ("agent_steps", "content"),
                ("agent_effects", "prepared"),
                *(("workflow_steps", "value"), ("workflow_schedules", "input")),
                *(
                    ("agent_proposals", column)
                    for column in ("arguments", "changes", "prepared", "reason", "answer", "edits")
                ),
                *((table, "reason") for table in ("agent_votes", "agent_switches", "agent_blocks")),
            ),
            exports=(
                _Export(
                    "SELECT run_id, agent, prompt, untrusted, state, output, started_at FROM agent_runs"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY started_at"
                ),
                _Export(
                    "SELECT run_id, position, kind, tool, content, at FROM agent_steps"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY at, run_id, position"
                ),
                _Export(
                    "SELECT run_id, tool, state, prepared, claimed_at FROM agent_effects"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY claimed_at, run_id, call_id"
                ),
                _Export(
                    "SELECT run_id, path, name, kind, state, value, began_at FROM workflow_steps"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY began_at, run_id, path"
                ),
                _Export(
                    "SELECT name, workflow, input, event, cron, created_at FROM workflow_schedules"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY created_at"
                ),
                _Export(
                    "SELECT run_id, tool, arguments, changes, state, made_at FROM agent_proposals"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY made_at"
                ),
            ),
        ),
        TableStore(  # rows go with the account
            database,
            "writes",
            masked=(("writes", "proposal"), ("writes", "target_key")),
            exports=(
                _Export(
                    "SELECT vendor, act, target_key, proposal->'changes' AS changes, state, made_at FROM writes"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY made_at"
                ),
            ),
        ),
        TableStore(  # rows go with the account; a masked text loses its vector
            database,
            "memories",
            masked=(("memories", "subject"), ("memories", "body"), ("memories", "source")),
            exports=(
                _Export(
                    "SELECT kind, subject, body AS text, origin, source, trust, pinned, made_at, used_at, superseded_at"
                    "  FROM memories WHERE tenant_id = %(tenant)s AND owner_id = %(person)s ORDER BY made_at, memory_id",
                    own=True,
                ),
            ),
        ),
        TableStore(
            database,
            "stored agents",
            masked=(
                *(("agent_versions", column) for column in ("content", "note", "author")),
                ("agent_labels", "moved_by"),
            ),
        ),
        TableStore(
            database,
            "experiments",
            removed=("experiment_outcomes",),
            masked=(("experiments", "started_by"),),
            exports=(
                _Export(
                    "SELECT e.name AS experiment, o.variant, o.metric, o.value, o.occurred_at"
                    "  FROM experiment_outcomes o JOIN experiments e USING (tenant_id, experiment_id)"
                    " WHERE o.tenant_id = %(tenant)s AND o.principal_id = %(person)s ORDER BY o.occurred_at"
                ),
            ),
        ),
        TableStore(
            database,
            "prompts",
            masked=(
                *(("prompt_versions", column) for column in ("content", "note", "author")),
                ("prompt_labels", "moved_by"),
            ),
        ),
        TableStore(
            database,
            "ledger",
            detached=("usage_entries", "budgets", "budget_counters"),
            exports=(
                _Export(
                    "SELECT started_at, feature, operation, model, input_tokens, output_tokens, cost, outcome"
                    "  FROM usage_entries WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY started_at"
                ),
            ),
        ),
        TableStore(
            database,
            "ingests",
            removed=("ingests",),
            masked=(
                *(
                    ("ingest_files", column)
                    for column in ("external_id", "uri", "name", "metadata", "problem")
                ),
                ("sources", "name"),
            ),
            exports=(
                _Export(
                    "SELECT i.created_at, f.name, f.uri, f.state FROM ingests i JOIN ingest_files f USING (tenant_id, ingest_id)"
                    " WHERE i.tenant_id = %(tenant)s AND i.created_by = %(person)s ORDER BY i.created_at, f.ordinal"
                ),
            ),
        ),
        TableStore(
            database,
            "stories",
            removed=("request_stories",),
            masked=(("request_stories", "question"), ("request_stories", "told")),
            exports=(
                _Export(
                    "SELECT began_at, request_id, operation, question, seconds, found FROM request_stories"
                    " WHERE tenant_id = %(tenant)s AND principal_id = %(person)s ORDER BY began_at"
                ),
            ),
        ),
    ]
