"""Puts something of each kind into a tenant, so that requests find what they are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from soak.stage import MODEL
from tests.triage.tickets import tickets

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.prompts import Message
from deskmind.prompts.experiments import Variant
from deskmind.sandbox.servicenow import ServiceNowSandbox

__all__ = ["OWNER", "PEERS", "furnish"]

OWNER = "boss"
PEERS = ("ann", "ben")
"""Two requesters, who must not see what is the other's."""

_PROMPT = "name: greeting\nvariables:\n  who: {type: string}\nmessages:\n- {role: user, content: 'Greet {{ who }}'}\n"
_AGENT = {"name": "greeter", "instructions": "Greet whoever asks.", "model": MODEL}


async def furnish(app: Deskmind, tenant: str, box: ServiceNowSandbox) -> dict[str, str]:
    """Fill the tenant; an API key for each of ``OWNER`` and ``PEERS``."""
    operator = await app.desk(tenant=tenant)
    await operator.principals.add_user(OWNER, role="operator", groups=["hr"])
    for name in PEERS:
        await operator.principals.add_user(name)
    await operator.connections.add("now", box.vendor, box.url, box.credentials, every_seconds=0)
    await operator.triage.train(tickets(90), targets=["category"], embed=False)
    await _of_the_tenant(await app.desk(tenant=tenant, user=OWNER))
    for name in (OWNER, *PEERS):
        await _of_one(await app.desk(tenant=tenant, user=name))
    return {name: (await operator.keys.create(name)).secret for name in (OWNER, *PEERS)}


async def _of_the_tenant(desk: Desk) -> None:
    await desk.prompts.import_(_PROMPT, label="production")
    file = await desk.prompts.export("answer", version=0)
    await desk.prompts.import_(file.replace("Be brief", "Be very brief"))
    await desk.experiments.start("brevity", "answer", [Variant("control", 0, 1), Variant("brief", 1, 1)])
    await desk.stored_agents.save(_spec(_AGENT))
    await desk.stored_agents.publish("greeter")
    await desk.stored_agents.start("greeter", "Say hello.")
    await desk.access.define_role("reader", ["audit:read"])
    await desk.budgets.set("day", window="day", usd=Decimal(100))
    await desk.schedules.add(
        "handover", "shift-handover", {"connection": "now"}, cron="0 6 * * *", zone="UTC"
    )
    await desk.workflows.start("shift-handover", {"connection": "now"})
    await desk.writes.propose("now", "create", "", {"title": "Printer on fire"})
    await desk.privacy.hold("somebody@example.com", "case 7")


async def _of_one(desk: Desk) -> None:
    mine = desk.scope.principal
    await desk.knowledge.add(f"{mine}.md", f"# Notes of {mine}\n\nThe parking fee is 40 euros.".encode())
    await desk.conversations.create("parking", messages=[Message("user", "What does parking cost?")])
    answer = await desk.ask("What does parking cost?")
    await desk.feedback.give(answer.request_id, "up")
    until = datetime.now(UTC) + timedelta(days=1)
    await desk.conversations.create("passing", messages=[], expires_at=until)


def _spec(fields: dict[str, Any]) -> Any:
    from deskmind.agents.definitions.spec import AgentSpec

    return AgentSpec.model_validate(fields)
