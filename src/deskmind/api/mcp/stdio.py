"""MCP on a process's standard streams, for clients that start their servers themselves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from typing import Any, cast

from mcp.server.stdio import stdio_server

from deskmind.api.mcp.call import Context
from deskmind.api.mcp.offer import Offer
from deskmind.api.mcp.server import Door, mcp_server
from deskmind.api.mcp.session import Session
from deskmind.desk import Desk
from deskmind.observability import correlation

__all__ = ["serve_stdio"]

_STANDARD_INPUT = 0
_PIECE = 2**16


async def serve_stdio(desk_for: Callable[[], Awaitable[Desk]], offer: Offer) -> None:
    """Answer messages until standard input ends, or until cancelled.

    Args:
        desk_for: the user's desk; asked anew for each message, so that groups and roles are those of the moment.
        offer: what is offered.
    """

    async def desk(_: Context) -> Desk:
        return await desk_for()

    session = Session()
    server = mcp_server(Door(desk, lambda _: desk_for, lambda _: session), offer)

    async def correlated(ctx: Context, call_next: Any) -> Any:
        with correlation():
            return await call_next(ctx)

    server.middleware.append(correlated)
    try:
        with _input_of_ours() as descriptor:
            async with (
                aclosing(_lines(descriptor)) as lines,
                stdio_server(stdin=cast("Any", lines)) as (incoming, outgoing),
            ):
                await server.run(incoming, outgoing, server.create_initialization_options())
    finally:
        session.end()


@contextmanager
def _input_of_ours() -> Generator[int]:
    """Standard input under another descriptor: what else reads it meanwhile, a child too, finds it empty."""
    ours = os.dup(_STANDARD_INPUT)
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, _STANDARD_INPUT)
        os.close(nothing)
        try:
            yield ours
        finally:
            os.dup2(ours, _STANDARD_INPUT)
    finally:
        os.close(ours)


async def _lines(descriptor: int) -> AsyncGenerator[str]:
    """Lines as they come. A thread that reads them, as the protocol's package has it, could not be interrupted."""
    begun = bytearray()
    async for piece in _pieces(descriptor):
        *ended, last = piece.split(b"\n")
        for line in ended:
            begun += line
            yield begun.decode(errors="replace")
            begun.clear()
        begun += last
    if begun:
        yield begun.decode(errors="replace")


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    while True:
        await _readable(descriptor)
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return
        yield piece


async def _readable(descriptor: int) -> None:
    """Wait until reading does not block; the descriptor is left as it is, since others may have the same terminal."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a file: it never blocks
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
