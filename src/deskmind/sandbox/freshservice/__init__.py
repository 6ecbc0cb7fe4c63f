"""Freshservice's API v2 over the demo company.

In process: `async with FreshserviceSandbox() as sandbox: … sandbox.url … sandbox.credentials …`; on its own:
`deskmind sandbox freshservice`. It stands alone but for `company` and `web`.
"""

from __future__ import annotations

from deskmind.sandbox.freshservice.sandbox import FreshserviceSandbox
from deskmind.sandbox.freshservice.workflows import Workflow

__all__ = ["FreshserviceSandbox", "Workflow"]
