"""A tenant's own redaction, and texts redacted by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from deskmind.cli.remote.refusing import Part
from deskmind.cli.remote.shown import Shown
from deskmind.governance.redaction import DirectoryEntry, RedactionPolicy

if TYPE_CHECKING:
    from deskmind.client import AsyncClient

__all__ = ["RemoteRedaction"]

_TEXTS_AT_ONCE = 100
_NAMES_AT_ONCE = 10_000


class RemoteRedactor:
    """The tenant's redactor, for many texts."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def redact_all(self, texts: Sequence[str]) -> list[Any]:
        """Each by itself."""
        found: list[Any] = []
        for begin in range(0, len(texts), _TEXTS_AT_ONCE):
            told = await self._client.redaction.redact_texts(texts[begin : begin + _TEXTS_AT_ONCE])
            found += map(Shown, told.texts)
        return found


class RemoteRedaction(Part):
    """``desk.redaction``."""

    async def redactor(self) -> RemoteRedactor:
        """For many texts."""
        return RemoteRedactor(self._client)

    async def redact(self, text: str) -> Any:
        """A text with what the tenant's rules find replaced."""
        return Shown((await self._client.redaction.redact_texts([text])).texts[0])

    async def patterns(self) -> list[Any]:
        """By name."""
        return [Shown(one) for one in (await self._client.redaction.list_patterns()).patterns]

    async def add_pattern(
        self,
        name: str,
        regex: str,
        *,
        type: str = "EMPLOYEE_ID",  # noqa: A002
        score: float = 0.9,
    ) -> Any:
        """Add one, or put another in its place."""
        return Shown(
            await self._client.redaction.set_pattern(name, regex, type=cast("Any", type), score=score)
        )

    async def remove_pattern(self, name: str) -> None:
        """Remove one."""
        await self._client.redaction.remove_pattern(name)

    async def actions(self) -> dict[str, str]:
        """What is done with each type."""
        return {one.type: one.action for one in (await self._client.redaction.list_actions()).actions}

    async def set_action(self, type: str, action: str | None) -> None:  # noqa: A002
        """Say what is done with a type."""
        ((entity, known),) = RedactionPolicy.parse({type: action or "mask"}).actions.items()
        await self._client.redaction.set_action(entity.value, None if action is None else known.value)

    async def directory(self, *, source: str | None = None, limit: int = 1000) -> list[Any]:
        """Names beside those of users."""
        told = await self._client.redaction.list_names(source=source, limit=limit)
        return [Shown(one) for one in told.names]

    async def know(
        self, entries: Iterable[DirectoryEntry], *, source: str = "by-hand", replace: bool = False
    ) -> int:
        """Take in names; how many there are of the source. Many are sent in pieces."""
        given = [(one.value, str(one.type)) for one in entries] or [("", "PERSON")]
        known = 0
        for kind, named in groupby(given, key=lambda one: one[1]):
            for names in _pieces([name for name, _ in named]):
                told = await self._client.redaction.add_names(
                    list(filter(None, names)), type=cast("Any", kind), source=source, replace=replace
                )
                known, replace = told.known, False
        return known

    async def forget(self, values: Sequence[str], *, source: str = "by-hand") -> int:
        """Take names out again."""
        return sum(
            [
                (await self._client.redaction.forget_names(names, source=source)).removed
                for names in _pieces(values)
            ]
        )


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[begin : begin + _NAMES_AT_ONCE] for begin in range(0, len(values), _NAMES_AT_ONCE))
