"""Usage, budgets, prompts, experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from deskmind.cli.remote.refusing import Part
from deskmind.cli.remote.shown import Shown
from deskmind.prompts import Message

__all__ = ["RemoteBudgets", "RemoteExperiments", "RemoteModels", "RemotePrompts", "RemoteUsage"]


class RemoteModels(Part):
    """``desk.models``: which there are, and whether they answer."""

    async def list(self) -> list[Any]:
        """By name."""
        return [
            Shown(
                one,
                name=one.model,
                deployments=tuple(Shown(other, name=other.deployment) for other in one.deployments),
            )
            for one in (await self._client.deployments.list()).models
        ]

    async def test(self, models: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Have the service call each deployment once."""
        told = await self._client.deployments.test(models=list(models))
        return [one.as_dict() for one in told.results]


class RemoteUsage(Part):
    """``desk.usage``."""

    async def report(
        self, by: Sequence[str], *, since: datetime | None = None, until: datetime | None = None
    ) -> list[Any]:
        """Sums by groups."""
        told = await self._client.usage.report(cast("Any", list(by)), since=since, until=until)
        return [Shown(row, cost=row.cost_usd) for row in told.usage]


class RemoteBudgets(Part):
    """``desk.budgets``."""

    async def list(self) -> list[tuple[Any, Mapping[str, Decimal]]]:
        """Each with what is taken of it."""
        return [(Shown(one), one.taken) for one in (await self._client.budgets.list()).budgets]

    async def set(self, name: str, **given: Any) -> None:
        """Make or replace one."""
        await self._client.budgets.set(name, **given)

    async def delete(self, name: str) -> None:
        """Remove one."""
        await self._client.budgets.delete(name)


class RemotePrompts(Part):
    """``desk.prompts``."""

    async def list(self) -> list[Any]:
        """All."""
        return [Shown(one) for one in (await self._client.prompts.list()).prompts]

    async def get(self, name: str, *, version: int | None = None, label: str | None = None) -> Any:
        """One version."""
        return Shown(await self._client.prompts.get(name, version=version, label=label))

    async def versions(self, name: str) -> list[Any]:
        """All of one."""
        return [Shown(one) for one in (await self._client.prompts.list_versions(name)).versions]

    async def history(self, name: str, label: str) -> list[Any]:
        """Where a label was."""
        return [Shown(one) for one in (await self._client.prompts.get_label(name, label)).moves]

    async def export(self, name: str, *, version: int | None = None, label: str | None = None) -> str:
        """As a file."""
        return (await self._client.prompts.export(name, version=version, label=label)).text

    async def import_(self, text: str, *, note: str = "", label: str | None = None, source: str = "") -> Any:
        """A file as a new version."""
        del source  # named by errors, which the file's reader meets before it is sent
        return Shown(await self._client.prompts.save(file=text, note=note, label=label))

    async def label(self, name: str, label: str, version: int) -> Any:
        """Point a label at a version."""
        return Shown(await self._client.prompts.move_label(name, label, version))

    async def rollback(self, name: str, label: str) -> Any:
        """Point it at where it was."""
        return Shown(await self._client.prompts.rollback_label(name, label))

    async def diff(self, name: str, old: int | str, new: int | str) -> str:
        """What changed."""
        return (await self._client.prompts.diff(name, str(old), str(new))).text

    async def render(
        self, name: str, values: Mapping[str, Any], *, version: int | None = None, label: str | None = None
    ) -> list[Message]:
        """Its messages with the variables filled in."""
        told = await self._client.prompts.render(name, values=values, version=version, label=label)
        return [Message(cast("Any", one.role), one.content, one.call_id, one.tool) for one in told.messages]


class RemoteExperiments(Part):
    """``desk.experiments``."""

    async def all(self) -> list[Any]:
        """The newest first."""
        return [Shown(one) for one in (await self._client.experiments.list()).experiments]

    async def start(self, name: str, prompt: str, variants: Sequence[Any]) -> Any:
        """Begin one."""
        given: Any = [{"name": one.name, "version": one.version, "weight": one.weight} for one in variants]
        return Shown(await self._client.experiments.start(name, prompt, given))

    async def report(self, name: str, *, confidence: float = 0.95) -> Any:
        """What came of it."""
        return Shown(await self._client.experiments.get_report(name, confidence=confidence))

    async def weigh(self, name: str, weights: Mapping[str, float]) -> Any:
        """Other shares."""
        return Shown(await self._client.experiments.weigh(name, weights))

    async def stop(self, name: str) -> Any:
        """End it."""
        return Shown(await self._client.experiments.stop(name))
