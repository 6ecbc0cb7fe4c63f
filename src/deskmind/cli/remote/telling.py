"""What happened in requests, what users say of answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.cli.remote.refusing import Part
from deskmind.cli.remote.shown import Shown
from deskmind.client.made.bodies import ExplanationBody
from deskmind.explain import RequestSummary

__all__ = ["RemoteFeedback", "RemoteQuality", "RemoteRequests"]


_NOT_TOLD = UUID(int=0)


class RemoteRequests(Part):
    """``desk.requests``."""

    async def explain(self, request_id: str) -> Any:
        """One request's story."""
        return _story(await self._client.requests.explain(request_id))

    async def list(
        self, *, limit: int = 50, operation: str | None = None, failed: bool = False
    ) -> list[RequestSummary]:
        """The latest."""
        told = await self._client.requests.list(limit=limit, operation=operation, failed=failed)
        return [
            RequestSummary(
                _NOT_TOLD,
                one.request_id,
                one.kind,
                one.operation,
                one.error,
                one.began_at,
                one.seconds,
                one.principal,
                one.found,
            )
            for one in told.requests
        ]


class RemoteFeedback(Part):
    """``desk.feedback``."""

    async def give(self, request_id: str, rating: Any, *, reason: Any = "", correction: str = "") -> Any:
        """Rate an answer."""
        told = await self._client.feedback.give(request_id, rating, reason=reason, correction=correction)
        return Shown(told)

    async def list(self, *, limit: int = 50, rating: Any = None) -> list[Any]:
        """The newest first."""
        return [Shown(one) for one in (await self._client.feedback.list(limit=limit, rating=rating)).feedback]


class RemoteQuality(Part):
    """``desk.quality``."""

    async def report(
        self, by: Any, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[Any]:
        """What the ratings say."""
        told = await self._client.quality.report(by, since=since, until=until)
        return [Shown(one) for one in told.quality]


def _story(told: ExplanationBody) -> Any:
    calls = [Shown(one, cost=one.cost_usd) for one in told.calls]
    return Shown(told, calls=calls, cost=told.cost_usd, tokens=(told.input_tokens, told.output_tokens))
