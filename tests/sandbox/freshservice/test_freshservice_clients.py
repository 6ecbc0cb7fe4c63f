"""The unmodified `freshpy`, which reads only, against the Freshservice sandbox; `requests` writes beside it."""

from __future__ import annotations

from tests.sandbox.clients import needs_clients, run

from deskmind.sandbox.freshservice import FreshserviceSandbox

_FRESHPY = """
import json, sys
import requests
from freshpy import FreshPy
base, key, _ = sys.argv[1:]
client = FreshPy(domain=base, api_key=key)
def call(method, path, **given):
    return requests.request(method, f"{base}/api/v2/{path}", auth=(key, "X"), **given)
new = {"subject": "Scanner is dead", "description": "<p>It beeps</p>", "email": "lena.fisk@halvern.example.net",
       "status": 2, "priority": 3}
made = call("POST", "tickets", json=new).json()["ticket"]
path = f"tickets/{made['id']}"
call("POST", f"{path}/notes", json={"body": "Looking at it"})
call("POST", f"{path}/reply", data={"body": "Try another cradle"}, files=[("attachments[]", ("a.txt", b"hello"))])
call("PUT", path, json={"status": 4})
ticket = client.tickets.get_ticket(made["id"], include=["conversations", "requester", "stats"])["ticket"]
pages = [client.tickets.get_tickets(updated_since="2020-01-01", per_page=100, page=n)["tickets"] for n in (1, 2)]
found = client.tickets.get_tickets(filters={"priority": 3, "status": 4})
agents = client.agents.get_all_agents()["agents"]
said = ticket["conversations"]
file = said[1]["attachments"][0]
print(json.dumps({
    "status": ticket["status"], "requester": ticket["requester"]["name"], "found": made["id"] in [each["id"] for each in found["tickets"]],
    "private": [each["private"] for each in said], "file": requests.get(file["attachment_url"]).text, "agents": len(agents),
    "pages": [len(page) for page in pages], "distinct": len({each["id"] for page in pages for each in page}),
    "deleted": len(client.tickets.get_tickets(predefined_filter="deleted")["tickets"]),
    "me": client.agents.get_agent_id("imogen.talbot@halvern.example.net"), "missing": client.tickets.get_ticket(99999)["status_code"],
}))
"""


@needs_clients
async def test_freshpy_reads_and_searches_what_was_written(sandbox: FreshserviceSandbox):
    told = await run(_FRESHPY, sandbox.url, *sandbox.credentials.values())
    assert told["status"] == 4
    assert told["requester"] == "Lena Fisk"
    assert told["found"]
    assert told["private"] == [True, False]
    assert told["file"] == "hello"
    assert told["pages"] == [100, 100]
    assert told["distinct"] == 200
    assert told["deleted"] == 4
    assert told["agents"] == 25
    assert told["missing"] == 404
