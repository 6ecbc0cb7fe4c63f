"""The stand-alone service."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from deskmind import __version__
from deskmind.api import problems
from deskmind.api.chat_completions import OpenAIEndpoints
from deskmind.api.connectors import Receive as Receiver
from deskmind.api.contract import complete
from deskmind.api.documentation import add_documentation
from deskmind.api.draining import Drain
from deskmind.api.limits.admission import Admission, Places
from deskmind.api.limits.attempts import Attempts
from deskmind.api.limits.limiter import Limiter
from deskmind.api.manners.claiming import Claims
from deskmind.api.manners.conditions import Conditions
from deskmind.api.manners.deadline import Deadline
from deskmind.api.manners.idempotency import Idempotency
from deskmind.api.manners.locking import ResourceLocks
from deskmind.api.metrics import add_metrics
from deskmind.api.middleware import BodyLimit, RequestContext
from deskmind.api.pages import ForPages, for_pages
from deskmind.api.reading import Reading
from deskmind.api.reads import Reads
from deskmind.api.resuming import AnswerStreams
from deskmind.api.routes import DeskFor, bearer, router
from deskmind.api.schemas import Health, Readiness
from deskmind.api.shelf import Shelf
from deskmind.app import Deskmind
from deskmind.database import Database
from deskmind.desk import Desk
from deskmind.ending import ended
from deskmind.errors import DeskmindError
from deskmind.observability import configure_logging
from deskmind.observability.levels import watch_level
from deskmind.readiness import run_hourly
from deskmind.scope import Scope
from deskmind.settings import Settings, load_settings

if TYPE_CHECKING:
    from deskmind.api.mcp.endpoint import McpEndpoint

__all__ = ["create_app", "create_process"]

_YOUNG_OBJECTS = 20_000
_OURS: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""The framework's own telemetry would count each request a second time, and put query strings on spans."""


def create_process() -> FastAPI:
    """``create_app`` for ``deskmind serve``, whose processes serve and do nothing else."""
    settings = load_settings()
    configure_logging(format=settings.log.format, level=settings.log.level, gather=True)
    return create_app(settings, own_process=True)


def create_app(
    settings: Settings | None = None, *, app: Deskmind | None = None, own_process: bool = False
) -> FastAPI:
    """The ASGI application.

    Args:
        settings: configuration; read from file and environment when left out.
        app: a started ``Deskmind`` to serve; otherwise one is started and closed with the service.
        own_process: nothing else runs in this process, so the garbage collector may be set for serving.
    """
    chosen = app.settings if app is not None else settings or load_settings()
    shared = chosen.redis.url
    limiter = Limiter(chosen.limits.rates, url=shared.get_secret_value() if shared is not None else None)
    places = Places(chosen.limits.concurrent, chosen.limits.streams)
    drain = Drain(chosen.api.drain_seconds)
    streams = AnswerStreams(chosen.api.resume_seconds)

    @asynccontextmanager
    async def lifespan(service: FastAPI) -> AsyncGenerator[None]:
        async with contextlib.AsyncExitStack() as resources:
            service.state.deskmind = app or await resources.enter_async_context(Deskmind.open(chosen))
            deskmind: Deskmind = service.state.deskmind
            resources.push_async_callback(ended, await deskmind.measure())
            await deskmind.engine()
            await deskmind.gateway()
            await deskmind.ready_redaction()
            resources.push_async_callback(limiter.close)
            resources.push_async_callback(streams.close)
            if chosen.api.embedded_worker:
                if app is None:
                    run_hourly(deskmind)
                _work(deskmind, resources)
            if protocol is not None:
                await resources.enter_async_context(protocol.running())
            if own_process:
                levels = asyncio.create_task(watch_level(chosen.home, chosen.log.level))
                resources.push_async_callback(ended, levels)
                _settle()
                resources.enter_context(drain.heeding())
            yield

    service = _Service(
        title="Deskmind",
        version=__version__,
        summary="Cited answers from a service desk's own knowledge.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=_OURS,
    )

    known = _known_to(service, attempts := Attempts(chosen.limits.refused))

    async def desk_for(request: Request) -> Desk:
        desk = await known(request)
        await limiter.admit(request.scope, desk)
        return desk

    routes = router(
        desk_for=desk_for,
        max_upload_bytes=chosen.ingest.max_file_bytes,
        streams=streams,
        private_connections=chosen.api.private_connections,
        receive=_receiving(service),
    )
    _offer(service, routes)
    models = _serve_models(service, desk_for, chosen.api.max_body_bytes)
    protocol = _model_context(chosen, service, limiter, attempts, drain)
    if protocol is not None:
        service.router.routes[:0] = protocol.routes()  # the others are looked through one by one
    _health(service, limiter, drain)
    add_documentation(service)
    add_metrics(service, desk_for)
    problems.install(service)
    _mind_manners(service, chosen, known)
    service.add_middleware(Admission, places=places)
    service.add_middleware(RequestContext, accept_parent=chosen.telemetry.accept_parent, drain=drain)
    _describe(service)
    _go_straight(service, chosen, models, routes.routes, places, drain)
    return service


