"""The short form of the long runs."""

from __future__ import annotations

from soak.accounting import run


async def test_the_ledger_agrees_with_the_providers_book_though_a_replica_is_killed() -> None:
    found = await run(calls=400, at_once=16, kill=True)
    assert found["right"], found
    assert found["outcomes"].get("settled", 0) > 100
