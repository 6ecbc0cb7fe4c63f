"""One list of resources of several kinds, whatever is on which page."""

from __future__ import annotations

from typing import Any, cast

import mcp_types as types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.api.mcp import resources as module
from deskmind.api.mcp.family import Family, Page
from deskmind.api.mcp.resources import Resources
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError

NOBODY = cast("Desk", None)


class Numbered(Family):
    """So many resources, listed by their numbers."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(types.ResourceTemplate(name=name, uri_template=f"test://{name}/{{number}}"))
        self._uris = [self.uri(number=str(number)) for number in range(count)]

    async def page(self, desk: Desk, after: str | None, limit: int) -> Page:
        first = int(after or 0)
        last = first + limit
        shown = [types.Resource(uri=uri, name=uri) for uri in self._uris[first:last]]
        return Page(shown, str(last) if last < len(self._uris) else None)


@given(counts=st.lists(st.integers(0, 9), max_size=4), size=st.integers(1, 5))
async def test_each_is_listed_once_and_a_cursor_means_more(counts: list[int], size: int) -> None:
    families = [Numbered(f"f{place}", count) for place, count in enumerate(counts)]
    seen: list[str] = []
    cursor: Any = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PAGE", size)
        while True:
            page = await Resources(families).list(NOBODY, cursor)
            seen += [one.uri for one in page.resources]
            assert len(page.resources) == size or page.next_cursor is None
            assert page.resources or not seen
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == [
        family.uri(number=str(n)) for family, c in zip(families, counts, strict=True) for n in range(c)
    ]


@pytest.mark.parametrize("cursor", ["", "0", "x:1", "9:1", "-1:2", "\u0661:1", ":", "0" * 5000 + ":1"])
async def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="does not continue a list"):
        await Resources([Numbered("f", 3)]).list(NOBODY, cursor)


async def test_what_no_template_has_is_not_there() -> None:
    found = Resources([Numbered("f", 3)])
    for uri in ("test://g/1", "file:///etc/passwd", "test://f/1/2", ""):
        with pytest.raises(NotFoundError):
            await found.read(NOBODY, uri)
    with pytest.raises(NotFoundError, match="nothing to complete"):
        await found.complete(NOBODY, "test://f/{number}", "name", "x")
