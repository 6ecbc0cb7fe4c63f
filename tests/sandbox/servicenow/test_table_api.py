"""The Table API: values, paging, writing and what it refuses."""

from __future__ import annotations

import pytest

from .conftest import Asker

NO_RECORD = {
    "error": {
        "message": "No Record found",
        "detail": "Record doesn't exist or ACL restricts the record retrieval",
    },
    "status": "failure",
}


async def test_a_reference_is_shown_as_it_is_asked_for(ask: Asker):
    path = "/api/now/table/incident"
    query = {
        "sysparm_query": "caller_idISNOTEMPTY^ORDERBYnumber",
        "sysparm_limit": "1",
        "sysparm_fields": "caller_id",
    }

    async def shown(**more: str) -> object:
        return (await ask.get(path, **query, **more)).result[0]["caller_id"]

    plain = await shown()
    assert isinstance(plain, dict)
    key, link = plain["value"], plain["link"]
    assert link == f"{ask.sandbox.url}/api/now/table/sys_user/{key}"
    name = (await ask.get(f"/api/now/table/sys_user/{key}")).result["name"]
    assert await shown(sysparm_exclude_reference_link="True") == key
    assert await shown(sysparm_display_value="true") == {"display_value": name, "link": link}
    assert await shown(sysparm_display_value="true", sysparm_exclude_reference_link="true") == name
    assert await shown(sysparm_display_value="all") == {"display_value": name, "link": link, "value": key}


async def test_display_values_name_choices_and_show_times_in_the_users_zone(ask: Asker):
    fields = {"sysparm_fields": "state,sys_updated_on", "sysparm_limit": "30", "sysparm_display_value": "all"}
    (row, *_) = await ask.by("piotr.zielonka").rows(
        "incident", "state=7^sys_updated_on>=2026-10-01^ORDERBYnumber", **fields
    )
    assert row["state"] == {"display_value": "Closed", "value": "7"}
    shown, kept = row["sys_updated_on"]["display_value"], row["sys_updated_on"]["value"]
    hours = (int(shown[11:13]) - int(kept[11:13])) % 24
    assert hours in (1, 2), "Gdańsk is one or two hours ahead of UTC"
    assert shown[13:] == kept[13:]


async def test_incident_rows_carry_empty_journals_whose_entries_are_rows_of_their_own(ask: Asker):
    made = await ask.create("incident", short_description="Journals", comments="Said", work_notes="Noted")
    assert (made["comments"], made["work_notes"], made["comments_and_work_notes"]) == ("", "", "")
    entries = await ask.rows("sys_journal_field", f"element_id={made['sys_id']}")
    assert sorted((one["element"], one["value"]) for one in entries) == [
        ("comments", "Said"),
        ("work_notes", "Noted"),
    ]
    shown = await ask.get(f"/api/now/table/incident/{made['sys_id']}", sysparm_display_value="true")
    assert "System Administrator (Additional comments)\nSaid" in shown.result["comments"]


async def test_a_page_says_how_many_rows_there_are_and_where_the_next_is(ask: Asker):
    seen: list[str] = []
    path: str | None = (
        "/api/now/table/incident?sysparm_limit=100&sysparm_fields=number&sysparm_query=ORDERBYnumber"
    )
    while path:
        answer = await ask("GET", path)
        seen += [row["number"] for row in answer.result]
        links = dict(reversed(part.split(";rel=")) for part in answer.headers["link"].split(","))
        following = links.get('"next"')
        path = following.strip("<>").removeprefix(ask.sandbox.url) if following else None
    assert len(seen) == len(set(seen)) == int(answer.headers["x-total-count"])
    bare = await ask.get(
        "/api/now/table/incident", sysparm_limit="1", sysparm_suppress_pagination_header="true"
    )
    assert "link" not in bare.headers
    uncounted = await ask.get("/api/now/table/incident", sysparm_limit="1", sysparm_no_count="true")
    assert "x-total-count" not in uncounted.headers


async def test_version_one_finds_nothing_with_a_404_and_later_ones_with_an_empty_list(ask: Asker):
    query = {"sysparm_query": "number=INC0000000"}
    old = await ask.get("/api/now/v1/table/incident", **query)
    assert (old.status, old.data) == (404, NO_RECORD)
    for path in ("/api/now/v2/table/incident", "/api/now/table/incident"):
        answer = await ask.get(path, **query)
        assert (answer.status, answer.data, answer.headers["x-total-count"]) == (200, {"result": []}, "0")


async def test_what_is_created_is_answered_with_its_place(ask: Asker):
    answer = await ask(
        "POST", "/api/now/table/incident", json={"short_description": "New", "no_such_field": "x"}
    )
    assert answer.status == 201
    key = answer.result["sys_id"]
    assert answer.headers["location"] == f"{ask.sandbox.url}/api/now/table/incident/{key}"
    assert answer.result["number"].startswith("INC")
    assert "no_such_field" not in answer.result
    again = await ask.get(f"/api/now/table/incident/{key}")
    assert again.result == answer.result
    silent = await ask(
        "POST",
        "/api/now/table/incident",
        json={"short_description": "New"},
        headers={"X-no-response-body": "true"},
    )
    assert (silent.status, silent.body) == (201, b"")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_update_changes_what_it_names_and_counts(ask: Asker, method: str):
    made = await ask.create("incident", short_description="Before", description="Stays")
    answer = await ask(
        method, f"/api/now/table/incident/{made['sys_id']}", json={"short_description": "After"}
    )
    assert answer.status == 200
    assert (answer.result["short_description"], answer.result["description"]) == ("After", "Stays")
    assert answer.result["sys_mod_count"] == "1"
    same = await ask(method, f"/api/now/table/incident/{made['sys_id']}", json={"short_description": "After"})
    assert same.result["sys_mod_count"] == "1", "nothing changed, so nothing was updated"


