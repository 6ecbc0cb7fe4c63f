"""A body is read as its schema says, not as it might have been meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import Field, ValidationError

from deskmind.api.strictness import Body


class Inner(Body):
    """A part."""

    weight: float = 1.0


class Outer(Body):
    """A body."""

    count: int = 0
    sure: bool = False
    at: datetime | None = None
    name: UUID | None = None
    parts: list[Inner] = Field(default_factory=list)
    by_name: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "body",
    [
        {"count": "1"},
        {"count": True},
        {"count": 1.5},
        {"sure": "yes"},
        {"sure": 1},
        {"at": 0},
        {"at": "0"},
        {"at": "1700000000"},
        {"at": "-1700000000"},
        {"parts": [{"weight": "1"}]},
        {"parts": [{"weight": False}]},
        {"by_name": {"a": "1"}},
        {"other": 1},
    ],
)
def test_what_is_of_another_type_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Outer.model_validate(body)


def test_a_time_of_any_offset_is_the_same_moment_in_utc() -> None:
    read = Outer.model_validate({"at": "2026-01-01T00:00:00+23:59"})
    assert read.at == datetime(2025, 12, 31, 0, 1, tzinfo=UTC)
    assert read.at.utcoffset() == timedelta(0)
    with pytest.raises(ValidationError, match="1 to 9999"):
        Outer.model_validate({"at": "0001-01-01T00:00:00+23:59"})


def test_what_json_has_for_a_type_is_taken() -> None:
    name = uuid4()
    read = Outer.model_validate(
        {
            "count": 2.0,
            "sure": True,
            "at": "2026-03-02T09:30:00Z",
            "name": str(name),
            "parts": [{"weight": 1}],
            "by_name": {"a": 1},
        }
    )
    assert (read.count, read.name, read.parts[0].weight) == (2, name, 1.0)
    assert Outer.model_json_schema()["properties"]["count"] == {
        "default": 0,
        "title": "Count",
        "type": "integer",
    }
