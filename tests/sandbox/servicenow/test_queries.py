"""Encoded queries select what the vendor's would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Asker

Rows = list[dict[str, Any]]


async def numbers(ask: Asker, query: str, table: str = "incident") -> list[str]:
    return [row["number"] for row in await ask.rows(table, query, sysparm_fields="number")]


CASES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "active=true": lambda row: row["active"] == "true",
    "priority<=2": lambda row: int(row["priority"]) <= 2,
    "priorityIN1,2": lambda row: row["priority"] in ("1", "2"),
    "priorityNOT IN3,4,5": lambda row: row["priority"] in ("1", "2"),
    "priorityBETWEEN2@3": lambda row: row["priority"] in ("2", "3"),
    "state!=7^priority=4": lambda row: row["state"] != "7" and row["priority"] == "4",
    "active=true^priority=3^ORpriority=4": lambda row: (
        row["active"] == "true" and row["priority"] in ("3", "4")
    ),
    "active=true^priority=3^NQstate=8": lambda row: (
        (row["active"] == "true" and row["priority"] == "3") or row["state"] == "8"
    ),
    "short_descriptionLIKEvpn": lambda row: "vpn" in row["short_description"].lower(),
    "short_descriptionNOT LIKEvpn": lambda row: "vpn" not in row["short_description"].lower(),
    "short_descriptionSTARTSWITHNo ": lambda row: row["short_description"].startswith("No "),
    "numberENDSWITH7": lambda row: row["number"].endswith("7"),
    "hold_reasonISNOTEMPTY": lambda row: row["hold_reason"] != "",
    "cmdb_ciISEMPTY": lambda row: row["cmdb_ci"] == "",
    "sys_updated_on>=2026-10-01 00:00:00": lambda row: row["sys_updated_on"] >= "2026-10-01 00:00:00",
    "sys_updated_on>2026-10-01": lambda row: row["sys_updated_on"] > "2026-10-01 23:59:59",
    "sys_updated_on>=2026-10-01^sys_updated_on<=2026-10-20": lambda row: (
        "2026-10-01" <= row["sys_updated_on"] <= "2026-10-20 23:59:59"
    ),
    "resolved_atSAMEASclosed_at^resolved_atISNOTEMPTY": lambda row: (
        row["resolved_at"] == row["closed_at"] != ""
    ),
    "state=7^no_such_field=1": lambda row: row["state"] == "7",
    "this is no query": lambda _: True,
}


@pytest.mark.parametrize("query", CASES)
async def test_a_query_selects_the_rows_that_it_describes(reader: Asker, query: str):
    every = await reader.rows("incident", sysparm_exclude_reference_link="true")
    expected = {row["number"] for row in every if CASES[query](row)}
    assert expected, "a case that selects nothing shows nothing"
    assert set(await numbers(reader, query)) == expected


async def test_rows_come_in_the_order_that_is_asked_and_else_by_sys_id(reader: Asker):
    rows = await reader.rows("incident", "ORDERBYDESCpriority^ORDERBYsys_updated_on^ORDERBYsys_id")
    assert rows == sorted(rows, key=lambda row: (-int(row["priority"]), row["sys_updated_on"], row["sys_id"]))
    plain = await reader.rows("incident")
    assert plain == sorted(plain, key=lambda row: row["sys_id"])


async def test_a_keyset_walk_reaches_every_row_once_although_many_share_a_second(reader: Asker):
    every = {row["sys_id"] for row in await reader.rows("incident")}
    seconds = [row["sys_updated_on"] for row in await reader.rows("incident")]
    assert len(set(seconds)) < len(seconds), "some rows share a second"
    found: list[str] = []
    after = "sys_updated_on>=2000-01-01 00:00:00"
    while page := await reader.rows(
        "incident", f"{after}^ORDERBYsys_updated_on^ORDERBYsys_id", sysparm_limit="37"
    ):
        found += [row["sys_id"] for row in page]
        last = page[-1]
        at = last["sys_updated_on"]
        after = f"sys_updated_on>{at}^NQsys_updated_on={at}^sys_id>{last['sys_id']}"
    assert len(found) == len(every)
    assert set(found) == every


async def test_a_walk_over_references_reads_the_other_record(reader: Asker):
    rows = await reader.rows(
        "incident",
        "caller_id.user_name=marek.dudek",
        sysparm_fields="number,caller_id.email,caller_id.department.name",
    )
    assert rows
    assert {row["caller_id.email"] for row in rows} == {"marek.dudek@halvern.example.net"}
    assert {row["caller_id.department.name"] for row in rows} == {"Freight Planning"}


async def test_scripted_dates_are_in_the_users_time_zone_and_literals_in_utc(reader: Asker):
    at = "2026-10-20 12:00:00"
    literal = await reader.by("piotr.zielonka").rows(
        "incident", f"sys_updated_on>={at}", sysparm_fields="sys_id"
    )
    scripted = await reader.by("piotr.zielonka").rows(
        "incident",
        "sys_updated_on>=javascript:gs.dateGenerate('2026-10-20','14:00:00')",
        sysparm_fields="sys_id",
    )
    assert literal
    assert literal == scripted, "Gdańsk is two hours ahead in October"


async def test_relative_dates_follow_the_clock(ask: Asker):
    made = await ask.create("incident", short_description="Just now")
    assert await numbers(ask, "sys_created_on>=javascript:gs.hoursAgo(1)") == [made["number"]]
    ask.sandbox.clock.advance(2 * 3600)
    assert await numbers(ask, "sys_created_on>=javascript:gs.hoursAgo(1)") == []
    assert made["number"] in await numbers(ask, "sys_created_on>=javascript:gs.daysAgoStart(1)")


async def test_the_users_own_records_are_found_by_script(reader: Asker):
    mine = await numbers(reader.by("piotr.zielonka"), "assigned_to=javascript:gs.getUserID()")
    assert mine
    assert mine == await numbers(reader, "assigned_to.user_name=piotr.zielonka")


async def test_an_invalid_part_is_ignored_unless_a_property_says_otherwise(ask: Asker):
    query = "state=7^no_such_field=1"
    assert await numbers(ask, query)
    (setting,) = await ask.rows("sys_properties", "name=glide.invalid_query.returns_no_rows")
    await ask.patch("sys_properties", setting["sys_id"], value="true")
    assert await numbers(ask, query) == []
    assert await numbers(ask, "state=7")


async def test_text_is_searched_in_an_index_that_lags_behind(ask: Asker):
    ask.sandbox.lag.seconds = 15
    made = await ask.create("incident", short_description="Quokka in the server room")
    assert await numbers(ask, "short_descriptionLIKEquokka") == [made["number"]]
    assert await numbers(ask, "123TEXTQUERY321=quokka") == []
    ask.sandbox.clock.advance(16)
    assert await numbers(ask, "123TEXTQUERY321=quokka") == [made["number"]]


async def test_joins_and_related_lists_count_other_tables(reader: Asker):
    members = await reader.rows(
        "sys_user", "JOINsys_user.sys_id=sys_user_grmember.user!group.name=Service Desk"
    )
    grmembers = await reader.rows("sys_user_grmember", "group.name=Service Desk")
    assert {row["sys_id"] for row in members} == {row["user"]["value"] for row in grmembers}
    talkative = await reader.rows(
        "incident", "RLQUERYsys_journal_field.element_id,>=4^ENDRLQUERY", sysparm_fields="sys_id"
    )
    for row in talkative[:3]:
        entries = await reader.rows("sys_journal_field", f"element_id={row['sys_id']}")
        assert len(entries) >= 4
    assert talkative


@pytest.mark.parametrize(
    "query", ["number=inc{0}", "numberINinc{0},INC{0}", "numberSTARTSWITHinc{0}", "number=INC{0}"]
)
async def test_letters_are_compared_whatever_their_case(reader: Asker, query: str):
    (known,) = await reader.rows("incident", "ORDERBYnumber", sysparm_limit="1")
    assert await numbers(reader, query.format(known["number"][3:])) == [known["number"]]


async def test_fields_given_as_parameters_of_their_own_filter_too(reader: Asker):
    answer = await reader.get(
        "/api/now/table/incident", active="true", priority="4", sysparm_fields="active,priority"
    )
    assert answer.result
    assert {(row["active"], row["priority"]) for row in answer.result} == {("true", "4")}


async def test_a_caret_is_doubled_within_a_value(ask: Asker):
    made = await ask.create("incident", short_description="Type ^ twice")
    assert await numbers(ask, "short_description=Type ^^ twice") == [made["number"]]


async def test_a_base_table_has_the_rows_of_all_that_extend_it(reader: Asker):
    rows = await reader.rows("task", sysparm_fields="sys_class_name,number")
    classes = {row["sys_class_name"] for row in rows}
    assert classes == {"incident", "problem", "change_request", "sc_request", "sc_req_item", "sc_task"}
    whole = await reader.rows("task", "sys_class_name=incident", sysparm_limit="1")
    assert "caller_id" not in whole[0], "a base table shows its own columns"
    assert await reader.rows("cmdb_ci", "sys_class_nameINSTANCEOFcmdb_ci_computer", sysparm_limit="1")


async def test_a_ticket_without_comments_among_others_hides_nothing(reader: Asker) -> None:
    every = await reader.rows("sys_journal_field", sysparm_fields="sys_id,element_id")
    told = sorted({row["element_id"] for row in every})[:2]
    wanted = sorted(row["sys_id"] for row in every if row["element_id"] in told)
    query = f"element_idIN{told[0].upper()},{'0' * 32},{told[1]}"
    found = await reader.rows("sys_journal_field", query, sysparm_fields="sys_id")
    assert sorted(row["sys_id"] for row in found) == wanted