def _known_to(service: FastAPI, attempts: Attempts) -> DeskFor:
    """Tells whose desk a request is for, by its key or token."""

    async def known(request: Request) -> Desk:
        deskmind: Deskmind = service.state.deskmind
        return await attempts.of(request.scope, bearer(request), deskmind.authenticate)

    return known


def _mind_manners(service: _Service, settings: Settings, known: DeskFor) -> None:
    """Conditions, repeated requests, limits of size and time, compression, callers in browsers: the last is outermost."""

    async def asking(request: Request) -> tuple[Scope, Claims]:
        deskmind: Deskmind = service.state.deskmind
        desk = await known(request)
        kept, lease = settings.api.idempotency_hours * 3600, settings.api.claim_seconds
        return desk.scope, Claims(deskmind.database, deskmind.keyring, kept, lease)

    async def whose(request: Request) -> Scope:
        return (await known(request)).scope

    def database() -> Database:
        deskmind: Deskmind = service.state.deskmind
        return deskmind.database

    locks = ResourceLocks(database, max(settings.database.pool_max, settings.database.pool_min))
    service.add_middleware(Conditions, asking=whose, locked=locks.held)
    service.add_middleware(Idempotency, asking=asking)
    service.add_middleware(BodyLimit, max_bytes=settings.api.max_body_bytes)
    service.add_middleware(Deadline, seconds=settings.api.request_seconds)
    if settings.api.compress_from:
        service.add_middleware(GZipMiddleware, minimum_size=settings.api.compress_from, compresslevel=5)
    if settings.api.cors_origins or settings.mcp.origins:
        service.add_middleware(ForPages, origins=settings.api.cors_origins, protocol=settings.mcp.origins)


def _serve_models(service: FastAPI, desk_for: DeskFor, max_body_bytes: int) -> list[Route]:
    routes = OpenAIEndpoints(desk_for, max_body_bytes=max_body_bytes).routes()
    service.router.routes[:0] = routes
    return routes


def _go_straight(
    service: _Service,
    settings: Settings,
    models: list[Route],
    routes: Sequence[BaseRoute],
    places: Places,
    drain: Drain,
) -> None:
    """Calls of models and reads, with what is around every request and without the rest."""

    def around(serving: ASGIApp) -> ASGIApp:
        heard = for_pages(serving, settings.api.cors_origins) if settings.api.cors_origins else serving
        return RequestContext(
            Admission(heard, places), accept_parent=settings.telemetry.accept_parent, drain=drain
        )

    calls = {
        (method, route.path): around(_routed(route))
        for route in models
        for method in route.methods or ()
        if not route.param_convertors
    }
    reading = Reading(settings.api.request_seconds, settings.api.compress_from, service.exception_handlers)
    service.go_straight(calls, Reads(routes), around(reading))


def _offer(service: FastAPI, routes: APIRouter) -> None:
    service.router.routes.append(Shelf(routes.routes))
    service.include_router(routes)


def _receiving(service: FastAPI) -> Receiver:
    async def receive(connection_id: UUID, headers: Mapping[str, str], body: bytes) -> int:
        deskmind: Deskmind = service.state.deskmind
        return await deskmind.receive_webhook(connection_id, headers, body)

    return receive


