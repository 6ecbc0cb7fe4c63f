"""The short form of the long runs."""

from __future__ import annotations

from soak.accounting import run
from soak.sync import run as synchronise


async def test_the_ledger_agrees_with_the_providers_book_though_a_replica_is_killed() -> None:
    found = await run(calls=400, at_once=16, kill=True)
    assert found["right"], found
    assert found["outcomes"].get("settled", 0) > 100


async def test_a_copy_equals_its_source_though_workers_are_killed_and_the_source_changes() -> None:
    found = await synchronise(size="tiny", kills=2, changes=10)
    assert found["right"], found
    assert found["killed"]["kills"] > 0
    assert found["killed"]["changes_meanwhile"] > 0
