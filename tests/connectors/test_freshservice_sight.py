"""What Freshservice shows to each agent, against what the mirrored access lists would show."""

from __future__ import annotations

import base64
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deskmind.sandbox.freshservice import FreshserviceSandbox

from .conftest import connect
from .holding import Holdings

_EACH = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_BREADTHS = ["entire_helpdesk", "member_groups", "assigned_items"]


@pytest.fixture(scope="module")
async def account() -> AsyncIterator[FreshserviceSandbox]:
    """An account of thirty tickets, twenty articles and three groups that matter."""
    async with FreshserviceSandbox(requests_per_minute=1_000_000) as box:
        for name, most in (("tickets", 30), ("articles", 20), ("requester_groups", 3)):
            table = box.account.tables[name]
            for row in list(table)[most:]:
                del table[row]
        yield box


def redraw(box: FreshserviceSandbox, seed: int) -> list[tuple[str, str]]:
    """Other groups, scopes, tickets and folders; the keys and ids of five agents who are no administrators."""
    draw, tables = random.Random(seed), box.account.tables
    groups = list(tables["groups"])[:3]
    for one in tables["groups"].values():
        one["restricted"] = draw.random() < 0.4
    plain = {key: tables["agents"][number] for key, number in box.account.keys.items()}
    chosen = [(key, row) for key, row in plain.items() if "entire" in str(row["roles"]) or row["group_ids"]]
    agents = [(key, row) for key, row in chosen if row["role_ids"][0] == 21_000_049_417][:5]
    for _, row in agents:
        row["group_ids"] = row["member_of"] = draw.sample(groups, draw.randint(0, 2))
        row["roles"] = [{**row["roles"][0], "assignment_scope": draw.choice(_BREADTHS)}]
    ids = [row["id"] for _, row in agents]
    for one in tables["tickets"].values():
        one |= {"group_id": draw.choice([*groups, None]), "deleted": False, "spam": False}
        one["requested_for_id"] = None  # the portal shows them theirs; the interface for agents has no portal
        one |= {
            "responder_id": draw.choice([*ids, None, None]),
            "requester_id": draw.choice([*ids, 21_000_060_000]),
        }
    for one in tables["folders"].values():
        one |= {"visibility": draw.randint(1, 6), "group_ids": draw.sample(groups, draw.randint(0, 2))}
        one |= {"department_ids": draw.sample(list(tables["departments"]), 2)}
    for one in tables["articles"].values():
        one |= {"folder_id": draw.choice(list(tables["folders"])), "status": draw.choice([1, 2, 2])}
        one["category_id"] = tables["folders"][one["folder_id"]]["category_id"]
    box.account.version += 1  # what the account has listed before is listed anew
    return [(key, str(row["id"])) for key, row in agents]


@_EACH
@given(seed=st.integers(0, 10**9))
async def test_nothing_is_visible_that_freshservice_would_hide(
    account: FreshserviceSandbox, seed: int
) -> None:
    agents = redraw(account, seed)
    assert len(agents) == 5
    async with connect(account, details=False) as source:
        holdings = await Holdings.read(source)
        tickets, articles = [one async for one in source.tickets()], [one async for one in source.articles()]
    assert len(tickets) == 30
    assert articles
    for key, person in agents:
        held = holdings.of(person)
        shown = await listed(account, key, "tickets", updated_since="1970-01-01T00:00:00Z")
        assert {one.id for one in tickets if one.access.permits(held)} == shown
        assert {one.id for one in tickets if one.internal_access.permits(held)} <= shown
        read = await listed(account, key, "solutions/articles")
        assert {one.id for one in articles if one.access.permits(held)} <= read
        for folder in account.account.tables["folders"].values():
            if folder["visibility"] in (3, 5):  # those that are kept for agents, or for some of them
                inside = {one.id for one in articles if one.base and one.base.id == str(folder["id"])}
                told = {one.id for one in articles if one.id in inside and one.state == "published"} & read
                assert {one.id for one in articles if one.id in inside and one.access.permits(held)} == told


async def listed(box: FreshserviceSandbox, key: str, path: str, **query: str) -> set[str]:
    given = base64.b64encode(f"{key}:X".encode()).decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {given}"}) as session,
        session.get(f"{box.url}/api/v2/{path}", params={**query, "per_page": "100"}) as response,
    ):
        body: dict[str, list[dict[str, Any]]] = await response.json()
        return {str(one["id"]) for one in body[path.rpartition("/")[2]]}
