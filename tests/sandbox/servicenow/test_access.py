"""Who sees and writes what: roles, rules before queries, access controls of rows, user criteria."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from deskmind.sandbox.company import Audience, Person
from deskmind.sandbox.servicenow import PASSWORD

from .conftest import Asker


@pytest.mark.parametrize(
    "header", [None, "Basic bm9ib2R5Om5vYm9keQ==", "Basic !!", "Bearer unknown", "Digest x"]
)
async def test_nobody_is_answered_without_credentials(ask: Asker, header: str | None):
    answer = await ask("GET", "/api/now/table/incident", headers={"Authorization": header or ""})
    assert answer.status == 401
    assert answer.data["error"]["message"] == "User Not Authenticated"


async def test_somebody_who_has_left_is_nobody(ask: Asker):
    left = next(person for person in ask.sandbox.company.people if not person.active)
    assert (await ask.by(left.key).get("/api/now/table/incident")).status == 401


async def test_a_requester_sees_his_own_tickets_and_they_are_all_that_count(ask: Asker):
    answer = await ask.by("marek.dudek").get("/api/now/table/incident")
    tickets = ask.sandbox.company.tickets
    own = {
        f"INC{10_000 + t.number:07d}"
        for t in tickets
        if t.kind == "incident" and t.requester == "marek.dudek"
    }
    assert own
    assert {row["number"] for row in answer.result} == own
    assert answer.headers["x-total-count"] == str(len(own))
    assert {row["work_notes"] for row in answer.result} == {""}


async def test_a_row_that_an_agent_may_not_see_is_missing_from_its_page_though_it_was_counted(ask: Asker):
    every = await ask.get("/api/now/table/incident", sysparm_limit="500")
    agent = ask.by("piotr.zielonka")
    answer = await agent.get("/api/now/table/incident", sysparm_limit="500")
    assert answer.headers["x-total-count"] == every.headers["x-total-count"]
    hidden = {row["sys_id"] for row in every.result} - {row["sys_id"] for row in answer.result}
    assert hidden
    for key in sorted(hidden)[:3]:
        assert (await agent.get(f"/api/now/table/incident/{key}")).status == 404
        assert await agent.rows("sys_journal_field", f"element_id={key}") == []
    pages = [
        len(await agent.rows("incident", sysparm_limit="20", sysparm_offset=str(offset)))
        for offset in range(0, 300, 20)
    ]
    assert min(pages) < 20 == max(pages), "a short page is not the last"


async def test_the_confidential_tickets_are_those_of_the_company(ask: Asker):
    company = ask.sandbox.company
    answer = await ask.by("piotr.zielonka").get("/api/now/table/incident", sysparm_limit="500")
    seen = {row["number"] for row in answer.result}
    for ticket in company.tickets:
        if ticket.kind == "incident" and "piotr.zielonka" not in (ticket.requester, ticket.opened_by):
            visible = not ticket.confidential or "piotr.zielonka" in company.team(ticket.confidential).members
            assert (f"INC{10_000 + ticket.number:07d}" in seen) == visible


@pytest.mark.parametrize(
    ("user", "table", "allowed"),
    [
        ("deskmind.integration", "sys_audit_delete", True),
        ("deskmind.integration", "sys_journal_field", True),
        ("deskmind.integration", "user_criteria", True),
        ("piotr.zielonka", "sys_journal_field", True),
        ("piotr.zielonka", "sys_audit_delete", False),
        ("piotr.zielonka", "user_criteria", False),
        ("marek.dudek", "sys_journal_field", False),
        ("marek.dudek", "cmdb_ci_server", False),
        ("marek.dudek", "sys_user", True),
    ],
)
async def test_a_table_needs_its_role(ask: Asker, user: str, table: str, allowed: bool):
    answer = await ask.by(user).get(f"/api/now/table/{table}", sysparm_limit="1")
    assert answer.status == (200 if allowed else 403)
    if not allowed:
        assert answer.data["error"] == {
            "message": "User Not Authorized",
            "detail": "Failed API level ACL Validation",
        }


async def test_requesters_open_incidents_and_comment_on_them_and_no_more(ask: Asker):
    marek = ask.by("marek.dudek")
    (him,) = await ask.rows("sys_user", "user_name=marek.dudek")
    made = await marek.create(
        "incident", short_description="Mine", caller_id=him["sys_id"], work_notes="Not for me"
    )
    assert await ask.rows("sys_journal_field", f"element_id={made['sys_id']}") == []
    assert (await marek.patch("incident", made["sys_id"], comments="Any news?")).status == 200
    assert (await marek("DELETE", f"/api/now/table/incident/{made['sys_id']}")).status == 403
    assert (await marek("POST", "/api/now/table/change_request", json={})).status == 403


def belongs(person: Person, audience: Audience, teams: dict[str, tuple[str, ...]]) -> bool:
    """The oracle: what a criterion means, from the company's own data."""
    roles = {
        "requester": {"requester"},
        "agent": {"requester", "agent"},
        "admin": {"requester", "agent", "admin"},
    }
    internal = person.organisation == "halvern-quay"
    mine = roles[person.role] - (set() if internal else {"requester"})
    kinds = [
        (audience.people, person.key in audience.people),
        (audience.teams, any(person.key in teams[team] for team in audience.teams)),
        (audience.departments, person.department in audience.departments),
        (audience.sites, person.site in audience.sites),
        (audience.organisations, person.organisation in audience.organisations),
        (audience.roles, not mine.isdisjoint(audience.roles)),
    ]
    named = [inside for wanted, inside in kinds if wanted]
    return audience.active and bool(named) and (all(named) if audience.match_all else any(named))


