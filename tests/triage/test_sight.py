"""Tickets of the past are told to who may see them, and to nobody else, whatever the access lists are."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from tests.triage.tickets import tickets

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import PermissionDeniedError
from deskmind.knowledge.ingest import StagedFile
from deskmind.triage import TrainingTicket, TriageModel, dump, learn
from deskmind.triage.store import insert_model

GROUPS = ("red", "green", "blue")
USERS: Mapping[str, tuple[str, ...]] = {"ann": ("red",), "bob": ("green", "blue"), "eve": ()}
ASKED = ["vpn tunnel drops again", "locked account, please help", "monitor flickers"]


@cache
def learned() -> TriageModel:
    return learn(tickets(90), targets=["category"])


@pytest.fixture
async def operator_of_tickets(operator: Desk) -> Desk:
    """A tenant whose 90 tickets are documents for random groups, every tenth one no document at all, and a model of them."""
    chance = random.Random(3)
    for user, groups in USERS.items():
        await operator.principals.add_user(user, groups=groups)
    some = tickets(90)
    by_groups: dict[tuple[str, ...], list[TrainingTicket]] = {}
    for place, one in enumerate(some):
        if place % 10:
            by_groups.setdefault(tuple(chance.sample(GROUPS, chance.randint(1, 2))), []).append(one)
    for groups, those in by_groups.items():
        files = [
            StagedFile(f"ticket/{one.reference}", f"https://desk.example.com/{one.reference}", f"{one.reference}.md",
                       f"# {one.reference}\n\n{one.text}".encode())
            for one in those
        ]  # fmt: skip
        await operator.knowledge.add_files(files, groups=groups, source="tickets")
    source = await _source(operator)
    named = [replace(one, document=f"{source}/ticket/{one.reference}") for one in some]
    model = learned()
    model = replace(model, past=replace(model.past, documents=tuple(one.document for one in named)))
    async with operator.database.transaction(operator.scope) as connection:
        await insert_model(connection, operator.scope, dump(model), model.provenance)
    return operator


async def _source(desk: Desk) -> str:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT source_id::text FROM sources WHERE name = 'tickets'")
        row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def _visible(desk: Desk) -> set[str]:
    """What the list of documents shows, which does not ask triage."""
    return {one.title for one in await desk.knowledge.documents(limit=200)}


async def test_nobody_is_told_of_a_ticket_that_is_hidden_from_them(
    app: Deskmind, operator_of_tickets: Desk
) -> None:
    told: dict[str, set[str]] = {}
    for user in USERS:
        member = await app.desk(tenant=operator_of_tickets.scope.tenant, user=user)
        visible = await _visible(member)
        said = await member.triage.predict(ASKED)
        cited = {one.reference for prediction in said for one in prediction.neighbours}
        for text in ASKED:
            cited |= {
                one.reference for one in await member.triage.similar(text, limit=50, resolved_only=False)
            }
        assert cited <= visible, user
        told[user] = cited
    assert told["ann"]
    assert told["bob"]
    assert told["ann"] != told["bob"]
    assert told["eve"] == set()


async def test_who_may_see_it_gets_the_best_ones_with_their_links(
    app: Deskmind, operator_of_tickets: Desk
) -> None:
    member = await app.desk(tenant=operator_of_tickets.scope.tenant, user="bob")
    everything = await operator_of_tickets.triage.similar(ASKED[0], limit=50, resolved_only=False)
    visible = await _visible(member)
    expected = [one.reference for one in everything if one.reference in visible][:5]
    found = await member.triage.similar(ASKED[0], resolved_only=False)
    assert [one.reference for one in found] == expected
    assert [one.uri for one in found] == [f"https://desk.example.com/{one}" for one in expected]


async def test_a_permission_taken_away_hides_at_once(app: Deskmind, operator_of_tickets: Desk) -> None:
    member = await app.desk(tenant=operator_of_tickets.scope.tenant, user="ann")
    assert (await member.triage.predict(ASKED[:1]))[0].neighbours
    await operator_of_tickets.principals.set_groups("ann", [])
    app.forget_authentication()
    member = await app.desk(tenant=operator_of_tickets.scope.tenant, user="ann")
    assert (await member.triage.predict(ASKED[:1]))[0].neighbours == ()


async def test_operators_see_each_ticket_also_those_without_a_document(operator_of_tickets: Desk) -> None:
    found = await operator_of_tickets.triage.similar(ASKED[0], limit=50, resolved_only=False)
    assert {one.uri == "" for one in found} == {True, False}


async def test_a_requester_compares_nothing_but_what_is_its_own_to_see(
    app: Deskmind, operator_of_tickets: Desk
) -> None:
    member = await app.desk(tenant=operator_of_tickets.scope.tenant, user="ann")
    with pytest.raises(PermissionDeniedError):
        await member.triage.duplicates(tickets(5))
