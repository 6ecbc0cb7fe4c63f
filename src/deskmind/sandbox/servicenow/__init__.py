"""A ServiceNow instance for trying things out: Table, Attachment, Aggregate, Import Set, Knowledge and Batch API.

In process: `async with ServiceNowSandbox() as sandbox: … sandbox.url …`; on its own: `deskmind sandbox servicenow`.
What it models and where it stops is in docs/sandbox.md.
"""

from deskmind.sandbox.servicenow.instance import INTEGRATION_USER, Instance
from deskmind.sandbox.servicenow.oauth import CLIENT_ID, CLIENT_SECRET
from deskmind.sandbox.servicenow.sandbox import ServiceNowSandbox
from deskmind.sandbox.servicenow.users import API_KEY, PASSWORD

__all__ = [
    "API_KEY",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "INTEGRATION_USER",
    "PASSWORD",
    "Instance",
    "ServiceNowSandbox",
]
