"""The Freshservice sandbox's answers have the shape of recorded ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.recordings import entries, kinds, missing

_CONNECTION = {"date", "connection", "status", "server", "content-type", "pragma", "expires", "x-trace-id", "x-frame-options", "x-xss-protection", "x-content-type-options", "x-envoy-upstream-service-time"}  # fmt: skip
"""Headers of the proxies in front, and of HTTP itself."""


@pytest.mark.parametrize("name", ["tickets.har", "agents.har", "agent-groups.har"])
async def test_lists_look_as_recorded(admin: Any, shared_data: Path, name: str):
    for method, where, _, status, told, headers in entries(shared_data / "itsm" / "freshservice" / name):
        found, ours, sent = await admin.ask(method, where.removeprefix("/api/v2/"))
        assert found == status
        assert missing(told, ours) | kinds(told, ours) == set()
        assert headers - _CONNECTION - {each.lower() for each in sent} == set()
