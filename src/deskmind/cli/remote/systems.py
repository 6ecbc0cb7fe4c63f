"""Connected systems: reading and changing them; triage of their tickets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.refusing import Part
from deskmind.cli.remote.shown import Shown
from deskmind.connectors.protocol import Health, Right
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.client.made.bodies import ConnectorBody

__all__ = ["RemoteConnections", "RemoteJobs", "RemoteSync", "RemoteTriage", "RemoteWrites"]

_LOOK_SECONDS = 1.0
_OVER = frozenset({"done", "failed"})
_TWICE = frozenset({"connection_id", "name", "vendor", "url", "every_seconds", "waiting_documents"})


class RemoteConnections(Part):
    """``desk.connections``."""

    async def all(self) -> list[Any]:
        """By name."""
        return [Shown(one.connection) for one in (await self._client.connectors.list()).connectors]

    async def get(self, name: str) -> Any:
        """One."""
        return Shown((await self._client.connectors.get(name)).connection)

    async def add(
        self,
        name: str,
        vendor: Any,
        url: str,
        credentials: Mapping[str, str],
        *,
        kinds: Sequence[Any] = (),
        every_seconds: int = 900,
        networks: Any = "any",
        replace: bool = False,
    ) -> Any:
        """Connect a system, which the service is allowed to reach as far as its settings say."""
        told = await self._client.connectors.add(
            name,
            vendor,
            url,
            credentials,
            kinds=list(kinds),
            every_seconds=every_seconds,
            networks=None if networks == "any" else networks,
            replace=replace,
        )
        return Shown(told)

    async def test(self, name: str) -> tuple[Health, list[Right]]:
        """Whether it answers the service, and each right that the credentials need."""
        told = await self._client.connectors.test(name)
        rights = [Right(**one.as_dict()) for one in told.rights]
        return Health(**told.health.as_dict()), rights

    async def webhook_secret(self, name: str) -> str:
        """What the vendor signs its calls with."""
        return (await self._client.connectors.show_secret(name)).secret

    async def remove(self, name: str) -> None:
        """Disconnect it."""
        await self._client.connectors.remove(name)


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
        before = await self._client.connectors.get(name)
        told = await self._client.connectors.sync(name, full=full, sweep=sweep)
        while wait and (told.finished_at in {None, before.finished_at} or told.waiting_documents):
            await asyncio.sleep(_LOOK_SECONDS)
            told = await self._client.connectors.get(name)
            if on_progress is not None:
                on_progress(_status(told))
        return _status(told)

    async def status(self, name: str | None = None) -> list[Any]:
        """How far each is read."""
        if name is not None:
            return [_status(await self._client.connectors.get(name))]
        return [_status(one) for one in (await self._client.connectors.list()).connectors]

    async def preview(self, name: str, *, full: bool = False) -> Any:
        """What a run would bring."""
        return Shown(await self._client.connectors.preview_sync(name, full=full))

    async def reset(self, name: str) -> None:
        """Have the next run read everything."""
        await self._client.connectors.reset_sync(name)


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
        described = await _described(values)
        return _write(await self._client.writes.propose(connection, act, target=target, values=described))

    async def send(self, write_id: UUID, *, content: Any = None) -> Any:
        """Let it pass."""
        return _write(await self._client.writes.send(write_id, content=content))

    async def list(
        self, *, states: Sequence[Any] = (), connection: str | None = None, limit: int | None = None
    ) -> list[Any]:
        """The newest first."""
        told = await self._client.writes.list(state=list(states), connection=connection, limit=limit)
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


async def _described(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a write; of a file not what it holds, but how long that is and its digest."""
    if not isinstance(values.get("content"), Path):
        return values
    file, rest = values["content"], {name: one for name, one in values.items() if name != "content"}
    size, digest = await asyncio.to_thread(_measured, file)
    return {"size": size, "digest": digest, **rest}


def _measured(file: Path) -> tuple[int, str]:
    try:
        with file.open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
            return opened.tell(), digest
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read.", why=f"{error.strerror}.") from error


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
        while wait and told.state not in _OVER:
            await asyncio.sleep(_LOOK_SECONDS)
            told = await self._client.triage.get_training(told.training_id)
        return Shown(told)
