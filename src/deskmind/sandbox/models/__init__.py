"""A server that speaks model providers' wire formats, with faults that can be switched on and a book of account.

In process: `async with ModelSandbox() as sandbox: … sandbox.base_url …`; on its own:
`python -m deskmind.sandbox.models`. Needs aiohttp, and nothing else of deskmind.
"""

from __future__ import annotations

from deskmind.sandbox.models.book import Book, Entry
from deskmind.sandbox.models.faults import Fault, Faults
from deskmind.sandbox.models.reply import Reply, ToolCall
from deskmind.sandbox.models.sandbox import DEFAULT_KEY, ModelSandbox

__all__ = ["DEFAULT_KEY", "Book", "Entry", "Fault", "Faults", "ModelSandbox", "Reply", "ToolCall"]