class _Service(FastAPI):
    """Calls of models and reads go straight to their endpoints, everything else through the framework's layers.

    A call of a model spends a third of its time in those layers, a read more, and neither needs them.
    """

    _straight: Mapping[tuple[str, str], ASGIApp] = MappingProxyType({})
    _reads: Reads | None = None
    _reading: ASGIApp

    def go_straight(
        self, endpoints: Mapping[tuple[str, str], ASGIApp], reads: Reads, reading: ASGIApp
    ) -> None:
        """From now on.

        Args:
            endpoints: by method and path.
            reads: those that ``reading`` answers.
            reading: likewise.
        """
        self._straight, self._reads, self._reading = endpoints, reads, reading

    def add_middleware(self, middleware_class: Any, *args: Any, **kwargs: Any) -> None:
        """A layer that is added is one around everything: nothing passes it by."""
        self._straight, self._reads = MappingProxyType({}), None
        super().add_middleware(middleware_class, *args, **kwargs)

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """ASGI."""
        endpoint = self._passing(scope) if scope["type"] == "http" else None
        if endpoint is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await endpoint(scope, receive, send)

    def _passing(self, scope: ASGIScope) -> ASGIApp | None:
        """What serves a request without the layers."""
        if scope.get("root_path") or self.dependency_overrides:
            return None
        endpoint = self._straight.get((scope["method"], scope["path"]))
        if endpoint is None and self._reads is not None and self._reads.find(scope):
            return self._reading
        return endpoint


def _model_context(
    settings: Settings, service: FastAPI, limiter: Limiter, attempts: Attempts, drain: Drain
) -> McpEndpoint | None:
    """MCP's endpoint, where it is wanted and its extra is installed."""
    if not settings.mcp.enabled or find_spec("mcp") is None:
        return None
    from deskmind.api.mcp.endpoint import McpEndpoint
    from deskmind.api.mcp.oauth import protection_of
    from deskmind.api.mcp.offer import offer_of

    protection = protection_of(settings)
    resource = protection.resource if protection is not None else None

    async def authenticate(credential: str) -> Desk:
        deskmind: Deskmind = service.state.deskmind
        return await deskmind.authenticate(credential, resource=resource)

    async def desk_for(request: Request) -> Desk:
        desk = await attempts.of(request.scope, bearer(request), authenticate)
        await limiter.admit(request.scope, desk)
        return desk

    return McpEndpoint(
        desk_for,
        offer_of(settings.mcp),
        again=lambda request: partial(authenticate, bearer(request)),
        drain=drain,
        origins=settings.mcp.origins,
        protection=protection,
        session_seconds=settings.mcp.session_seconds,
        max_sessions=settings.mcp.max_sessions,
        foreign_sessions=(settings.mcp.foreign_sessions == "auto" and settings.api.workers > 1)
        or settings.mcp.foreign_sessions == "answer",
    )


def _routed(route: Route) -> ASGIApp:
    async def call(scope: ASGIScope, receive: Receive, send: Send) -> None:
        scope["route"] = route
        await route.app(scope, receive, send)

    return call


def _health(service: FastAPI, limiter: Limiter, drain: Drain) -> None:
    @service.get("/healthz", operation_id="health", tags=["operations"], summary="The process answers")
    async def health() -> Health:
        return Health(version=__version__)

    @service.get(
        "/readyz",
        operation_id="ready",
        tags=["operations"],
        summary="Requests can be served",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "not ready"}},
    )
    async def ready(request: Request) -> JSONResponse:
        deskmind: Deskmind = request.app.state.deskmind
        checks = {"database": "ok", "embedder": deskmind.embedding_problem or "ok"}
        try:
            async with deskmind.database.transaction(Scope.directory()) as connection:
                await connection.execute("SELECT 1")
        except DeskmindError as error:
            checks["database"] = error.code
        if limiter.alone:
            checks["limits"] = "the shared server does not answer: each process counts for itself"
        if drain.begun:
            checks["process"] = "it is about to end"
        status = 200 if checks["database"] == "ok" and not drain.begun else 503
        body = Readiness(status="ready" if status == 200 else "not ready", checks=checks)
        return JSONResponse(body.model_dump(), status_code=status)


def _describe(service: FastAPI) -> None:
    """Complete the OpenAPI document, once."""
    produce = service.openapi
    service.openapi = functools.cache(lambda: complete(produce()))


def _settle() -> None:
    """Leave what start-up made out of every collection, and collect young objects less often.

    With the defaults a third of a busy process's time goes into looking through what requests hold only briefly.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


def _work(deskmind: Deskmind, resources: contextlib.AsyncExitStack) -> None:
    """Run jobs and seal beside serving."""
    told = asyncio.Event()
    resources.push_async_callback(_finished, told, asyncio.create_task(deskmind.jobs.work(told)))
    resources.push_async_callback(ended, deskmind.keep_sealing())


async def _finished(told: asyncio.Event, worker: asyncio.Task[None]) -> None:
    told.set()
    await worker
