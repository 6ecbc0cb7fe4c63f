"""The resources under ``/v1``, or some of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from deskmind.api.access import add_access
from deskmind.api.addresses import Placed
from deskmind.api.agent_runs import add_agent_runs
from deskmind.api.agents import add_agents, add_approvals
from deskmind.api.audit import add_audit
from deskmind.api.connections import add_connections
from deskmind.api.connectors import Receive, add_connectors, add_webhook
from deskmind.api.conversations import add_conversations
from deskmind.api.deployments import add_deployments
from deskmind.api.directory import add_groups, add_keys, add_users
from deskmind.api.evidence import add_evidence
from deskmind.api.experiments import add_experiments
from deskmind.api.feedback import add_feedback
from deskmind.api.jobs import add_jobs
from deskmind.api.knowledge import add_ask, add_documents, add_search
from deskmind.api.memories import add_memories
from deskmind.api.privacy import add_privacy
from deskmind.api.problems import described_problems
from deskmind.api.prompts import add_prompts
from deskmind.api.reaching import reaches
from deskmind.api.redaction import add_redaction
from deskmind.api.requests import add_requests
from deskmind.api.resuming import AnswerStreams
from deskmind.api.schemas import Problem
from deskmind.api.spending import add_spending
from deskmind.api.stored_agents import add_stored_agents
from deskmind.api.tenants import add_tenants
from deskmind.api.triage import add_triage
from deskmind.api.webhooks import add_webhooks
from deskmind.api.workflows import add_workflows
from deskmind.api.writes import add_writes
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError

__all__ = ["RESOURCES", "DeskFor", "router"]

DeskFor = Callable[[Request], Awaitable[Desk]]
_Add = Callable[[APIRouter, Any], None]

_LONGEST_KEY, _LONGEST_TOKEN = 1_000, 8_192
_DESK = "deskmind.desk"

_PROBLEMS = described_problems(
    _400="cannot be parsed",
    _401="no valid API key",
    _403="not permitted",
    _408="not received in time",
    _413="too large",
    _422="not valid",
    _429="more requests than a limit admits",
    _500="an error of ours",
    _503="temporarily unavailable",
    _504="not answered in time",
)
_MORE: tuple[tuple[str, _Add], ...] = (
    ("usage", add_spending),
    ("deployments", add_deployments),
    ("redaction", add_redaction),
    ("access", add_access),
    ("users", add_users),
    ("groups", add_groups),
    ("keys", add_keys),
    ("audit", add_audit),
    ("prompts", add_prompts),
    ("experiments", add_experiments),
    ("conversations", add_conversations),
    ("requests", add_requests),
    ("feedback", add_feedback),
    ("privacy", add_privacy),
    ("evidence", add_evidence),
    ("jobs", add_jobs),
    ("tenants", add_tenants),
    ("triage", add_triage),
    ("connectors", add_connectors),
    ("writes", add_writes),
    ("agents", add_agents),
    ("approvals", add_approvals),
    ("agents", add_agent_runs),
    ("workflows", add_workflows),
    ("agents", add_stored_agents),
    ("memories", add_memories),
    ("webhooks", add_webhooks),
)
RESOURCES = tuple(dict.fromkeys(("search", "ask", "documents", *(name for name, _ in _MORE))))
"""What ``router`` can mount; each name stands for all routes of the resource."""


def router(
    *,
    desk_for: DeskFor,
    prefix: str = "/v1",
    resources: Collection[str] | None = None,
    max_upload_bytes: int = 50 * 2**20,
    streams: AnswerStreams | None = None,
    private_connections: bool = False,
    receive: Receive | None = None,
) -> APIRouter:
    """Deskmind's resources for any FastAPI application.

    Args:
        desk_for: tells whose desk a request is for; raises ``AuthenticationError`` when nobody's. The host
            application authenticates, Deskmind authorises.
        prefix: path before every resource.
        resources: the names of those that are wanted, of ``RESOURCES``; all where left out.
        max_upload_bytes: largest file of an upload.
        streams: keeps streams of answers whose connection broke; when left out, an answer ends with its reader.
        private_connections: whether connections that are added here may reach private addresses.
        receive: takes the calls of connected systems, as ``Deskmind.receive_webhook`` does; where left out they cannot call,
            and nobody is told a secret to call with.

    Raises:
        InvalidRequestError: a resource is not known.

    The host application renders errors as it likes; ``deskmind.api.problems.install(app)`` gives RFC 9457.
    """
    wanted = _known(resources)
    current = _asker(desk_for)
    routes = APIRouter(prefix=prefix, responses=_PROBLEMS, route_class=_asked_first(current, prefix))
    asker: Any = Depends(current)
    called = receive is not None
    for name, add in (
        ("search", add_search),
        ("ask", partial(add_ask, streams=streams or AnswerStreams(0))),
        ("documents", partial(add_documents, max_upload_bytes=max_upload_bytes)),
        *_MORE,
        ("connectors", partial(add_connections, private=private_connections, called=called)),
    ):
        if name in wanted:
            add(routes, asker)
    if receive is not None and "connectors" in wanted:
        add_webhook(routes, receive)
    _give_problem(routes)
    return routes


def _known(resources: Collection[str] | None) -> Collection[str]:
    if resources is None:
        return RESOURCES
    wanted = {resources} if isinstance(resources, str) else set(resources)
    unknown = sorted(wanted.difference(RESOURCES))
    if unknown:
        raise InvalidRequestError(
            f"The router has no resource '{unknown[0]}'.",
            why=f"Its resources are {', '.join(RESOURCES)}.",
            remedy="Name some of them in a list, or leave `resources` out for all.",
        )
    return wanted


def _give_problem(routes: APIRouter) -> None:
    """Have the document hold the model that ``described_problems`` names."""
    first = next((one for one in routes.routes if isinstance(one, APIRoute)), None)
    if first is not None:
        first.responses = {**first.responses, 500: {**_PROBLEMS[500], "model": Problem}}


def _asker(desk_for: DeskFor) -> DeskFor:
    """Tells whose desk a request is for, once for each request; again where it has less when its body has come."""

    async def current(request: Request) -> Desk:
        desk: Desk | None = request.scope.get(_DESK)
        if desk is None or not await reaches(desk):
            request.scope[_DESK] = desk = await desk_for(request)
        return desk

    return current


def _asked_first(current: DeskFor, before: str) -> type[Placed]:
    """Routes that look who is asking before they read a body: the framework reads it first, whoever sent it."""

    class Route(Placed):
        prefix = before

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            if all(needed.call is not current for needed in self.dependant.dependencies):
                return handle

            async def known(request: Request) -> Response:
                await current(request)
                return await handle(request)

            return known

    return Route


def bearer(request: Request) -> str:
    """The API key of a request.

    Raises:
        AuthenticationError: there is none.
    """
    given = b""
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            given = value
            break
    scheme, _, key = given.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        from deskmind.errors import AuthenticationError

        raise AuthenticationError(
            "The request carries no API key.",
            remedy="Send `Authorization: Bearer dk_…`; `deskmind key create --user NAME --tenant NAME` makes a key.",
        )
    if len(key) > (_LONGEST_KEY if key.startswith("dk_") else _LONGEST_TOKEN):
        raise InvalidRequestError("The API key is too long.")
    return key.strip()
