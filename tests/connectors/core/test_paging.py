"""Pages over rows that vanish and appear meanwhile lose none that stays."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.connectors.core.paging import next_link, overlapping


@settings(max_examples=60)
@given(
    st.integers(0, 150),
    st.integers(1, 30),
    st.lists(st.tuples(st.sampled_from(["delete", "insert"]), st.integers(0, 149)), max_size=30),
)
async def test_no_row_that_stays_is_missed(count: int, size: int, changes: list[tuple[str, int]]) -> None:
    rows = [{"id": number * 10} for number in range(count)]
    left = iter(changes)
    deleted: set[int] = set()

    async def fetch(number: int, per_page: int) -> list[dict[str, Any]]:
        page = rows[(number - 1) * per_page : number * per_page]
        what, place = next(left, ("", 0))
        if what == "delete" and rows:
            deleted.add(rows.pop(place % len(rows))["id"])
        if what == "insert":
            at = place % (len(rows) + 1)
            before = rows[at - 1]["id"] if at else -10
            if all(row["id"] != before + 1 for row in rows):
                rows.insert(at, {"id": before + 1})
        return page

    seen = {
        row["id"] async for page, _ in overlapping(fetch, lambda row: row["id"], size=size) for row in page
    }
    assert {number * 10 for number in range(count)} - deleted <= seen


def test_the_next_page_is_found_among_links() -> None:
    header = '<https://a/x?o=0>;rel="first",<https://a/x?o=20,30>;rel="next",<https://a/x?o=90>;rel="last"'
    assert next_link({"Link": header}) == "https://a/x?o=20,30"
    assert next_link({}) is None
