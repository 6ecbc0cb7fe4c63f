"""Business rules and data policies bite as they do at the vendor."""

from __future__ import annotations

import pytest

from .conftest import Asker


def mandatory(*labels: str) -> str:
    return f"Data Policy Exception: The following fields are mandatory: {', '.join(labels)}"


async def test_resolving_needs_a_code_and_notes(ask: Asker):
    made = await ask.create("incident", short_description="To resolve")
    refused = await ask.patch("incident", made["sys_id"], state="6")
    assert refused.status == 403
    assert refused.data["error"]["detail"] == mandatory("Resolution code", "Resolution notes")
    done = await ask.patch(
        "incident", made["sys_id"], state="6", close_code="User error", close_notes="Told how"
    )
    assert done.status == 200
    assert (done.result["state"], done.result["incident_state"], done.result["active"]) == ("6", "6", "true")
    assert done.result["resolved_at"] != ""
    closed = (await ask.patch("incident", made["sys_id"], state="7")).result
    assert (closed["active"], closed["closed_by"]["value"]) == ("false", closed["resolved_by"]["value"])


async def test_putting_on_hold_needs_a_reason_and_for_the_caller_a_comment(ask: Asker):
    made = await ask.create("incident", short_description="To wait")
    assert (await ask.patch("incident", made["sys_id"], state="3")).data["error"]["detail"] == mandatory(
        "On hold reason"
    )
    waiting = {"state": "3", "hold_reason": "1"}
    assert (await ask.patch("incident", made["sys_id"], **waiting)).status == 403
    assert (await ask.patch("incident", made["sys_id"], **waiting, comments="Which room?")).status == 200


async def test_reopening_forgets_the_resolution_and_counts(ask: Asker):
    made = await ask.create("incident", short_description="Comes back")
    await ask.patch("incident", made["sys_id"], state="6", close_code="User error", close_notes="Done")
    again = (await ask.patch("incident", made["sys_id"], state="2")).result
    assert (again["reopen_count"], again["close_code"], again["resolved_at"]) == ("1", "", "")


async def test_a_closed_incident_is_not_touched_by_agents(ask: Asker):
    (closed,) = await ask.rows(
        "incident", "state=7^categoryNOT INSecurity,Human resources", sysparm_limit="1"
    )
    refused = await ask.by("piotr.zielonka").patch("incident", closed["sys_id"], state="2")
    assert refused.status == 403
    assert refused.data["error"]["detail"] == "ACL Exception Update Failed due to security constraints"


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"), [("1", "1", "1"), ("2", "1", "2"), ("3", "3", "5")]
)
async def test_priority_follows_impact_and_urgency(ask: Asker, impact: str, urgency: str, priority: str):
    made = await ask.create(
        "incident", short_description="Weighed", impact=impact, urgency=urgency, priority="4"
    )
    assert made["priority"] == priority


async def test_a_change_moves_one_state_at_a_time(ask: Asker):
    made = await ask.create("change_request", short_description="Careful", assignment_group="x")
    skipped = await ask.patch("change_request", made["sys_id"], state="-2")
    assert skipped.status == 403
    assert (
        "was aborted by Business Rule 'Change Model: Check State Transition^"
        in skipped.data["error"]["detail"]
    )
    for state in ("-4", "-3", "-2", "-1", "0"):
        assert (await ask.patch("change_request", made["sys_id"], state=state)).status == 200
    assert (await ask.patch("change_request", made["sys_id"], state="3")).status == 403
    ended = await ask.patch(
        "change_request", made["sys_id"], state="3", close_code="successful", close_notes="Fine"
    )
    assert ended.result["active"] == "false"


async def test_a_problem_is_assessed_by_somebody_before_it_is_fixed(ask: Asker):
    made = await ask.create("problem", short_description="Again and again")
    assert (await ask.patch("problem", made["sys_id"], state="102")).data["error"]["detail"] == mandatory(
        "Assigned to"
    )
    assert (await ask.patch("problem", made["sys_id"], state="102", assigned_to="x")).status == 200
    assert (await ask.patch("problem", made["sys_id"], state="104")).status == 403


async def test_a_request_item_that_is_completed_reaches_its_last_stage(ask: Asker):
    (item,) = await ask.rows("sc_req_item", "active=true", sysparm_limit="1")
    done = (await ask.patch("sc_req_item", item["sys_id"], state="3")).result
    assert (done["stage"], done["active"]) == ("complete", "false")


async def test_an_article_is_published_by_its_state(ask: Asker):
    (base,) = await ask.rows("kb_knowledge_base", "title=IT knowledge")
    made = await ask.create(
        "kb_knowledge", short_description="How to", text="<p>So</p>", kb_knowledge_base=base["sys_id"]
    )
    assert (made["workflow_state"], made["published"], made["number"][:2]) == ("draft", "", "KB")
    published = (await ask.patch("kb_knowledge", made["sys_id"], workflow_state="published")).result
    assert published["published"] != ""
