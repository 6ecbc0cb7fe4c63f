"""Similar tickets, duplicates, and major incidents."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.triage.tickets import tickets

from deskmind.errors import InvalidRequestError
from deskmind.triage import TrainingTicket, TriageModel, find_clusters, find_duplicates, find_similar

MORNING = datetime(2026, 5, 4, 9, tzinfo=UTC)
STORM = (
    "outlook cannot connect to the mail server",
    "no mail in outlook, server not found",
    "urgent: outlook says the mail server is offline",
    "mail server offline? outlook hangs",
    "my outlook does not connect to mail server",
    "outlook: connection to mail server lost",
)


def storm(began: datetime = MORNING, minutes: int = 6) -> list[TrainingTicket]:
    return [
        TrainingTicket(
            text, resolved=False, created_at=began + timedelta(minutes=minutes * place), reference=f"S{place}"
        )
        for place, text in enumerate(STORM)
    ]


def test_resolved_tickets_that_read_alike_come_best_first(model: TriageModel) -> None:
    by_reference = {ticket.reference: ticket for ticket in tickets()}
    found = find_similar(model, "docking station broken again", limit=4, resolved_only=True)
    assert len(found) == 4
    assert all("docking" in by_reference[one.reference].text and one.resolved for one in found)
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)


def test_a_ticket_finds_itself_as_a_duplicate(model: TriageModel) -> None:
    first = tickets()[0]
    found = find_similar(model, first.text, least=0.99)
    assert first.reference in {one.reference for one in found}
    assert find_similar(model, "zzz qqq", limit=3) == []


def test_duplicates_are_grouped_and_others_left_alone() -> None:
    some = [
        TrainingTicket("Printer on floor 3 is out of paper", reference="A"),
        TrainingTicket("vpn drops every hour", reference="B"),
        TrainingTicket("printer, on floor three is out of paper!", reference="C"),
        TrainingTicket("VPN drops every hour.", reference="D"),
        TrainingTicket("new laptop for a starter", reference="E"),
    ]
    groups = find_duplicates(some, least=0.6)
    assert [group.references for group in groups] == [("A", "C"), ("B", "D")]
    assert all(0.6 <= group.similarity <= 1 for group in groups)
    assert [group.references for group in find_duplicates(some, least=0.99)] == [("B", "D")]


def test_a_storm_among_ordinary_tickets_is_one_cluster_with_its_words() -> None:
    (found,) = find_clusters([*_ordinary(), *storm()])
    assert set(found.references) == {f"S{place}" for place in range(len(STORM))}
    assert {"outlook", "mail", "server"} <= {word for term in found.terms for word in term.split()}
    assert (found.first_at, found.last_at) == (MORNING, MORNING + timedelta(minutes=30))


def test_the_same_tickets_over_weeks_are_no_incident() -> None:
    assert find_clusters([*_ordinary(), *storm(minutes=60 * 24 * 3)]) == []


def test_the_order_of_the_tickets_does_not_matter() -> None:
    some = [*_ordinary(), *storm(), *storm(MORNING + timedelta(days=2))]
    shuffled: Sequence[TrainingTicket] = random.Random(4).sample(some, len(some))
    assert len(find_clusters(some)) == 2
    assert find_clusters(some) == find_clusters(shuffled)


def test_history_keeps_a_storm_from_hiding_itself(model: TriageModel) -> None:
    (found,) = find_clusters(storm(), background=model.vocabulary)
    assert len(found.references) == len(STORM)


def test_a_time_without_a_zone_is_refused() -> None:
    naive = TrainingTicket("x", created_at=datetime(2026, 1, 1))
    with pytest.raises(InvalidRequestError, match="zone"):
        find_clusters([naive])


def _ordinary() -> list[TrainingTicket]:
    """A ticket every three hours around the storm."""
    return [
        replace(ticket, created_at=MORNING + timedelta(hours=3 * place - 90))
        for place, ticket in enumerate(tickets(60, seed=7))
    ]
