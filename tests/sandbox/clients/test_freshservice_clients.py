"""The unmodified `freshpy`, which reads only, against the Freshservice sandbox; `requests` writes beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.sandbox.third_party import needs_clients, run

from deskmind.sandbox.freshservice import FreshserviceSandbox

pytestmark = pytest.mark.interop


@pytest.fixture
async def sandbox() -> AsyncIterator[FreshserviceSandbox]:
    async with FreshserviceSandbox(seed=3) as running:
        yield running


@needs_clients
async def test_freshpy_reads_and_searches_what_was_written(sandbox: FreshserviceSandbox):
    told = await run("freshpy_script.py", sandbox.url, *sandbox.credentials.values())
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
