"""The short form of the long runs."""

from __future__ import annotations

import pytest
from soak.accounting import run
from soak.agents import run as work
from soak.sync import run as synchronise

pytestmark = pytest.mark.chaos


async def test_the_ledger_agrees_with_the_providers_book_though_a_replica_is_killed() -> None:
    found = await run(calls=400, at_once=16, kill=True)
    assert found["right"], found
    assert found["outcomes"].get("settled", 0) > 100


async def test_a_copy_equals_its_source_though_workers_are_killed_and_the_source_changes() -> None:
    found = await synchronise(size="tiny", kills=2, changes=10)
    assert found["right"], found
    assert found["killed"]["kills"] > 0
    assert found["killed"]["changes_meanwhile"] > 0


async def test_runs_of_agents_end_and_write_once_though_workers_are_killed_and_stopped() -> None:
    found = await work(runs=6, kills=2, stops=1, workers=2)
    assert found["right"], found
    assert (found["states"], found["kills"] > 0) == ({"done": 6}, True)
    assert found["writes_at_the_vendor"] >= 12 - found["handed_to_a_person"]
