"""A service, and a program that uses it over HTTP. Run it: python examples/client.py"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from deskmind import Deskmind
from deskmind.api import create_app
from deskmind.client import AsyncClient
from deskmind.errors import ConflictError, NotFoundError

QUESTION = "How do I reset my VPN token?"
VPN = """# VPN access

## Reset the token

To reset your VPN token, open the self-service portal, choose Security, then Reset token.
"""


@asynccontextmanager
async def serving(app: Deskmind) -> AsyncIterator[str]:
    """What `deskmind serve` does, in this process."""
    server = uvicorn.Server(uvicorn.Config(create_app(app=app), port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def key_of_an_operator(app: Deskmind) -> str:
    """A tenant with one user; a second run finds them there."""
    try:
        await app.tenants.create("client-example")
        operator = await app.desk(tenant="client-example")
        await operator.principals.add_user("ada", role="operator")
    except ConflictError:
        operator = await app.desk(tenant="client-example")
    return (await operator.keys.create("ada", name="example")).secret


async def use(client: AsyncClient) -> None:
    """Everything from here on needs the service's address and a key, nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vpn.md"
        file.write_text(VPN, encoding="utf-8")
        await client.documents.upload(file, uri="vpn.md", source="handbook")

    async for event in client.ask_stream(QUESTION):
        if event.name == "answer":
            print(f"{event.data.text}")
    answer = await client.ask(QUESTION)
    citation = answer.citations[0]
    source = await client.documents.get(citation.document_id)
    print(f"quoted from {source.title}: {source.text[citation.start : citation.end]!r}")
    print("documents:", [document.title async for document in client.documents.each(limit=1)])

    try:
        await client.documents.get("00000000-0000-0000-0000-000000000000")
    except NotFoundError as error:
        print(f"{error.what} (request {error.details['request_id'][:4]}…)")


async def main() -> None:
    async with Deskmind.open() as app:
        key = await key_of_an_operator(app)
        async with serving(app) as address, AsyncClient(address, api_key=key) as client:
            await use(client)


if __name__ == "__main__":
    asyncio.run(main())
