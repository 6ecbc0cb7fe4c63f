"""``/metrics`` of the API: for keys of operators whose tenant ``telemetry.metrics_tenants`` names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response

from deskmind.api.schemas import Problem
from deskmind.desk import Desk

__all__ = ["add_metrics"]


def add_metrics(service: FastAPI, desk_for: Callable[[Request], Awaitable[Desk]]) -> None:
    """Add the route."""

    @service.get(
        "/metrics",
        operation_id="metrics",
        tags=["operations"],
        summary="All processes' metrics, for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {}, "application/openmetrics-text": {}}},
            401: {"model": Problem, "description": "no valid API key"},
            403: {"model": Problem, "description": "not permitted, or not the operating tenant"},
            429: {"model": Problem, "description": "more requests than a limit admits"},
            503: {"model": Problem, "description": "this process shows no metrics"},
        },
    )
    async def show(request: Request) -> Response:
        desk = await desk_for(request)
        body, media_type = await desk.metrics(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": media_type})