async def test_everybody_reads_the_articles_that_the_criteria_let_him_and_no_other(ask: Asker):
    company = ask.sandbox.company
    teams = {team.key: team.members for team in company.teams}
    bases = {base.key: base for base in company.knowledge_bases}

    def passes(person: Person, can: tuple[Audience, ...], cannot: tuple[Audience, ...]) -> bool:
        if any(belongs(person, one, teams) for one in cannot):
            return False
        return not can or any(belongs(person, one, teams) for one in can)

    for person in itertools.islice((p for p in company.active_people if p.role != "admin"), 0, None, 4):
        expected: set[str] = set()
        for article in company.articles:
            base = bases[article.base]
            if (
                base.owner == person.key
                or (article.state != "published" and article.author == person.key)
                or (
                    article.state == "published"
                    and passes(person, base.can_read, base.cannot_read)
                    and passes(person, article.can_read, article.cannot_read)
                )
            ):
                expected.add(f"KB{article.number:07d}")
        seen = {
            row["number"] for row in await ask.by(person.key).rows("kb_knowledge", sysparm_fields="number")
        }
        assert seen == expected, person.key


async def test_a_criterion_taken_away_hides_an_article_at_once(ask: Asker):
    (article,) = await ask.rows("kb_knowledge", "short_descriptionSTARTSWITHSalary bands")
    annike_asks = ask.by("annike.voss")
    path = f"/api/sn_km_api/knowledge/articles/{article['sys_id']}"
    assert (await annike_asks.get(path)).status == 403
    (group,) = await ask.rows("sys_user_group", "name=hr")
    (annike,) = await ask.rows("sys_user", "user_name=annike.voss")
    member = await ask.create("sys_user_grmember", group=group["sys_id"], user=annike["sys_id"])
    assert (await annike_asks.get(path)).status == 200
    await ask("DELETE", f"/api/now/table/sys_user_grmember/{member['sys_id']}")
    assert (await annike_asks.get(path)).status == 403


async def test_a_knowledge_base_without_criteria_is_read_by_everybody(ask: Asker):
    made = await ask.create("kb_knowledge_base", title="Open to all")
    values: dict[str, Any] = {"short_description": "Open", "kb_knowledge_base": made["sys_id"]}
    article = await ask.create("kb_knowledge", **values, workflow_state="published")
    for person in ("marek.dudek", "lena.fisk"):
        assert (await ask.by(person).get(f"/api/now/table/kb_knowledge/{article['sys_id']}")).status == 200


async def test_every_account_has_the_same_password_and_the_printed_one_is_the_administrators(ask: Asker):
    assert ask.sandbox.credentials == {"username": "admin", "password": PASSWORD}
    assert ask.sandbox.described()["base_url"] == ask.sandbox.url
