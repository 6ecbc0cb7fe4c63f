"""A synchronous facade for notebooks and scripts: the same desks, without ``await``.

One event loop runs in a thread of its own, so it also works where a loop is already running.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.knowledge.documents import Document, DocumentSummary
from deskmind.knowledge.ingest import IngestReport
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.retrieval import SearchFilter

__all__ = ["BlockingDesk", "BlockingDeskmind"]

_T = TypeVar("_T")


class _Loop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deskmind", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BlockingDeskmind:
    """``Deskmind`` for synchronous code.

    >>> with BlockingDeskmind.open() as app:
    ...     answer = app.desk(tenant="acme", user="req1").ask("How do I reset my password?")
    """

    def __init__(self, app: Deskmind) -> None:
        self._app = app
        self._loop = _Loop()

    @classmethod
    def open(cls, **options: Any) -> Self:
        """As ``Deskmind.open``; to be entered with ``with``."""
        return cls(Deskmind.open(**options))

    def __enter__(self) -> Self:
        try:
            self._loop.run(self._app.start())
        except BaseException:
            self._loop.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._loop.run(self._app.close())
        finally:
            self._loop.close()

    def create_tenant(self, slug: str, *, name: str = "") -> None:
        """Add a tenant; see ``Tenants.create``."""
        self._loop.run(self._app.tenants.create(slug, name=name))

    def desk(self, *, tenant: str, user: str | None = None) -> BlockingDesk:
        """The desk of a user, or of the tenant's operator; see ``Deskmind.desk``."""
        return BlockingDesk(self._loop.run(self._app.desk(tenant=tenant, user=user)), self._loop)


class BlockingDesk:
    """``Desk`` for synchronous code; each method is that of the same name in ``desk`` or ``desk.knowledge``."""

    def __init__(self, desk: Desk, loop: _Loop) -> None:
        self._desk = desk
        self._loop = loop

    def add_user(self, name: str, *, groups: Sequence[str] = ()) -> None:
        """Add a user (as the operator)."""
        self._loop.run(self._desk.principals.add_user(name, groups=groups))

    def ingest(self, *paths: Path | str, groups: Sequence[str] = ()) -> IngestReport:
        """Take in files and folders."""
        return self._loop.run(self._desk.knowledge.ingest(*paths, groups=groups))

    def search(self, query: str, *, limit: int = 10, filter: SearchFilter | None = None) -> list[Passage]:  # noqa: A002
        """The passages that fit best."""
        return self._loop.run(self._desk.knowledge.search(query, limit=limit, filter=filter))

    def ask(self, question: str, *, filter: SearchFilter | None = None) -> Answer:  # noqa: A002
        """An answer with citations."""
        return self._loop.run(self._desk.ask(question, filter=filter))

    def documents(self, *, limit: int = 50) -> list[DocumentSummary]:
        """Documents one may see."""
        return self._loop.run(self._desk.knowledge.documents(limit=limit))

    def document(self, document_id: UUID) -> Document:
        """One document with its text."""
        return self._loop.run(self._desk.knowledge.document(document_id))

    def delete(self, document_id: UUID) -> None:
        """Remove a document."""
        self._loop.run(self._desk.knowledge.delete(document_id))
