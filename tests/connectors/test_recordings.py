"""Recordings of real instances parse whole: every answer is accounted for, every field mapped or named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deskmind.connectors import Ticket
from deskmind.connectors.recordings import read_recording
from deskmind.errors import InvalidRequestError

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "itsm"
FILES = sorted(FOLDER.glob("*/*.har")) if FOLDER.is_dir() else []
needs_recordings = pytest.mark.skipif(not FILES, reason="the shared recordings are not beside the checkout")


@needs_recordings
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_nothing_of_a_recording_is_dropped(file: Path) -> None:
    found = read_recording(file)
    assert found.undecoded == []
    entries = json.loads(file.read_bytes())["log"]["entries"]
    rows = sum(rows_in(one) for one in entries)
    assert len(found.records) == rows
    assert len(found.passed) >= sum(1 for one in entries if not rows_in(one))
    for record in found.records:
        assert record.id
        assert record.raw


def rows_in(entry: dict[str, Any]) -> int:
    """Records in an answer, counted without the code under test."""
    url, response = entry["request"]["url"], entry["response"]
    if response["status"] >= 400 or not any(
        part in url for part in ("/table/", "/search", "/users", "/issue/", "/api/v2/")
    ):
        return 0
    if "/transitions" in url:
        return 0
    data = json.loads(response["content"]["text"])
    if isinstance(data, list):
        return len(data)
    if "fields" in data:
        return 1
    return next((len(value) for value in data.values() if isinstance(value, list)), 0)


@needs_recordings
def test_an_incident_keeps_what_its_row_says() -> None:
    found = read_recording(FOLDER / "servicenow" / "incidents.har")
    tickets = {one.key: one for one in found.records if isinstance(one, Ticket)}
    one = tickets["INC0000060"]
    assert (one.title, one.status, one.status_category) == ("Unable to connect to email", "Closed", "closed")
    assert one.priority == "3 - Moderate"
    assert one.requester is not None
    assert one.requester.id == "681ccaf9c0a8016400b98a06818d57c7"
    assert one.resolution_code == "Solved (Permanently)"
    assert one.version == "15"
    assert "user_password" not in json.dumps([dict(one.raw) for one in found.records])


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.har"
    file.write_text("{}")
    with pytest.raises(InvalidRequestError, match="recording"):
        read_recording(file)
