"""The protocol's conformance suite against our endpoint on a real socket: ``make conformance``.

The suite's client sends no key, so a proxy's part is played here: requests without one are the tenant's only user's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from tests.conformance.fixtures import MADE, PROMPTS, RESOURCES, TOOLS

from deskmind.api.mcp.endpoint import McpEndpoint
from deskmind.api.mcp.offer import offer_of
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.settings import McpSettings

HERE = Path(__file__).parent


async def main() -> int:
    """The suite's exit status: 0 where exactly what is expected to fail does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", type=Path, required=True, help="folder of node_modules")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}) as app:
            return await _run(app, given.tool, home)


async def _run(app: Deskmind, tool: Path, results: Path) -> int:
    await app.tenants.create("acme")
    operator = await app.desk(tenant="acme")
    await operator.principals.add_user("req1")
    for prompt in PROMPTS:
        await operator.prompts.import_(prompt, label="production")
    await operator.knowledge.add("vpn.md", b"# VPN\n\nOpen the portal to reset the token.")

    async def desk_for(_: Request) -> Desk:
        return await app.desk(tenant="acme", user="req1")

    ours = offer_of(McpSettings(allow_writes=True, allow_sampling=True))
    offer = replace(
        ours,
        tools=(*ours.tools, *TOOLS),
        resources=(*ours.resources, *RESOURCES),
        prompts=(*ours.prompts, *MADE),
    )
    endpoint = McpEndpoint(desk_for, offer, session_seconds=600)
    service = FastAPI()
    service.router.routes.extend(endpoint.routes())
    server = uvicorn.Server(uvicorn.Config(service, port=0, log_level="warning"))
    async with endpoint.running():
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        suite = await asyncio.create_subprocess_exec(
            str(tool / ".bin" / "node"),
            str(tool / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"),
            "server",
            *("--url", f"http://127.0.0.1:{port}/mcp"),
            *("--expected-failures", str(HERE / "expected-failures.yaml")),
            *("--output-dir", str(results / "results")),
        )
        status = await suite.wait()
        server.should_exit = True
        await serving
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
