"""Looking at machines: commands that the operator allowed, without a shell, and queries of Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from deskmind.agents.tool import Material, ToolContext, tool
from deskmind.agents.tools.http import read_address
from deskmind.errors import ConfigurationError, InvalidRequestError, SourceReplyError, SourceUnavailableError
from deskmind.governance.access import Permission
from deskmind.scope import NO_ONE
from deskmind.settings import DiagnosticCommand

__all__ = ["query_metrics", "run_diagnostic"]

_MOST_BYTES = 64_000
_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@tool(permission=Permission.DIAGNOSTICS_RUN, risk="low")
async def run_diagnostic(
    context: ToolContext, name: str, parameters: dict[str, str] | None = None
) -> Material:
    """Run a diagnostic by its name; gives what it prints.

    Args:
        context: of the call.
        name: of a diagnostic that the operator allowed.
        parameters: by name.
    """
    known = context.desk.agent_settings.diagnostics
    if name not in known:
        raise InvalidRequestError(
            f"There is no diagnostic '{name[:80]}'.", why=f"There are: {', '.join(sorted(known)) or 'none'}."
        )
    command = known[name]
    text = await _run(_filled(command, parameters or {}), command.seconds)
    return Material(text, frozenset({NO_ONE}) if command.shown == "user" else frozenset())


@tool(permission=Permission.DIAGNOSTICS_RUN, risk="low", shown="everyone")
async def query_metrics(context: ToolContext, query: Annotated[str, Field(max_length=2000)]) -> str:
    """Ask Prometheus for the value of an expression now; gives its answer as JSON.

    Args:
        context: of the call.
        query: in PromQL.
    """
    settings = context.desk.agent_settings
    if settings.prometheus_url is None:
        raise ConfigurationError("There is no Prometheus to ask.", why="agents.prometheus_url is not set.")
    base = settings.prometheus_url.rstrip("/")
    parts = urlsplit(base)
    return await read_address(
        f"{base}/api/v1/query?{urlencode({'query': query})}",
        hosts=(parts.netloc.lower(),),
        seconds=settings.http_seconds,
        networks="any",
        schemes=(parts.scheme,),
    )


def _filled(command: DiagnosticCommand, given: dict[str, str]) -> list[str]:
    """The command with its parameters, each one whole argument or part of one, and never an option."""
    if strange := sorted(set(given) ^ set(command.parameters)):
        raise InvalidRequestError(
            f"The parameter '{strange[0][:80]}' is missing, or there is none.",
            why=f"It takes: {', '.join(sorted(command.parameters)) or 'none'}.",
        )
    for name, value in given.items():
        if value.startswith("-") or "\0" in value or not re.fullmatch(command.parameters[name], value):
            raise InvalidRequestError(f"The parameter '{name}' does not have the form that is allowed.")
    return [_PARAMETER.sub(lambda found: given.get(found[1], found[0]), one) for one in command.command]


async def _run(words: list[str], seconds: float) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise SourceUnavailableError("The diagnostic cannot be run.", why=type(error).__name__) from error
    try:
        async with asyncio.timeout(seconds):
            text = await _read(process)
            code = await process.wait()
    except TimeoutError as error:
        raise SourceReplyError("The diagnostic takes too long.", why=f"It may take {seconds:g} s.") from error
    finally:
        await _end(process)
    return f"exit code {code}\n{text}"


async def _read(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    body = b""
    while piece := await process.stdout.read(8192):
        body += piece[: _MOST_BYTES - len(body)]
    return body.decode("utf-8", errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing that the diagnostic started stays behind."""
    import os
    import signal

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
