"""Running a command: settings, logs, the application, errors as messages and exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import typer

from deskmind.cli.output import shown
from deskmind.cli.server import address_of, check_given, command_name, insecure, not_remote, server_of
from deskmind.errors import DeskmindError, InvalidRequestError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from deskmind.app import Deskmind
    from deskmind.desk import Desk
    from deskmind.settings import Settings

__all__ = ["CommandLine", "at_desk", "desk_of", "desk_or_operator_of", "fail", "operator_of"]

_T = TypeVar("_T")
Within = Callable[["Settings"], AbstractAsyncContextManager["Settings"]]
_INTERRUPTED = 130
# the command ends with the error itself; a log line of it would be a second one
_TOLD_BY_THE_ERROR = (
    "deskmind.operation",
    "deskmind.explain",
    "procrastinate",
    "psycopg.pool",
    "psycopg.transaction",
)


class CommandLine:
    """What one invocation was given."""

    def __init__(
        self, home: Path | None, config: Path | None, *, as_json: bool = False, service: bool = False
    ) -> None:
        self._home = home
        self._service = service
        self._config = config
        self._read: Settings | None = None
        self.as_json = as_json

    def settings(self, *, anywhere: bool = False) -> Settings:
        """The configuration of this installation, with logging set up: warnings only, so that output stays readable.

        Args:
            anywhere: the command uses no installation, and so is the same whether a server is named or not.

        Raises:
            NotRemoteError: a server is named.
        """
        settings = self._settings()
        if not anywhere and address_of(settings):
            raise not_remote(f"`{command_name()}`")
        return settings

    def afar(self) -> bool:
        """Whether a server is named."""
        return bool(address_of(self._settings()))

    def _settings(self) -> Settings:
        from deskmind.observability import configure_logging
        from deskmind.settings import load_settings

        settings = self._read = self._read or load_settings(home=self._home, config=self._config)
        check_given(settings)
        configure_logging(
            format=settings.log.format,
            level="warning" if settings.log.level == "info" else settings.log.level,
        )
        if not self._service and settings.log.level != "debug":
            for name in _TOLD_BY_THE_ERROR:
                logging.getLogger(name).setLevel(logging.CRITICAL)
        return settings

    def run(self, work: Callable[[Deskmind], Awaitable[_T]], *, within: Within | None = None) -> _T:
        """Open the application, do the work, close; errors end the process with their exit code.

        Args:
            work: with the application.
            within: what is there as long as the application is, and may change its settings.
        """

        async def opened() -> _T:
            settings = self._settings()
            if address_of(settings) and within is None:
                return await _afar(*server_of(settings), work, insecure=insecure(settings))
            async with (within or _as_they_are)(self.settings()) as changed:
                return await self._here(changed, work)

        return self.guard(lambda: asyncio.run(opened()))

    async def _here(self, settings: Settings, work: Callable[[Deskmind], Awaitable[_T]]) -> _T:
        from deskmind.app import Deskmind
        from deskmind.observability import correlation, names, span

        async with Deskmind.open(settings) as app:
            if self._service:
                return await work(app)
            with (
                correlation() as command_id,
                span(command_name(), kind="internal", **{names.CORRELATION_ID: command_id}),
            ):
                return await work(app)

    def guard(self, act: Callable[[], _T]) -> _T:
        """Do something and turn errors into messages and exit codes."""
        try:
            return act()
        except BaseException as error:
            found = _first_of_ours(error)
            if found is not None:
                # tasks that failed for the same reason would be mentioned when the process ends
                logging.getLogger("asyncio").setLevel(logging.CRITICAL)
                fail(found, as_json=self.as_json)
            if isinstance(error, KeyboardInterrupt):
                raise typer.Exit(_INTERRUPTED) from None
            raise
        finally:
            for name in _TOLD_BY_THE_ERROR:
                logging.getLogger(name).setLevel(logging.NOTSET)


@asynccontextmanager
async def _as_they_are(settings: Settings) -> AsyncGenerator[Settings]:
    yield settings


async def operator_of(app: Deskmind, tenant: str | None) -> Desk:
    """The desk of the tenant's operator: whoever may use this home may manage it."""
    return await app.desk(tenant=tenant or app.settings.defaults.tenant or await _only_tenant(app))


async def desk_of(app: Deskmind, tenant: str | None, user: str | None) -> Desk:
    """The desk of the user a command acts for."""
    name = tenant or app.settings.defaults.tenant or await _only_tenant(app)
    person = user or app.settings.defaults.user
    if person is None:
        raise InvalidRequestError(
            "Whose question is it?",
            why="What may be seen depends on the user.",
            remedy=f"Add --user NAME; `deskmind user list --tenant {name}` shows the users,"
            f" `deskmind user add NAME --tenant {name}` adds one.",
        )
    return await app.desk(tenant=name, user=person)


async def desk_or_operator_of(app: Deskmind, tenant: str | None, user: str | None) -> Desk:
    """The named user's desk, and the operator's where nobody is named."""
    return await operator_of(app, tenant) if user is None else await desk_of(app, tenant, user)


def at_desk(
    work: Callable[[Desk], Awaitable[_T]],
    tenant: str | None,
    user: str | None,
    home: Path | None,
    config: Path | None,
    *,
    as_json: bool,
) -> _T:
    """Do one thing at the named user's desk, or at the operator's where nobody is named."""

    async def on(app: Deskmind) -> _T:
        return await work(await desk_or_operator_of(app, tenant, user))

    return CommandLine(home, config, as_json=as_json).run(on)


async def _only_tenant(app: Deskmind) -> str:
    tenants = [tenant for tenant in await app.tenants.all() if not tenant.slug.startswith("eval-")]
    if len(tenants) == 1:
        return tenants[0].slug
    raise InvalidRequestError(
        "Which tenant?",
        why="There is none yet." if not tenants else f"There are {len(tenants)}.",
        remedy="Create one with `deskmind tenant create NAME`."
        if not tenants
        else "Add --tenant NAME; `deskmind tenant list` shows them.",
    )


async def _afar(url: str, key: SecretStr, work: Callable[[Deskmind], Awaitable[_T]], *, insecure: bool) -> _T:
    """Do the work on a service; it has that name and no other of the application's."""
    from deskmind import __version__
    from deskmind.cli.remote import RemoteDeskmind
    from deskmind.client import AsyncClient

    agent = f"deskmind-cli/{__version__}"
    secret = key.get_secret_value()
    async with AsyncClient(url, api_key=secret, user_agent=agent, insecure=insecure) as client:
        return await work(cast("Deskmind", RemoteDeskmind(client)))


def fail(error: DeskmindError, *, as_json: bool) -> None:
    """Print what happened, why and what to do on standard error; exit with the error's code."""
    if as_json:
        sys.stderr.write(json.dumps(error.problem(), ensure_ascii=False) + "\n")
    else:
        from rich.console import Console

        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print(f"[bold red]error:[/] {_plain(shown(error.what))}", markup=True)
        if error.why:
            console.print(f"  {shown(error.why)}", markup=False)
        if error.remedy:
            console.print(f"  → {shown(error.remedy)}", markup=False)
    raise typer.Exit(error.exit_code)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _first_of_ours(error: BaseException) -> DeskmindError | None:
    if isinstance(error, DeskmindError):
        return error
    if isinstance(error, BaseExceptionGroup):
        members = cast("tuple[BaseException, ...]", error.exceptions)
        return next((found for member in members if (found := _first_of_ours(member)) is not None), None)
    return None
