"""The data map: a table or cache that declares nothing fails."""

from __future__ import annotations

from tests.governance.privacy.conftest import Admin

from deskmind.app import Deskmind
from deskmind.cache.names import OWN_USES
from deskmind.governance.privacy import DATA_MAP, undeclared
from deskmind.governance.privacy.tables import TableStore


async def _tables(admin: Admin) -> list[str]:
    cursor = await admin.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'deskmind'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def test_every_table_and_cache_is_in_the_data_map(app: Deskmind, admin: Admin) -> None:
    await app.engine()
    tables = await _tables(admin)
    assert len(tables) > 30
    assert undeclared(tables, OWN_USES) == []
    assert undeclared(["diary"], ["dreams"]) == ["diary", "dreams"]


async def test_the_data_map_names_nothing_that_is_not_there(admin: Admin) -> None:
    tables = set(await _tables(admin))
    declared = {item.store for item in DATA_MAP if item.kind == "table" and not item.store.endswith("*")}
    assert declared <= tables
    assert {item.store for item in DATA_MAP if item.kind == "cache"} == OWN_USES
    assert len({(item.kind, item.store) for item in DATA_MAP}) == len(DATA_MAP)
    assert all(all(item.as_dict().values()) for item in DATA_MAP)


async def test_what_holds_personal_data_takes_part_in_erasures(app: Deskmind) -> None:
    covered = {holding.store for store in app.personal_stores for holding in store.declare()}
    spared = {
        "acls",
        "acl_members",
        "tenants",
        "procrastinate_jobs",
        "turns",
        "agent_effects",
        "workflow_firings",
        "request_keys",
        *(
            "access_policies",
            "access_roles",
        ),  # named by who wrote them, who changes them: docs/privacy.md says so
    }
    for holding in DATA_MAP:
        if holding.personal != "none" and not holding.store.startswith("privacy_"):
            assert holding.store in covered | spared, holding.store


async def test_after_a_restore_what_operators_may_not_read_is_read_as_its_principal(app: Deskmind) -> None:
    """All other texts are read as an operator; ``test_replaying`` would fail on one that operators may not read."""
    private = {
        table
        for store in app.personal_stores
        if isinstance(store, TableStore) and store.private
        for table, _ in store.masked
    }
    assert private == {"conversations", "turns", "memories"}