async def test_display_values_can_be_written_when_the_client_says_so(ask: Asker):
    path = "/api/now/table/incident?sysparm_input_display_value=true"
    given = {"short_description": "By name", "caller_id": "Marek Dudek", "state": "In Progress"}
    made = (await ask("POST", path, json=given)).result
    (marek,) = await ask.rows("sys_user", "user_name=marek.dudek")
    assert made["caller_id"]["value"] == marek["sys_id"]
    assert made["state"] == "2"


async def test_what_is_deleted_leaves_a_trace_and_takes_its_journal_along(ask: Asker):
    made = await ask.create("incident", short_description="Short life", comments="Said")
    key = made["sys_id"]
    gone = await ask("DELETE", f"/api/now/table/incident/{key}")
    assert (gone.status, gone.body) == (204, b"")
    missing = await ask.get(f"/api/now/table/incident/{key}")
    assert (missing.status, missing.data) == (404, NO_RECORD)
    (trace,) = await ask.rows("sys_audit_delete", f"documentkey={key}")
    assert (trace["tablename"], trace["display_value"]) == ("incident", made["number"])
    assert await ask.rows("sys_journal_field", f"element_id={key}") == []


async def test_some_tables_leave_no_trace_of_what_is_deleted(ask: Asker):
    (item, *_) = await ask.rows("cmdb_ci_printer", sysparm_limit="1")
    assert (await ask("DELETE", f"/api/now/table/cmdb_ci_printer/{item['sys_id']}")).status == 204
    assert await ask.rows("sys_audit_delete", f"documentkey={item['sys_id']}") == []


async def test_tickets_that_were_deleted_before_are_told_of(ask: Asker):
    traces = await ask.rows("sys_audit_delete")
    assert len(traces) == len(list(ask.sandbox.company.deletions))
    for trace in traces[:3]:
        assert (await ask.get(f"/api/now/table/{trace['tablename']}/{trace['documentkey']}")).status == 404


async def test_changes_are_audited_field_by_field(ask: Asker):
    made = await ask.create("incident", short_description="Before")
    await ask.patch("incident", made["sys_id"], short_description="After")
    (change,) = await ask.rows("sys_audit", f"documentkey={made['sys_id']}^fieldname=short_description")
    assert (change["oldvalue"], change["newvalue"], change["user"]) == ("Before", "After", "admin")


async def test_the_dictionary_describes_the_tables(ask: Asker):
    (column,) = await ask.rows("sys_dictionary", "name=incident^element=caller_id")
    assert (column["internal_type"], column["reference"]) == ("reference", "sys_user")
    (table,) = await ask.rows("sys_db_object", "name=incident", sysparm_display_value="true")
    assert table["super_class"]["display_value"] == "Task"
    states = await ask.rows("sys_choice", "name=incident^element=state^ORDERBYsequence")
    assert [one["label"] for one in states] == [
        "New",
        "In Progress",
        "On Hold",
        "Resolved",
        "Closed",
        "Canceled",
    ]


@pytest.mark.parametrize(
    ("method", "path", "call", "status", "message"),
    [
        ("GET", "/api/now/table/no_such_table", {}, 400, "Invalid table no_such_table"),
        ("GET", "/api/now/tables", {}, 400, "Requested URI does not represent any resource"),
        ("GET", "/api/now/table/incident?sysparm_offset=-1", {}, 400, "Invalid sysparm_offset"),
        ("POST", "/api/now/table/incident", {"data": b"{"}, 400, "Exception while reading request"),
        ("POST", "/api/now/table/incident", {"json": [1]}, 400, "Exception while reading request"),
        ("DELETE", "/api/now/table/incident", {}, 405, "Method not supported"),
    ],
)
async def test_a_refusal_has_the_vendors_body(
    ask: Asker, method: str, path: str, call: dict[str, object], status: int, message: str
):
    headers = {"Content-Type": "application/json"} if "data" in call else {}
    answer = await ask(method, path, headers=headers, **call)
    assert answer.status == status
    assert answer.data["error"]["message"] == message
    assert answer.data["status"] == "failure"
    assert set(answer.data["error"]) == {"message", "detail"}


async def test_a_late_commit_appears_behind_what_was_read_already(ask: Asker):
    await ask.create("incident", short_description="On time")
    (newest,) = await ask.rows("incident", "ORDERBYDESCsys_updated_on", sysparm_limit="1")
    ask.sandbox.instance.records.late_seconds = 40
    late = await ask.create("incident", short_description="Late")
    assert late["sys_updated_on"] < newest["sys_updated_on"]


async def test_a_long_list_of_ids_fits_into_an_address(ask: Asker):
    ids = [row["sys_id"] for row in await ask.rows("incident", sysparm_limit="250")]
    rows = await ask.rows("incident", f"sys_idIN{','.join(ids)}", sysparm_fields="sys_id")
    assert {row["sys_id"] for row in rows} == set(ids)
