"""Clients that were written for ServiceNow itself work against the sandbox, unmodified."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deskmind.sandbox.servicenow import CLIENT_ID, CLIENT_SECRET, PASSWORD, ServiceNowSandbox

CLIENTS = Path(__file__).parents[3] / ".clients" / "bin" / "python"

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not CLIENTS.exists(), reason="the vendors' clients are not installed (`make clients` installs them)"
    ),
]


async def run(script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What a script of this folder tells, run as its own program."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [CLIENTS, Path(__file__).parent / script, *arguments],
        env={**inherited, "NO_PROXY": "*", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


async def test_pysnc_reads_searches_creates_comments_resolves_attaches_and_deletes():
    async with ServiceNowSandbox(seed=3, tls=True) as sandbox:
        incidents = [ticket for ticket in sandbox.company.tickets if ticket.kind == "incident"]
        authority = str(sandbox.ca_file)
        told = await run(
            "pysnc_script.py",
            sandbox.url,
            "admin",
            PASSWORD,
            CLIENT_ID,
            CLIENT_SECRET,
            REQUESTS_CA_BUNDLE=authority,
        )
    active = [ticket for ticket in incidents if ticket.closed is None]
    names = {ticket.number: sandbox.company.person(ticket.requester).name for ticket in active}
    assert told["active"] == [[f"INC{10_000 + number:07d}", name] for number, name in sorted(names.items())]
    assert told["row_count"] == len(active)
    assert told["every"] == told["every_count"] == len(incidents)
    wanted = [t.summary for t in incidents if "vpn" in t.summary.casefold() and t.priority in (4, 5)]
    assert sorted(told["found"]) == sorted(wanted)
    assert told["text"] == 3
    assert told["created"][1] == "1"
    assert told["got"] is told["comment"] is True
    assert told["journal"] == [["comments", "Said by pysnc"]]
    assert told["state"] == "Resolved"
    assert told["attachments"] == [["note.txt", "from pysnc"]]
    assert told["updated"] is told["deleted"] is True
    assert told["left"] is False
    own = [t for t in incidents if "marek.dudek" in (t.requester, t.opened_by)]
    assert told["their_count"] == len(own)


async def test_pysnow_reads_searches_creates_comments_resolves_attaches_and_deletes():
    async with ServiceNowSandbox(seed=3) as sandbox:
        incidents = [ticket for ticket in sandbox.company.tickets if ticket.kind == "incident"]
        host = sandbox.url.removeprefix("http://")
        told = await run(
            "pysnow_script.py",
            host,
            "admin",
            PASSWORD,
            CLIENT_ID,
            CLIENT_SECRET,
            OAUTHLIB_INSECURE_TRANSPORT="1",
        )
    assert told["all"] == len(incidents)
    assert told["stream"] == sum(ticket.closed is None for ticket in incidents)
    assert sorted(told["found"]) == sorted(t.summary for t in incidents if "vpn" in t.summary.casefold())
    assert all("2026-10-01" <= at <= "2026-10-20 00:00:00" for at in told["between"])
    assert told["created"] == ["INC", "3", "", ""]
    assert told["journal"] == ["Said by pysnow"]
    assert told["state"] == "6"
    assert told["refused"] == "403"
    assert told["attached"] == [["note.txt", "11"]]
    assert told["deleted"] == {"status": "record deleted"}
    assert told["oauth"] == 3
    assert told["refreshed"] == 1


async def test_pysnc_refuses_plain_http_which_is_why_the_sandbox_speaks_tls():
    async with ServiceNowSandbox(seed=3) as sandbox:
        with pytest.raises(AssertionError, match="https"):
            await run("pysnc_script.py", sandbox.url, "admin", PASSWORD, CLIENT_ID, CLIENT_SECRET)
