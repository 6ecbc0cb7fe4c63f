"""Connected systems: reading and changing them; triage of their tickets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.refusing import Part
from deskmind.cli.remote.shown import Shown
from deskmind.cli.server import not_remote
from deskmind.errors import NotFoundError

if TYPE_CHECKING:
    from deskmind.client.made.bodies import ConnectorBody

__all__ = ["RemoteConnections", "RemoteJobs", "RemoteSync", "RemoteTriage", "RemoteWrites"]

_LOOK_SECONDS = 1.0
_TWICE = frozenset({"connection_id", "name", "vendor", "url", "every_seconds", "waiting_documents"})


class RemoteConnections(Part):
    """``desk.connections``: those that there are."""

    async def all(self) -> list[Any]:
        """By name."""
        return [Shown(one.connection) for one in (await self._client.connectors.list()).connectors]


class RemoteSync(Part):
    """``desk.sync``."""

    async def run(
        self,
        name: str,
        *,
        full: bool = False,
        sweep: bool = False,
        wait: bool = True,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Have a worker read; with ``wait`` until it has."""
        del on_progress
        if sweep:
            raise not_remote("A sweep")
        before = await self._one(name)
        told = await self._client.connectors.sync(name, full=full)
        while wait and (told.finished_at in {None, before.finished_at} or told.waiting_documents):
            await asyncio.sleep(_LOOK_SECONDS)
            told = await self._one(name)
        return _status(told)

    async def status(self, name: str | None = None) -> list[Any]:
        """How far each is read."""
        found = (await self._client.connectors.list()).connectors
        if name is not None:
            return [_status(await self._one(name))]
        return [_status(one) for one in found]

    async def _one(self, name: str) -> ConnectorBody:
        for one in (await self._client.connectors.list()).connectors:
            if one.name == name:
                return one
        raise NotFoundError(
            f"There is no connection '{name[:80]}'.", remedy="`deskmind connect list` shows them."
        )


class _Status(Shown):
    """The answer says some of the connection twice."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = super().as_dict()
        return {name: value for name, value in told.items() if name not in _TWICE}


def _status(told: ConnectorBody) -> Any:
    return _Status(told)


class RemoteWrites(Part):
    """``desk.writes``."""

    async def propose(self, connection: str, act: Any, target: str, values: Mapping[str, Any]) -> Any:
        """What would be written."""
        if "content" in values:
            raise not_remote("Attaching a file")
        return _write(await self._client.writes.propose(connection, act, target=target, values=values))

    async def send(self, write_id: UUID, *, content: object = None) -> Any:
        """Let it pass."""
        if content is not None:
            raise not_remote("Attaching a file")
        return _write(await self._client.writes.send(write_id))

    async def list(
        self, *, states: Sequence[Any] = (), connection: str | None = None, limit: int | None = None
    ) -> list[Any]:
        """The newest first."""
        if len(states) > 1:
            raise not_remote("Choosing writes by several states")
        told = await self._client.writes.list(
            state=states[0] if states else None, connection=connection, limit=limit
        )
        return [_write(one) for one in told.writes]

    async def show(self, write_id: UUID) -> Any:
        """One with its difference."""
        return _write(await self._client.writes.get(write_id))

    async def reject(self, write_id: UUID) -> Any:
        """It is not sent."""
        return _write(await self._client.writes.reject(write_id))

    async def reconcile(self, write_id: UUID) -> Any:
        """Ask the vendor what became of it."""
        return _write(await self._client.writes.reconcile(write_id))

    async def resolve(self, write_id: UUID, *, written: bool) -> Any:
        """What a person has seen."""
        return _write(await self._client.writes.resolve(write_id, written))


def _write(told: Any) -> Any:
    return Shown(told, changes=tuple(Shown(one).as_dict() for one in told.changes))


class RemoteJobs(Part):
    """``desk.jobs``."""

    async def list(self, **conditions: Any) -> list[Any]:
        """The newest first."""
        return [_Job(one) for one in (await self._client.jobs.list(**conditions)).jobs]

    async def get(self, job_id: int) -> Any:
        """One that is not done."""
        return _Job(await self._client.jobs.get(job_id))

    async def cancel(self, job_id: int) -> None:
        """Cancel one that waits."""
        await self._client.jobs.cancel(job_id)


class _Job(Shown):
    """The answer says where to look as well."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = super().as_dict()
        if told["about"] is not None:
            del told["about"]["href"]
        return told


class RemoteTriage(Part):
    """``desk.triage``."""

    async def predict(self, texts: Sequence[str], *, threshold: float | None = None) -> list[Any]:
        """By the tenant's newest model."""
        told = await self._client.triage.predict(list(texts), threshold=threshold)
        return [Shown(one) for one in told.predictions]

    async def models(self) -> list[Any]:
        """The newest first."""
        return [Shown(one) for one in (await self._client.triage.list_models()).models]

    async def trainings(self) -> list[Any]:
        """The newest first."""
        return [Shown(one) for one in (await self._client.triage.list_trainings()).trainings]

    async def similar(self, text: str, *, limit: int = 5, resolved_only: bool = True) -> list[Any]:
        """Tickets of the past like this one."""
        told = await self._client.triage.find_similar_tickets(text, limit=limit, resolved_only=resolved_only)
        return [Shown(one) for one in told.tickets]

    async def retrain(self, *, threshold: float, embed: bool = True, wait: bool = True) -> Any:
        """Have a worker learn; with ``wait`` until it has."""
        told = await self._client.triage.train(threshold=threshold, embed=embed)
        while wait and told.state in {"queued", "running"}:
            await asyncio.sleep(_LOOK_SECONDS)
            told = await self._client.triage.get_training(told.training_id)
        return Shown(told)
