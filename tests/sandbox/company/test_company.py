"""The demo company: large enough, plausible, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from deskmind.sandbox.company import Company

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(seed=3, until=UNTIL)


def test_it_has_as_much_of_everything_as_a_sandbox_promises(company: Company):
    assert len(company.tickets) >= 400
    assert sum(bool(ticket.comments) for ticket in company.tickets) >= 400
    assert len(company.people) >= 60
    assert {"incident", "request", "problem", "change"} == {ticket.kind for ticket in company.tickets}
    assert len({ticket.status for ticket in company.tickets}) == 6
    assert sum(bool(article.can_read or article.cannot_read) for article in company.articles) >= 8
    assert any(base.can_read and base.cannot_read for base in company.knowledge_bases)


def test_the_same_seed_gives_the_same_company_and_another_seed_another(company: Company):
    same, other = Company(seed=3, until=UNTIL), Company(seed=4, until=UNTIL)
    assert same.people == company.people
    assert same.articles == company.articles
    assert list(same.tickets) == list(company.tickets)
    assert list(same.deletions) == list(company.deletions)
    assert other.people != company.people
    assert list(other.tickets) != list(company.tickets)


def test_another_end_moves_all_times_and_changes_nothing_else(company: Company):
    later = Company(seed=3, until=UNTIL + timedelta(days=30))
    for one, moved in zip(company.tickets, later.tickets, strict=True):
        assert (one.summary, one.status, one.requester) == (moved.summary, moved.status, moved.requester)
        assert moved.created - one.created == timedelta(days=30)


def test_a_ticket_is_the_same_however_it_is_reached(company: Company):
    tickets = list(company.tickets)
    assert company.tickets[17] == tickets[17]
    assert company.tickets[5:9] == tickets[5:9]
    assert company.tickets.by_number(tickets[17].number) == tickets[17]
    assert company.tickets.by_number(13) is None, "deleted"


def test_times_are_in_order_to_the_second_and_before_the_end(company: Company):
    for ticket in company.tickets:
        times = [ticket.created, *(comment.at for comment in ticket.comments)]
        assert ticket.created <= min(times)
        assert max(times) <= ticket.updated < UNTIL
        assert all(at.microsecond == 0 for at in (*times, ticket.updated))
        assert (ticket.closed is None) == (ticket.status not in ("closed", "cancelled"))


def test_many_things_were_touched_in_the_same_second(company: Company):
    for things in (company.tickets, company.people, company.items, company.articles):
        most = Counter(thing.updated for thing in things).most_common(1)[0][1]
        assert most >= 8


def test_everything_that_is_named_exists(company: Company):
    people = {person.key for person in company.people}
    items = {item.key for item in company.items}
    numbers = {ticket.number for ticket in company.tickets}
    for ticket in company.tickets:
        assert {ticket.requester, ticket.opened_by} <= people
        assert {comment.author for comment in ticket.comments} <= people
        assert not ticket.assignee or ticket.assignee in company.team(ticket.team).members
        assert not ticket.item or ticket.item in items
        assert not ticket.parent or ticket.parent in numbers
        assert "{" not in ticket.summary + ticket.description + ticket.resolution
    for team in company.teams:
        assert set(team.members) <= people
        assert team.members


def test_what_was_deleted_is_not_there(company: Company):
    gone = list(company.deletions)
    assert gone
    for deletion in gone:
        assert company.tickets.by_number(deletion.number) is None
        assert deletion.at < UNTIL


def test_a_large_company_is_there_at_once_and_its_tickets_are_made_when_looked_at():
    company = Company(seed=3, size="large", until=UNTIL)
    assert len(company.tickets) == 50_000
    assert company.tickets[49_999].created > UNTIL - timedelta(days=5)
    assert company.tickets[0].created < UNTIL - timedelta(days=400)
