"""The cache alone: one load for many callers, tags, tenants apart. No server; the extra ``redis`` adds a shared one.

Run it: python examples/parts/cache.py
With a server: python examples/parts/cache.py redis://localhost:6379/0
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from uuid import uuid4

from deskmind.cache import Cache, JsonCodec, ValkeyTier


@dataclass(frozen=True)
class Article:
    number: str
    title: str


async def main() -> None:
    remote = ValkeyTier(sys.argv[1]) if len(sys.argv) > 1 else None
    calls = 0

    async def load() -> Article:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return Article("KB0001", "Reset the VPN token")

    async with Cache(remote=remote) as cache:
        north, south = (
            cache.scoped(tenant, "articles", codec=JsonCodec(Article), ttl=300, negative_ttl=30)
            for tenant in (uuid4(), uuid4())
        )
        found = await asyncio.gather(*(north.get_or_load("KB0001", load, tags=["kb"]) for _ in range(1000)))
        print(f"{calls} loader call for {len(found)} callers: {found[0]}")
        print(f"another tenant, the same key: {south.peek('KB0001')}")
        await north.invalidate("kb")
        print(f"after the invalidation: {await north.get('KB0001')}")
        print(f"counts: {cache.stats().uses['articles']}")


if __name__ == "__main__":
    asyncio.run(main())
