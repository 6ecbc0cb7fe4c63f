"""What a program written with pysnc does; run by the interpreter of .clients."""

from __future__ import annotations

import json
import sys

from pysnc import ServiceNowClient
from pysnc.auth import ServiceNowPasswordGrantFlow

url, user, password, client_id, client_secret = sys.argv[1:6]
client = ServiceNowClient(url, (user, password))
told: dict[str, object] = {}

# read, page by page
incidents = client.GlideRecord("incident", batch_size=100)
incidents.add_active_query()
incidents.order_by("number")
incidents.query()
told["active"] = [(one.number.get_value(), one.caller_id.get_display_value()) for one in incidents]
told["row_count"] = incidents.get_row_count()

every = client.GlideRecord("incident", batch_size=50)
every.fields = "sys_id,number"
every.query()
told["every"] = len({str(one.sys_id) for one in every})
told["every_count"] = every.get_row_count()

# search
found = client.GlideRecord("incident")
found.add_query("short_description", "CONTAINS", "VPN")
condition = found.add_query("priority", "4")
condition.add_or_condition("priority", "5")
found.query()
told["found"] = [str(one.short_description) for one in found]
text = client.GlideRecord("incident")
text.add_encoded_query("123TEXTQUERY321=tidegate")
text.limit = 3
text.query()
told["text"] = len([1 for _ in text])

# create, read back, comment, transition
made = client.GlideRecord("incident")
made.initialize()
made.short_description = "Made by pysnc"
made.impact = "1"
made.urgency = "1"
sys_id = made.insert()
told["created"] = [str(made.number), str(made.priority)]
again = client.GlideRecord("incident")
told["got"] = again.get(str(sys_id))
again.comments = "Said by pysnc"
told["comment"] = bool(again.update())
journal = client.GlideRecord("sys_journal_field")
journal.add_query("element_id", str(sys_id))
journal.query()
told["journal"] = [(str(one.element), str(one.value)) for one in journal]
again.state = "6"
again.close_code = "Solution provided"
again.close_notes = "Done by pysnc"
again.update()
told["state"] = again.state.get_display_value()

# attach and read back
again.add_attachment("note.txt", "from pysnc", "text/plain")
attachments = again.get_attachments()
told["attachments"] = [(one.file_name, one.read().decode()) for one in attachments]

# several at once
batch = client.GlideRecord("incident")
batch.add_query("short_description", "Made by pysnc")
batch.query()
for one in batch:
    one.urgency = "3"
told["updated"] = batch.update_multiple()
gone = client.GlideRecord("incident")
gone.add_query("short_description", "Made by pysnc")
gone.query()
told["deleted"] = gone.delete_multiple()
told["left"] = client.GlideRecord("incident").get(str(sys_id))

# somebody else, over OAuth
flow = ServiceNowPasswordGrantFlow("marek.dudek", password, client_id, client_secret)
theirs = ServiceNowClient(url, flow).GlideRecord("incident")
theirs.query()
told["theirs"] = {str(one.caller_id.get_display_value()) for one in theirs}.__len__()
told["their_count"] = theirs.get_row_count()
print(json.dumps(told))
