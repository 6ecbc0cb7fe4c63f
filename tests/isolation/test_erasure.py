"""Erasing a tenant: nothing of it is left in any table, its neighbour is untouched, and the act can be read."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from deskmind.app import Deskmind
from deskmind.cache import JsonCodec
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, PermissionDeniedError, TenantNotFoundError
from deskmind.gateway.ledger.postgres import PostgresSink
from deskmind.governance.redaction import DirectoryEntry
from deskmind.jobs import defer
from deskmind.knowledge.ingest import StagedFile
from deskmind.observability import correlation
from deskmind.prompts import PromptTemplate, Variable
from deskmind.prompts.experiments import Variant
from deskmind.prompts.messages import Message

Admin = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def admin(app: Deskmind) -> AsyncIterator[Admin]:
    address = app.database.endpoints.admin
    assert address is not None
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        yield connection


@pytest.fixture
async def sink(app: Deskmind) -> AsyncIterator[PostgresSink]:
    opened = PostgresSink(app.database.endpoints.ledger, app.database.endpoints.schema)
    yield opened
    await opened.close()


async def _rows_of(admin: Admin, tenant_id: UUID) -> dict[str, int]:
    """Tables with rows of the tenant, partitions and job tables included, by the catalogue."""
    cursor = await admin.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relnamespace = 'deskmind'::regnamespace AND c.relkind = 'r'"
    )
    found: dict[str, int] = {}
    for (table,) in await cursor.fetchall():
        statement = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s").format(sql.Identifier(str(table)))
        row = await (await admin.execute(statement, (tenant_id,))).fetchone()
        assert row is not None
        if row[0]:
            found[str(table)] = int(str(row[0]))
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE args::text LIKE %s"
    row = await (await admin.execute(jobs, (f"%{tenant_id}%",))).fetchone()
    assert row is not None
    return found | ({"jobs": int(str(row[0]))} if row[0] else {})


def _call(desk: Desk, cost: str | None) -> bytes:
    return json.dumps(
        {
            "call": str(uuid4()),
            "at": time.time(),
            "caller": [str(desk.scope.tenant_id), str(desk.scope.principal_id), "", "ask", "request-1"],
            "operation": "chat",
            "model": "fast",
            "deployment": "fast-1",
            "outcome": "settled",
            "usage": [100, 20, 10, 0],
            "cost": cost,
            "seconds": 0.1,
            "first": None,
            "attempts": 1,
            "error": "",
            "streamed": False,
        }
    ).encode()


async def _lived_in(app: Deskmind, sink: PostgresSink, tenant: str) -> tuple[Desk, Desk, str]:
    """A tenant with something of everything: operator's desk, a user's desk, an API key."""
    desk = await app.desk(tenant=tenant)
    await desk.principals.add_user("ann", groups=["hr"])
    key = await desk.keys.create("ann")
    ann = await app.desk(tenant=tenant, user="ann")
    files = [
        StagedFile(name, name, f"{name}.md", f"# Printer {name}\n\nPaper lies in room {name}.\n".encode())
        for name in ("one", "two", "three")
    ]
    await desk.knowledge.add_files(files)
    await desk.knowledge.add("hr.md", b"# Pay\n\nPay day is the 25th.\n", groups=["hr"])
    await ann.knowledge.search("paper")
    for wording in ("{{ question }}", "{{ question }} Briefly."):
        await desk.prompts.save(PromptTemplate("triage", [("user", wording)], {"question": Variable()}))
    await desk.experiments.start("brief", "triage", [Variant("a", 1), Variant("b", 2)])
    await ann.experiments.assign("brief")
    await ann.experiments.observe("brief", "feedback", 1.0)
    await ann.conversations.create("hello", messages=[Message("user", "Where is the paper?")])
    await desk.redaction.add_pattern("badge", "EMP-[0-9]{6}")
    await desk.redaction.set_action("URL", "allow")
    await desk.redaction.know([DirectoryEntry("Ann Rao")])
    await desk.budgets.set("monthly", window="month", usd=Decimal(10))
    await sink.write([_call(ann, "0.25"), _call(ann, "0.5"), _call(desk, None)])
    async with await psycopg.AsyncConnection.connect(app.database.endpoints.ledger) as ledger:
        await ledger.execute("SET search_path = deskmind, public")
        await _lease(ledger, desk)
    async with desk.database.transaction(desk.scope) as connection:
        await defer(
            connection, "idle", "nobody.works", str(uuid4()), {"tenant_id": str(desk.scope.tenant_id)}
        )
    return desk, ann, key.secret


async def _lease(ledger: psycopg.AsyncConnection[tuple[object, ...]], desk: Desk) -> None:
    await ledger.execute(
        "SELECT lease_budget(%s, 'monthly', '', 'usd', date_trunc('month', now()), 1, 10)",
        (desk.scope.tenant_id,),
    )


async def test_nothing_is_left_and_the_neighbour_keeps_everything(
    app: Deskmind, admin: Admin, sink: PostgresSink, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    names = [await new_tenant() for _ in range(2)]
    (desk, _, _), (neighbour, _, _) = [await _lived_in(app, sink, name) for name in names]
    await app.settle_stories()
    cached = app.cache.scoped(desk.scope.tenant_id, "notes", codec=JsonCodec(str), ttl=60)
    await cached.set("a", "what the tenant asked")
    before = await _rows_of(admin, desk.scope.tenant_id)
    kept = await _rows_of(admin, neighbour.scope.tenant_id)
    tables = {
        "tenants",
        "principals",
        "memberships",
        "api_keys",
        "acls",
        "acl_members",
        "sources",
        "documents",
    }
    tables |= {
        "lexical_statistics",
        "ingests",
        "ingest_files",
        "audit_events",
        "budgets",
        "budget_counters",
        "jobs",
    }
    tables |= {"redaction_patterns", "redaction_actions", "directory_entries"}
    tables |= {"prompt_versions", "experiments", "experiment_outcomes", "conversations", "turns"}
    assert tables <= before.keys()
    assert {name.split("_p")[0] for name in before if "_p" in name} >= {"chunks", "lexical"}
    assert any(name.startswith("embeddings_") for name in before)
    assert any(name.startswith("usage_entries_") for name in before)

    gone = await app.tenants.delete(names[0])

    assert await _rows_of(admin, desk.scope.tenant_id) == {}
    assert await _rows_of(admin, neighbour.scope.tenant_id) == kept
    assert (
        gone.rows >= sum(before.values()) - before["jobs"] - 6
    )  # the three booked calls become sums, and no events
    assert gone.jobs == before["jobs"]
    assert await cached.get("a") is None
    assert names[0] not in {tenant.slug for tenant in await app.tenants.all()}
    await app.tenants.create(names[0])  # the name is free again


async def test_who_was_inside_is_turned_away(
    app: Deskmind, admin: Admin, sink: PostgresSink, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    tenant = await new_tenant()
    desk, ann, secret = await _lived_in(app, sink, tenant)
    assert (await app.authenticate(secret)).scope.principal == "ann"
    await app.tenants.delete(tenant)
    with pytest.raises(AuthenticationError):
        await app.authenticate(secret)
    with pytest.raises(TenantNotFoundError, match="does not exist any more"):
        await ann.knowledge.search("paper")
    with pytest.raises((TenantNotFoundError, psycopg.errors.ForeignKeyViolation)):
        await desk.principals.add_user("bob")
    with pytest.raises(TenantNotFoundError):
        await app.desk(tenant=tenant)
    with pytest.raises(TenantNotFoundError):
        await app.tenants.delete(tenant)
    assert await _rows_of(admin, desk.scope.tenant_id) == {}


async def test_stories_that_are_written_late_are_not_kept_nor_take_others_with_them(
    app: Deskmind, admin: Admin, operator: Desk, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    erased = await app.desk(tenant=await new_tenant())
    await app.settle_stories()
    lost = app.stories.dropped
    with correlation("late"):
        await erased.principals.users()
        await operator.principals.users()
        await app.tenants.delete(erased.scope.tenant)
        await app.settle_stories()
    assert await _rows_of(admin, erased.scope.tenant_id) == {}
    assert (await operator.requests.explain("late")).parts
    assert app.stories.dropped == lost  # nobody misses them


async def test_accounts_stay_without_people_and_calls_booked_late_are_added(
    app: Deskmind, admin: Admin, sink: PostgresSink, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    tenant = await new_tenant()
    desk, ann, _ = await _lived_in(app, sink, tenant)
    gone = await app.tenants.delete(tenant)
    await sink.write([_call(ann, "1")])
    async with await psycopg.AsyncConnection.connect(app.database.endpoints.ledger) as ledger:
        await ledger.execute("SET search_path = deskmind, public")
        await _lease(ledger, desk)
    assert await _rows_of(admin, desk.scope.tenant_id) == {}
    (account,) = [item for item in await app.tenants.closed_accounts() if item.account_id == gone.account_id]
    assert (account.model, account.calls, account.unpriced_calls) == ("fast", 4, 1)
    assert (account.input_tokens, account.output_tokens, account.cost) == (400, 80, Decimal("1.75"))
    assert gone.account_id != desk.scope.tenant_id


async def test_the_act_is_on_record_where_operators_read_it(
    app: Deskmind, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    tenant = await new_tenant()
    gone = await app.tenants.delete(tenant)
    event = next(item for item in await app.tenants.audit() if item.resource == tenant)
    assert (event.action, event.outcome) == ("tenants.delete", "done")
    assert event.details["account"] == str(gone.account_id)
    assert event.correlation_id


async def test_from_inside_a_tenant_nobody_erases_or_reads_of_it(
    app: Deskmind, operator: Desk, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    victim = await new_tenant()
    await app.tenants.delete(await new_tenant())
    for name in (victim, operator.scope.tenant):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with operator.database.transaction(operator.scope) as connection:
                await connection.execute("SELECT erase_tenant(%s)", (name,))
    async with operator.database.transaction(operator.scope) as connection:
        for table in ("closed_accounts", "closed_account_usage"):
            statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            assert await (await connection.execute(statement)).fetchone() == (0,)
        cursor = await connection.execute("SELECT count(*) FROM audit_events WHERE resource = %s", (victim,))
        assert await cursor.fetchone() == (0,)
    await app.desk(tenant=victim)
    directory = type(app.tenants)(app.database)
    directory._scope = operator.scope
    with pytest.raises(PermissionDeniedError):
        await directory.delete(victim)
