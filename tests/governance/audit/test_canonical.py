"""Canonical bytes: one event, one text, whoever writes it."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.governance.audit.logs import AT, TENANT, event

from deskmind.governance.audit.canonical import RecordedEvent, canonical_bytes, tenant_prefixes

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
recorded = st.builds(
    RecordedEvent,
    st.uuids(), st.uuids(), st.datetimes(timezones=st.timezones()), st.uuids(), text, text, text, text, text,
    st.dictionaries(text, st.integers() | text | st.booleans() | st.none()).map(json.dumps),
)  # fmt: skip


def test_the_form_is_fixed() -> None:
    assert event(1).decode() == (
        '{"audit":1,"tenant":"5e1c0000-0000-4000-8000-000000000001","event":"00000000-0000-0000-0000-000000000001",'
        '"at":"2026-01-31T09:15:01.000000Z","principal_id":"00000000-0000-0000-0000-000000000007","principal":"ana",'
        '"action":"documents.delete","resource":"document-1","outcome":"done","correlation":"request-1",'
        '"details":{"chunks": 3}}'
    )


def test_the_second_form_is_fixed() -> None:
    person = RecordedEvent(
        TENANT, UUID(int=1), AT, None, "", "keys.write", "key-1", "done", "request-1", "{}",
        2, UUID(int=8), b"\x01\xff", UUID(int=9), b"\x02", "role:operator",
    )  # fmt: skip
    assert canonical_bytes(person).decode() == (
        '{"audit":2,"tenant":"5e1c0000-0000-4000-8000-000000000001","event":"00000000-0000-0000-0000-000000000001",'
        '"at":"2026-01-31T09:15:00.000000Z","by_person":["00000000-0000-0000-0000-000000000008","01ff"],'
        '"about_person":["00000000-0000-0000-0000-000000000009","02"],"action":"keys.write","resource":"key-1",'
        '"outcome":"done","decision":"role:operator","correlation":"request-1","details":{}}'
    )


@given(recorded)
def test_it_is_one_line_of_json_that_says_every_column(given_event: RecordedEvent) -> None:
    written = canonical_bytes(given_event)
    assert b"\n" not in written
    assert written.startswith(tenant_prefixes(given_event.tenant_id))
    content = json.loads(written)
    assert UUID(content["tenant"]) == given_event.tenant_id
    assert content["principal"] == given_event.principal
    assert content["correlation"] == given_event.correlation_id
    assert content["details"] == json.loads(given_event.details)


@given(recorded, recorded)
def test_different_events_have_different_bytes(one: RecordedEvent, other: RecordedEvent) -> None:
    assert (canonical_bytes(one) == canonical_bytes(other)) == (one == other)


def test_the_same_instant_is_written_the_same() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    at = [RecordedEvent(TENANT, TENANT, moment, TENANT, "", "", "", "", "", "{}") for moment in (AT, there)]
    assert canonical_bytes(at[0]) == canonical_bytes(at[1])
    with pytest.raises(ValueError, match="time zone"):
        canonical_bytes(
            RecordedEvent(TENANT, TENANT, AT.replace(tzinfo=None), TENANT, "", "", "", "", "", "{}")
        )
