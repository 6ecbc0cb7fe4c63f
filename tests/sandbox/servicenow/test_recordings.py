"""What a real instance answered, beside the checkout, against what the sandbox answers to the same requests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import Answer, Asker

RECORDINGS = Path(__file__).parents[4] / "shared" / "data" / "itsm" / "servicenow"
OF_THE_CONNECTION = {"transfer-encoding", "connection", "date"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason=f"the recordings are not in {RECORDINGS}")


def exchanges() -> list[Any]:
    found: list[Any] = []
    for file in sorted(RECORDINGS.glob("*.har")):
        for place, entry in enumerate(json.loads(file.read_text("utf-8"))["log"]["entries"]):
            found.append(pytest.param(entry, id=f"{file.stem}-{place}"))
    return found


async def same(reader: Asker, entry: dict[str, Any]) -> tuple[dict[str, Any], Answer]:
    """The recorded request sent to the sandbox: with credentials if the recorded ones were accepted."""
    address = urlsplit(entry["request"]["url"])
    headers = {} if entry["response"]["status"] != 401 else {"Authorization": "Basic bm9ib2R5Om5vYm9keQ=="}
    path = address.path + (f"?{address.query}" if address.query else "")
    return entry["response"], await reader(entry["request"]["method"], path, headers=headers)


@pytest.mark.parametrize("entry", exchanges())
async def test_status_and_headers_are_those_of_the_vendor(reader: Asker, entry: dict[str, Any]):
    recorded, answer = await same(reader, entry)
    assert answer.status == recorded["status"]
    told = {header["name"].lower(): header["value"] for header in recorded["headers"]}
    paged = {
        "link"
    }  # the recorded table has more rows than fit on the page, which the demo company's may not
    assert set(told) - OF_THE_CONNECTION - paged <= set(answer.headers)
    for name in (
        "content-type",
        "server",
        "cache-control",
        "pragma",
        "www-authenticate",
        "x-content-type-options",
    ):
        assert answer.headers.get(name) == told.get(name)


@pytest.mark.parametrize(
    "entry", [one for one in exchanges() if "401" in str(one.values[0]["response"]["status"])]
)
async def test_the_body_of_a_refusal_is_the_vendors(reader: Asker, entry: dict[str, Any]):
    recorded, answer = await same(reader, entry)
    assert answer.data == json.loads(recorded["content"]["text"])


@pytest.mark.parametrize("entry", [one for one in exchanges() if one.values[0]["response"]["status"] == 200])
async def test_rows_have_the_vendors_fields_of_the_vendors_types(reader: Asker, entry: dict[str, Any]):
    recorded, answer = await same(reader, entry)
    theirs = json.loads(recorded["content"]["text"])["result"]
    ours = answer.result or (await reader.get(urlsplit(entry["request"]["url"]).path)).result
    assert {frozenset(row) for row in ours} == {frozenset(row) for row in theirs}
    for name in theirs[0]:
        shapes = {shape(row[name]) for row in theirs} - {"empty"}
        if shapes:
            assert {shape(row[name]) for row in ours} - {"empty"} <= shapes, name


def shape(value: Any) -> str:
    """What kind of value it is; of a reference also where it points."""
    if value == "":
        return "empty"
    if isinstance(value, dict):
        assert sorted(value) == ["link", "value"]
        table = value["link"].split("/")[-2]
        return f"reference to {table}"
    assert isinstance(value, str)
    return "moment" if MOMENT.fullmatch(value) else "text"


async def test_the_link_header_is_written_as_the_vendor_writes_it(reader: Asker):
    recorded = [
        (entry, header["value"])
        for file in sorted(RECORDINGS.glob("*.har"))
        for entry in json.loads(file.read_text("utf-8"))["log"]["entries"]
        for header in entry["response"]["headers"]
        if header["name"].lower() == "link"
    ]
    assert recorded
    total = int((await reader.get("/api/now/table/sys_user", sysparm_limit="1")).headers["x-total-count"])
    for offset, (entry, link) in zip((0, 40), recorded, strict=True):
        answer = await reader.get("/api/now/table/sys_user", sysparm_limit="40", sysparm_offset=str(offset))
        assert 40 < total <= 80, "two pages, as in the recording"
        host = urlsplit(entry["request"]["url"]).netloc
        expected = link.replace(f"https://{host}", reader.sandbox.url).replace("500", "40")
        assert answer.headers["link"] == expected
