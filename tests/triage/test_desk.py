"""``desk.triage``: a tenant's own model, for those who may, on record, and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.observability.counting import Counted
from tests.triage.tickets import tickets

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError, PermissionDeniedError, TriageModelError
from deskmind.knowledge.embedding import HashingEmbedder
from deskmind.observability.instruments import TRIAGE
from deskmind.triage import TrainingTicket, TriageModel, digest, dump, embedded, learn
from deskmind.triage.model import SURE
from deskmind.triage.shelf import Shelf
from deskmind.triage.store import insert_model

ASKED = ["vpn tunnel drops again", "locked account, please help"]
VAGUE = "it is urgent, thank you"
"""Of its words alone no model is sure."""


@pytest.fixture(scope="module")
async def learned() -> TriageModel:
    """What a tenant's training would keep; learned once."""
    some = tickets(90)
    vectors = await embedded(HashingEmbedder(), [one.text for one in some])
    return learn(some, embedded=vectors, targets=["category"])


@pytest.fixture
async def trained(operator: Desk, learned: TriageModel) -> Desk:
    await _keep(operator, learned)
    await operator.principals.add_user("ann")
    return operator


async def _keep(desk: Desk, model: TriageModel) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        await insert_model(connection, desk.scope, dump(model), model.provenance)


async def test_an_operator_trains_and_a_member_predicts(app: Deskmind, operator: Desk) -> None:
    await operator.triage.train(tickets(90), targets=["category"])
    await operator.principals.add_user("ann")
    member = await app.desk(tenant=operator.scope.tenant, user="ann")
    said = await member.triage.predict([*ASKED, VAGUE])
    assert [one.guesses["category"].label for one in said[:2]] == ["Network", "Access"]
    assert [one.by_meaning for one in said] == [
        one.guesses["category"].confidence < SURE for one in said[:2]
    ] + [True]
    (event,) = [event for event in await operator.audit() if event.action == "triage.train"]
    assert (event.resource, event.details["tickets"]) == ("triage/1", 90)
    assert event.details["embedding"].startswith("hashing")
    (stored,) = await member.triage.models()
    assert (stored.version, stored.provenance.tickets, stored.trained_by) == (1, 90, "operator")
    assert stored.provenance.evaluation["category"]["accuracy"] > 0.8


async def test_a_model_of_another_embedder_predicts_by_words_and_says_so(
    operator: Desk, learned: TriageModel, caplog: pytest.LogCaptureFixture
) -> None:
    await _keep(operator, replace(learned, provenance=replace(learned.provenance, embedding="another_1")))
    said = await operator.triage.predict([*ASKED, VAGUE])
    assert [one.guesses["category"].label for one in said[:2]] == ["Network", "Access"]
    assert not any(one.by_meaning for one in said)
    assert "triage.words_only" in caplog.text


async def test_neighbours_that_are_no_documents_are_told_to_operators_alone(
    app: Deskmind, trained: Desk
) -> None:
    member = await app.desk(tenant=trained.scope.tenant, user="ann")
    assert (await trained.triage.predict(ASKED))[0].neighbours
    assert (await member.triage.predict(ASKED))[0].neighbours == ()
    assert await member.triage.similar(ASKED[0]) == []


async def test_members_neither_train_nor_compare(app: Deskmind, trained: Desk) -> None:
    member = await app.desk(tenant=trained.scope.tenant, user="ann")
    for act in (
        member.triage.train(tickets(60)),
        member.triage.evaluate(tickets(60)),
        member.triage.duplicates(tickets(5)),
        member.triage.clusters(tickets(5)),
    ):
        with pytest.raises(PermissionDeniedError):
            await act
    denied = [event for event in await trained.audit() if event.outcome == "denied"]
    assert {event.action for event in denied} == {"triage.train", "triage.compare"}


