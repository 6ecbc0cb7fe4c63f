"""A long file passes through in pieces: what is held in between does not grow with it."""

from __future__ import annotations

from aiohttp import web

from deskmind.connectors.core import Client, Pace, Reach, Token

_PIECE, _PIECES = bytes(256 * 1024), 256  # 64 MiB
_MOST_HELD = 16 * 2**20


async def test_a_long_file_is_never_held_whole() -> None:
    written = 0

    async def file(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"Content-Length": str(len(_PIECE) * _PIECES)})
        await response.prepare(request)
        for _ in range(_PIECES):
            await response.write(_PIECE)  # waits while the reader is behind
            written += len(_PIECE)
        return response

    app = web.Application()
    app.router.add_get("/file", file)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    read, ahead, longest = 0, 0, 0
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with Client(Reach(url), Token("t"), pace=Pace(100, 1.0)) as client:
            async for piece in client.stream("/file"):
                read += len(piece)
                longest, ahead = max(longest, len(piece)), max(ahead, written - read)
    finally:
        await runner.cleanup()
    assert read == len(_PIECE) * _PIECES
    assert longest <= 64 * 1024
    assert ahead <= _MOST_HELD
