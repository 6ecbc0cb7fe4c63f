"""A tenant's prompts: versions, labels, and the shared ones beneath."""

from __future__ import annotations

import asyncio
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, PromptNotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.observability import story
from deskmind.prompts.files import prompt_from_file, prompt_to_file
from deskmind.prompts.messages import Message
from deskmind.prompts.shared import shared_prompts
from deskmind.prompts.templates import PromptTemplate
from deskmind.prompts.uses import check_use
from deskmind.prompts.versions import (
    PRODUCTION,
    SHARED_VERSION,
    LabelMove,
    PromptVersion,
    insert_version,
    label_moves,
    labels_of,
    move_label,
    read_version,
    read_versions,
    version_at,
)
from deskmind.scope import Scope

__all__ = ["PromptSummary", "Prompts"]

_LABEL = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_MAX_NOTE = 2000

_NEWEST = """
SELECT DISTINCT ON (name) name, version, content FROM prompt_versions WHERE tenant_id = %s ORDER BY name, version DESC
"""


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """A prompt in a list.

    Attributes:
        name: of the prompt.
        description: of its newest version.
        newest: its newest version; 0 when the tenant has none of its own.
        labels: where the labels are.
        shared: whether Deskmind brings a prompt of this name.
    """

    name: str
    description: str
    newest: int
    labels: Mapping[str, int]
    shared: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "description": self.description,
            "newest": self.newest,
            "labels": dict(self.labels),
            "shared": self.shared,
        }


