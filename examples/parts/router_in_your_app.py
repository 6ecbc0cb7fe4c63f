"""Some of Deskmind's resources inside your FastAPI application, behind your own authentication. Needs ``api`` and httpx.

Run it: python examples/parts/router_in_your_app.py
"""

from __future__ import annotations

import asyncio
import json

import httpx
from fastapi import FastAPI, Request

from deskmind import Desk, Deskmind
from deskmind.api import problems, router
from deskmind.errors import AuthenticationError, ConflictError

SESSIONS = {"session-of-ana": "ana"}
"""Stands for your own sessions, tokens or single sign-on."""


def your_application(deskmind: Deskmind) -> FastAPI:
    """Your application: its own resources, and those of Deskmind's that it wants under ``/desk``."""
    service = FastAPI()

    @service.get("/")
    async def home() -> dict[str, str]:
        return {"application": "yours"}

    async def desk_for(request: Request) -> Desk:
        person = SESSIONS.get(request.cookies.get("session", ""))
        if person is None:
            raise AuthenticationError("You are not signed in.", remedy="Sign in first.")
        return await deskmind.desk(tenant="hosted", user=person)

    service.include_router(router(desk_for=desk_for, prefix="/desk", resources=["search", "ask"]))
    problems.install(service)
    return service


async def main() -> None:
    async with Deskmind.open() as deskmind:
        try:
            await deskmind.tenants.create("hosted")
            await (await deskmind.desk(tenant="hosted")).principals.add_user("ana")
        except ConflictError:
            print("the tenant exists already")
        operator = await deskmind.desk(tenant="hosted")
        await operator.knowledge.add(
            "badges.md", b"# Badges\n\nA lost badge is replaced at the reception for free."
        )
        transport = httpx.ASGITransport(app=your_application(deskmind))
        async with httpx.AsyncClient(transport=transport, base_url="http://yours") as client:
            question = {"question": "Where is a lost badge replaced?"}
            refused = await client.post("/desk/ask", json=question)
            print(refused.status_code, refused.json()["detail"])
            client.cookies.set("session", "session-of-ana")
            answered = await client.post("/desk/ask", json=question)
            print(answered.status_code, json.dumps(answered.json()["text"]))
            absent = await client.get("/desk/documents")
            print("not mounted:", absent.status_code)


if __name__ == "__main__":
    asyncio.run(main())
