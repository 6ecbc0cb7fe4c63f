"""What a program written with pysnow does; run by the interpreter of .clients."""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

warnings.simplefilter("ignore")
import pysnow  # noqa: E402

host, user, password, client_id, client_secret = sys.argv[1:6]
client = pysnow.Client(host=host, user=user, password=password, use_ssl=False)
client.parameters.display_value = False
incident = client.resource(api_path="/table/incident")
told: dict[str, object] = {}

# read and search, whole and as a stream
told["all"] = len(incident.get(query={}, limit=500).all())
told["stream"] = len(list(incident.get(query={"active": "true"}, stream=True).all()))
query = (
    pysnow.QueryBuilder().field("short_description").contains("VPN").AND().field("number").order_ascending()
)
told["found"] = [
    one["short_description"] for one in incident.get(query=query, fields=["short_description"]).all()
]
recent = pysnow.QueryBuilder().field("sys_updated_on").between(datetime(2026, 10, 1), datetime(2026, 10, 20))
told["between"] = sorted(one["sys_updated_on"] for one in incident.get(query=recent).all())

# create, comment, transition
made = incident.create(payload={"short_description": "Made by pysnow", "impact": "2", "urgency": "2"}).one()
told["created"] = [made["number"][:3], made["priority"], made["comments"], made["work_notes"]]
key = {"sys_id": made["sys_id"]}
incident.update(query=key, payload={"work_notes": "Said by pysnow"})
journal = client.resource(api_path="/table/sys_journal_field")
told["journal"] = [one["value"] for one in journal.get(query={"element_id": made["sys_id"]}).all()]
ended = {"state": "6", "close_code": "User error", "close_notes": "Done by pysnow"}
told["state"] = incident.update(query=key, payload=ended).one()["state"]
try:
    incident.update(query=key, payload={"state": "6", "close_notes": ""}).one()
except Exception as error:
    told["refused"] = str(error)[:3]

# attach
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "note.txt"
    file.write_text("from pysnow")
    incident.attachments.upload(sys_id=made["sys_id"], file_path=str(file))
kept = incident.attachments.get(sys_id=made["sys_id"])
told["attached"] = [(one["file_name"], one["size_bytes"]) for one in kept]
told["deleted"] = incident.delete(query=key)

# over OAuth, refreshed when the token is old
secured = pysnow.OAuthClient(client_id=client_id, client_secret=client_secret, host=host, use_ssl=False)
import os  # noqa: E402

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
token = secured.generate_token(user, password)
updated: list[object] = []
secured.token_updater = updated.append
secured.set_token({**token, "expires_at": (datetime.now(UTC) - timedelta(hours=1)).timestamp()})
told["oauth"] = len(secured.resource(api_path="/table/sys_user_group").get(query={}, limit=3).all())
told["refreshed"] = len(updated)
print(json.dumps(told))