class Prompts:
    """The prompts of the scope's tenant. Members read them, operators write them.

    A prompt that comes with Deskmind is its version 0 and in production until the label ``production`` is moved to
    a version of the tenant's own.
    """

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where prompts are kept."""
        return self._database

    @operation(Permission.PROMPTS_READ)
    async def list(self) -> list[PromptSummary]:
        """Every prompt, the tenant's and the shared, by name."""
        async with self._database.transaction(self._scope) as connection:
            labels = await labels_of(connection, self._scope)
            cursor = await connection.execute(_NEWEST, (self._scope.tenant_id,))
            own = {name: (version, content) for name, version, content in await cursor.fetchall()}
        found: list[PromptSummary] = []
        for name in sorted({*own, *shared_prompts()}):
            shared = shared_prompts().get(name)
            version, content = own.get(name, (SHARED_VERSION, ""))
            description = (
                json.loads(content).get("description", "") if content else shared and shared.description
            )
            start = {PRODUCTION: SHARED_VERSION} if shared else {}
            found.append(
                PromptSummary(
                    name, description or "", version, {**start, **labels.get(name, {})}, shared is not None
                )
            )
        return found

    @operation(Permission.PROMPTS_READ)
    async def get(self, name: str, *, version: int | None = None, label: str | None = None) -> PromptVersion:
        """One version: that of the number, of the label, or the one in production.

        Raises:
            PromptNotFoundError: there is none.
            InvalidRequestError: both a version and a label are given.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._get(connection, name, version, label)
        story.note("prompt", name=name, version=found.version)
        return found

    @operation(Permission.PROMPTS_READ)
    async def versions(self, name: str) -> list[PromptVersion]:
        """All versions of a prompt, newest first.

        Raises:
            PromptNotFoundError: there is no such prompt.
        """
        async with self._database.transaction(self._scope) as connection:
            return await read_versions(connection, self._scope, name)

    @operation(Permission.PROMPTS_READ)
    async def history(self, name: str, label: str = PRODUCTION) -> list[LabelMove]:
        """The moves of a label, newest first; empty when it was never moved."""
        async with self._database.transaction(self._scope) as connection:
            return await label_moves(connection, self._scope, name, label)

    @operation(Permission.PROMPTS_READ)
    async def render(
        self,
        name: str,
        values: Mapping[str, Any],
        *,
        version: int | None = None,
        label: str | None = None,
    ) -> tuple[Message, ...]:
        """The messages of a prompt with its variables filled in.

        Raises:
            PromptNotFoundError: there is no such version.
            PromptVariableError: a variable is missing, unknown, of the wrong type or too long.
            PromptRenderError: it cannot be rendered with these values.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._get(connection, name, version, label)
        story.note("prompt", name=name, version=found.version)
        return await asyncio.to_thread(found.template.render, values)

    @operation(Permission.PROMPTS_WRITE)
    async def save(
        self, template: PromptTemplate, *, note: str = "", label: str | None = None
    ) -> PromptVersion:
        """Keep a prompt as a new version; content that is there already gets no second version.

        Args:
            template: the prompt.
            note: why, for the history.
            label: moved to the version as well.

        Raises:
            InvalidRequestError: the note is too long, or the label cannot be one.
        """
        return await self._save(template, note, label)

    @operation(Permission.PROMPTS_WRITE)
    async def label(self, name: str, label: str, version: int) -> LabelMove:
        """Point a label at a version, on record. Version 0 is the prompt that comes with Deskmind.

        Raises:
            PromptNotFoundError: there is no such version.
            PromptError: production of a prompt that Deskmind itself uses is to be one it cannot use.
            ConflictError: somebody moved the label at the same time.
        """
        async with self._database.transaction(self._scope) as connection:
            return await self._label(connection, name, label, version)

    @operation(Permission.PROMPTS_WRITE)
    async def rollback(self, name: str, label: str = PRODUCTION) -> LabelMove:
        """Point a label at where it was before its last move; again, at where it was before that.

        Raises:
            PromptNotFoundError: there is no such prompt or label.
            ConflictError: there is nothing before, or somebody moved the label at the same time.
        """
        async with self._database.transaction(self._scope) as connection:
            moves = {move.position: move for move in await label_moves(connection, self._scope, name, label)}
            now = moves[max(moves)] if moves else None
            before = moves.get(now.origin - 1) if now else None
            if now is not None and before is None and label == PRODUCTION and name in shared_prompts():
                return await self._restore_shared(connection, name, now)
            if now is None and name not in shared_prompts():
                raise PromptNotFoundError(
                    f"There is no label '{label[:80]}' of a prompt '{name[:80]}'.",
                    remedy="`deskmind prompts list` shows the prompts and their labels.",
                )
            if now is None or before is None:
                raise ConflictError(
                    f"The label '{label[:80]}' of '{name[:80]}' has no earlier place.",
                    remedy=f"Point it at a version: `deskmind prompts label {name[:80]} {label[:80]} VERSION`.",
                )
            return await self._moved(connection, name, now, before.version, before.origin)

    @operation(Permission.PROMPTS_READ)
    async def diff(self, name: str, old: int | str, new: int | str) -> str:
        """What changed between two versions, given by number or label, as a unified diff of their files.

        Raises:
            PromptNotFoundError: one of them is not there.
        """
        async with self._database.transaction(self._scope) as connection:
            before = await self._referred(connection, name, old)
            after = await self._referred(connection, name, new)
        lines = difflib.unified_diff(
            prompt_to_file(before.template).splitlines(),
            prompt_to_file(after.template).splitlines(),
            f"{name} (version {before.version})",
            f"{name} (version {after.version})",
            lineterm="",
        )
        return "".join(f"{line}\n" for line in lines)

    @operation(Permission.PROMPTS_READ)
    async def export(self, name: str, *, version: int | None = None, label: str | None = None) -> str:
        """A version as the text of a YAML file; ``import_`` reads it without loss.

        Raises:
            PromptNotFoundError: there is no such version.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._get(connection, name, version, label)
        return prompt_to_file(found.template)

    @operation(Permission.PROMPTS_WRITE)
    async def import_(
        self, text: str, *, note: str = "", label: str | None = None, source: str = "the file"
    ) -> PromptVersion:
        """Keep the prompt that a YAML file describes; see ``save``.

        Args:
            text: the file's content.
            note: why, for the history.
            label: moved to the version as well.
            source: how messages name the file.

        Raises:
            PromptError: it does not describe a prompt.
        """
        template = await asyncio.to_thread(prompt_from_file, text, source=source)
        return await self._save(template, note, label)

    async def _get(
        self, connection: Connection, name: str, version: int | None, label: str | None
    ) -> PromptVersion:
        if version is not None and label is not None:
            raise InvalidRequestError("A prompt is asked for by version or by label, not by both.")
        if version is None:
            version = await version_at(connection, self._scope, name, label or PRODUCTION)
        return await read_version(connection, self._scope, name, version)

    async def _referred(self, connection: Connection, name: str, reference: int | str) -> PromptVersion:
        if isinstance(reference, int):
            return await self._get(connection, name, reference, None)
        return await self._get(connection, name, None, reference)

    async def _save(self, template: PromptTemplate, note: str, label: str | None) -> PromptVersion:
        if len(note) > _MAX_NOTE or "\x00" in note:
            raise InvalidRequestError(f"A note has at most {_MAX_NOTE:,} characters, none of them NUL.")
        async with self._database.transaction(self._scope) as connection:
            version = await insert_version(connection, self._scope, template, note)
            await record(
                connection,
                self._scope,
                Permission.PROMPTS_WRITE,
                resource=template.name,
                act="save",
                version=version,
                content_hash=template.content_hash,
            )
            if label is not None:
                await self._label(connection, template.name, label, version)
            return await read_version(connection, self._scope, template.name, version)

    async def _label(self, connection: Connection, name: str, label: str, version: int) -> LabelMove:
        if not _LABEL.fullmatch(label):
            raise InvalidRequestError(
                f"'{label[:80]}' cannot be a label.",
                why="A label has 1 to 80 of a-z, 0-9, '_', '.' and '-', and begins with a letter.",
            )
        found = await read_version(connection, self._scope, name, version)
        if label == PRODUCTION:
            await asyncio.to_thread(check_use, found.template)
        moves = await label_moves(connection, self._scope, name, label)
        if moves and moves[0].version == version:
            return moves[0]
        position = moves[0].position + 1 if moves else 1
        move = await move_label(connection, self._scope, name, label, version, position=position)
        await self._record_move(connection, name, move, moves[0].version if moves else None)
        return move

    async def _restore_shared(self, connection: Connection, name: str, now: LabelMove) -> LabelMove:
        if now.version == SHARED_VERSION:
            raise ConflictError(
                f"The label '{now.label}' of '{name}' has no earlier place.",
                why="The prompt that comes with Deskmind is in production.",
            )
        return await self._moved(connection, name, now, SHARED_VERSION, 1)

    async def _moved(
        self, connection: Connection, name: str, now: LabelMove, version: int, origin: int
    ) -> LabelMove:
        move = await move_label(
            connection, self._scope, name, now.label, version, position=now.position + 1, origin=origin
        )
        await self._record_move(connection, name, move, now.version)
        return move

    async def _record_move(
        self, connection: Connection, name: str, move: LabelMove, before: int | None
    ) -> None:
        await record(
            connection,
            self._scope,
            Permission.PROMPTS_WRITE,
            resource=name,
            act="rollback" if move.origin != move.position else "label",
            label=move.label,
            version=move.version,
            before=before,
        )
