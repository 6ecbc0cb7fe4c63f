"""An erasure is not done before the cache that processes share has forgotten the person."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.cache.conftest import Valkey, shared_valkey, valkey
from tests.governance.privacy.conftest import NAME, Bureau

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import UnavailableError
from deskmind.governance.privacy.erasures import Erasure

__all__ = ["shared_valkey", "valkey"]


async def _resumed(desk: Desk) -> list[Erasure]:
    """Once the server answers."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await desk.privacy.resume()
            except UnavailableError:
                await asyncio.sleep(0.05)


async def test_an_erasure_stays_open_until_the_shared_cache_confirms(
    bureau: Bureau,
    desk_home: Path,
    valkey: Valkey,
) -> None:
    settings: dict[str, Any] = {
        "home": desk_home,
        "knowledge": {"embedder": "hashing"},
        "redis": {"url": valkey.url},
    }
    async with Deskmind.open(**settings) as app:
        desk = await app.desk(tenant=bureau.operator.scope.tenant)
        assert await app.cache.forget(desk.scope.tenant_id)
        valkey.kill()
        with pytest.raises(UnavailableError, match="was not cleared"):
            await desk.privacy.erase(NAME)
        (erasure,) = await desk.privacy.erasures()
        assert (erasure.state, erasure.receipt) == ("waiting", "")
        assert "caches" not in erasure.counts
        assert erasure.counts["account"]
        valkey.start()
        (done,) = await _resumed(desk)
        assert done.state == "done"
        assert done.counts["caches"] == {"tenants forgotten": 1}
