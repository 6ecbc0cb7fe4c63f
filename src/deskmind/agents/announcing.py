"""Telling those who decide: a signed webhook for each proposal, again when nobody decided in time, and for a write that is unknown.

It names the proposal or the write and no content: who receives it reads that through the API or the command line, with rights
of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from deskmind.agents.proposals import Proposed, escalate_proposals, find_proposal
from deskmind.agents.publishing import publish_proposal
from deskmind.agents.tools.http import send_request
from deskmind.database import Connection, Database
from deskmind.governance.audit import record
from deskmind.jobs import defer
from deskmind.scope import Scope
from deskmind.settings import AgentsSettings
from deskmind.writes.store import Write, find_write

__all__ = [
    "ANNOUNCE_QUEUE",
    "ANNOUNCE_TASK",
    "announce",
    "announce_job",
    "announce_write",
    "escalate",
    "signature",
]

ANNOUNCE_QUEUE = "agents"
ANNOUNCE_TASK = "agents.announce"
Occasion = Literal["proposed", "escalated"]


async def announce(
    connection: Connection, scope: Scope, settings: AgentsSettings, proposal_id: UUID, occasion: Occasion
) -> None:
    """Have a worker announce a proposal, once the caller's transaction stands; nothing where no address is set."""
    if settings.announce_url is None:
        return
    arguments = {"tenant_id": str(scope.tenant_id), "proposal_id": str(proposal_id), "occasion": occasion}
    await defer(connection, ANNOUNCE_QUEUE, ANNOUNCE_TASK, f"announce:{proposal_id}:{occasion}", arguments)


async def announce_write(
    settings: AgentsSettings, connection: Connection, scope: Scope, write: Write
) -> None:
    """The same for a write of which nobody knows what became: a person is to look."""
    if settings.announce_url is None:
        return
    arguments = {"tenant_id": str(scope.tenant_id), "write_id": str(write.write_id)}
    await defer(connection, ANNOUNCE_QUEUE, ANNOUNCE_TASK, f"announce:{write.write_id}", arguments)


async def announce_job(database: Database, settings: AgentsSettings, arguments: Mapping[str, str]) -> None:
    """Announce a proposal or a write, unless it is decided meanwhile.

    Raises:
        SourceError: it was not taken; the job is tried again.
    """
    if settings.announce_url is None:
        return
    scope = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
    async with database.transaction(scope) as connection:
        found = await _found(connection, scope, arguments)
        cursor = await connection.execute("SELECT slug FROM tenants WHERE tenant_id = %s", (scope.tenant_id,))
        tenant = await cursor.fetchone()
    if found is None or tenant is None:
        return
    body = json.dumps({"tenant": tenant[0], **found}).encode()
    secret = settings.announce_secret.get_secret_value() if settings.announce_secret else ""
    scheme = settings.announce_url.partition(":")[0]
    await send_request(
        "POST",
        settings.announce_url,
        hosts=settings.announce_hosts,
        seconds=settings.http_seconds,
        networks="any",
        schemes=(scheme,) if scheme in ("http", "https") else (),
        body=body,
        headers={"Content-Type": "application/json", "X-Deskmind-Signature": signature(secret, body)},
    )


async def escalate(database: Database, operator: Scope, settings: AgentsSettings) -> None:
    """Announce again what nobody decided in ``agents.escalate_hours``."""
    async with database.transaction(operator) as connection:
        for proposal_id in await escalate_proposals(connection, operator):
            await record(connection, operator, "approvals.escalate", resource=f"proposals/{proposal_id}")
            await announce(connection, operator, settings, proposal_id, "escalated")
            found = await find_proposal(connection, operator, proposal_id=proposal_id)
            if found is not None:
                await publish_proposal(connection, operator, "escalated", found)


def signature(secret: str, body: bytes, *, at: int | None = None) -> str:
    """``t=…,v1=…``: the second it was signed in, and the HMAC-SHA256 of that, a dot and the body, in hex."""
    moment = str(int(time.time()) if at is None else at)
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


async def _found(
    connection: Connection, scope: Scope, arguments: Mapping[str, str]
) -> dict[str, object] | None:
    """What is told of a proposal or a write; None where nobody is to decide any more."""
    if "write_id" in arguments:
        write = await find_write(connection, scope, UUID(arguments["write_id"]))
        return _write(write) if write.state in ("sending", "uncertain") else None
    proposal = await find_proposal(connection, scope, proposal_id=UUID(arguments["proposal_id"]))
    if proposal is None or proposal.state != "open":
        return None
    return _proposal(proposal, arguments["occasion"])


def _proposal(proposal: Proposed, occasion: str) -> dict[str, object]:
    return {
        "event": f"approval.{occasion}",
        "proposal_id": str(proposal.proposal_id),
        "run_id": str(proposal.run_id),
        "tool": proposal.tool,
        "kind": proposal.kind,
        "needed": proposal.needed,
        "approvals": proposal.approvals,
        "expires_at": proposal.expires_at.isoformat(),
    }


def _write(write: Write) -> dict[str, object]:
    return {
        "event": "write.uncertain",
        "write_id": str(write.write_id),
        "connection": write.connection,
        "vendor": write.vendor,
        "act": write.act,
        "sent_at": write.claimed_at.isoformat() if write.claimed_at else None,
        "looks": write.looks,
    }
