"""Jira Cloud (platform API 2 and 3), Jira Service Management and Confluence, over the demo company.

In process: `async with JiraSandbox() as sandbox: … sandbox.url … sandbox.credentials …`; on its own:
`deskmind sandbox jira`. It stands alone but for `company` and `web`.
"""

from __future__ import annotations

from deskmind.sandbox.jira.sandbox import APP, JiraSandbox

__all__ = ["APP", "JiraSandbox"]
