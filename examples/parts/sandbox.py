"""A ServiceNow to try things on: who sees what, what is refused, and a bad day on request."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp

from deskmind.sandbox.servicenow import PASSWORD, ServiceNowSandbox


async def main() -> None:
    """Asks as two people, resolves a ticket the wrong way and the right way, and meets a rate limit."""
    async with ServiceNowSandbox(seed=7) as sandbox, aiohttp.ClientSession(sandbox.url) as session:

        async def ask(user: str, method: str, path: str, **call: Any) -> tuple[int, Any]:
            secret = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
            headers = {"Authorization": f"Basic {secret}"}
            async with session.request(method, f"/api/now/{path}", headers=headers, **call) as answer:
                return answer.status, await answer.json()

        for user in ("admin", "lena.fisk"):
            status, found = await ask(user, "GET", "table/kb_knowledge?sysparm_fields=number")
            print(user, status, "sees", "some" if len(found["result"]) < 60 else "all", "articles")

        _, made = await ask("admin", "POST", "table/incident", json={"short_description": "No coffee in H2"})
        ticket = f"table/incident/{made['result']['sys_id']}"
        status, refused = await ask("admin", "PATCH", ticket, json={"state": "6"})
        print(status, refused["error"]["detail"])
        resolution = {"state": "6", "close_code": "Solution provided", "close_notes": "Beans were bought."}
        status, done = await ask("admin", "PATCH", ticket, json=resolution)
        print(status, "state", done["result"]["state"])

        sandbox.faults.add("rate_limit", retry_after=30, times=1)
        print((await ask("admin", "GET", ticket))[0], (await ask("admin", "GET", ticket))[0])


if __name__ == "__main__":
    asyncio.run(main())