async def test_another_tenant_has_no_model(
    app: Deskmind, trained: Desk, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    other = await app.desk(tenant=await new_tenant())
    with pytest.raises(NotFoundError, match="no triage model"):
        await other.triage.predict(ASKED)
    assert await other.triage.models() == []


async def test_what_happened_is_on_record_without_content(
    trained: Desk, traced: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch, "deskmind.triage.measuring._predictions", TRIAGE)
    await trained.triage.predict([*ASKED, "zzz"])
    assert counted.values() == {("predicted",): 2, ("abstained",): 1}
    events = [event for event in await trained.audit() if event.action.startswith("triage.")]
    assert [(event.action, event.resource) for event in events] == [
        ("triage.predict", "triage/1"),
    ]
    assert events[0].details["tickets"] == 3
    assert "vpn" not in str(events)
    spans = traced.get_finished_spans()
    assert "triage predict" in {span.name for span in spans}
    assert "vpn" not in str([dict(span.attributes or {}) for span in spans])


async def test_the_newest_model_predicts_and_five_are_kept(trained: Desk) -> None:
    turned = [TrainingTicket(one.text, {"category": one.labels["category"].upper()}) for one in tickets(60)]
    stored = await trained.triage.train(turned, embed=False)
    assert stored.version == 2
    assert (await trained.triage.predict(ASKED))[0].guesses["category"].label == "NETWORK"
    async with trained.database.transaction(trained.scope) as connection:
        for _ in range(4):
            await insert_model(connection, trained.scope, b"x", stored.provenance)
    assert [one.version for one in await trained.triage.models()] == [6, 5, 4, 3, 2]


async def test_a_model_that_was_changed_in_the_database_is_refused(app: Deskmind, trained: Desk) -> None:
    await trained.triage.predict(ASKED)
    async with trained.database.transaction(trained.scope) as connection:
        stored = await insert_model(
            connection, trained.scope, b"not a model", (await trained.triage.models())[0].provenance
        )
    assert stored.version == 2
    with pytest.raises(TriageModelError):
        await trained.triage.predict(ASKED)


async def test_similar_tickets_by_words_and_by_meaning(trained: Desk) -> None:
    by_reference = {ticket.reference: ticket for ticket in tickets(90)}
    found = await trained.triage.similar("monitor flickers", limit=3)
    assert ["flickers" in by_reference[one.reference].text for one in found] == [True] * 3
    assert all(one.resolved for one in found)
    with pytest.raises(InvalidRequestError, match="limit"):
        await trained.triage.similar("x", limit=0)


async def test_duplicates_and_clusters_need_no_model(operator: Desk) -> None:
    began = datetime(2026, 5, 4, 9, tzinfo=UTC)
    new = [
        TrainingTicket(
            "outlook: mail server not found",
            created_at=began + timedelta(minutes=place),
            reference=f"S{place}",
        )
        for place in range(5)
    ]
    (group,) = await operator.triage.duplicates(new)
    (cluster,) = await operator.triage.clusters(new)
    assert group.references == cluster.references == ("S0", "S1", "S2", "S3", "S4")


async def test_a_tenant_that_goes_takes_its_models_along(app: Deskmind, trained: Desk) -> None:
    await trained.triage.predict(ASKED)
    await app.tenants.delete(trained.scope.tenant)
    async with app.database.transaction(trained.scope) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM triage_models WHERE tenant_id = %s", (trained.scope.tenant_id,)
        )
        assert await cursor.fetchone() == (0,)


async def test_the_shelf_reads_a_model_once_and_keeps_few(learned: TriageModel) -> None:
    data, reads = dump(learned), 0

    async def read() -> bytes:
        nonlocal reads
        reads += 1
        return data

    shelf, first = Shelf(most=2), uuid4()
    for tenant in (first, first, uuid4(), first, uuid4(), first):
        await shelf.of(tenant, digest(data), read)
    assert reads == 3
    shelf.forget(first)
    await shelf.of(first, digest(data), read)
    assert reads == 4
