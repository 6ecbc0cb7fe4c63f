"""After a restore: who was erased is recognised by marks alone, and erased again. And an erasure that was killed goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from psycopg import sql
from tests.governance.privacy.conftest import (
    FULL_NAME,
    MAIL,
    NAME,
    NOTE,
    PHONE,
    Admin,
    Bureau,
    dumped,
    holding,
)

from deskmind.app import Deskmind
from deskmind.errors import SuppressedError
from deskmind.governance.privacy.marks import Mark
from deskmind.governance.privacy.replaylist import ReplayEntry, ReplayList

pytestmark = pytest.mark.chaos

_BACKED_UP = ("principals", "documents", "chunks", "lexical")

_SCRIPT = """
import asyncio, sys, pathlib
from deskmind.app import Deskmind

class Stuck:
    name = "stuck"
    def declare(self): return []
    async def export(self, subject): return []
    async def erase(self, subject, *, dry_run=False):
        pathlib.Path(sys.argv[3]).touch()
        await asyncio.Event().wait()

async def main():
    async with Deskmind.open(home=sys.argv[1], knowledge={"embedder": "hashing"}) as app:
        app.register_store(Stuck())
        desk = await app.desk(tenant=sys.argv[2])
        await desk.privacy.erase(sys.argv[4])

asyncio.run(main())
"""


async def _backup(admin: Admin, bureau: Bureau) -> dict[str, bytes]:
    """The rows of some tables, as a backup has them."""
    kept: dict[str, bytes] = {}
    for table in _BACKED_UP:
        query = sql.SQL("COPY (SELECT * FROM {} WHERE tenant_id = {}) TO STDOUT").format(
            sql.Identifier(table), sql.Literal(str(bureau.operator.scope.tenant_id))
        )
        async with admin.cursor().copy(query) as copy:
            kept[table] = b"".join([bytes(row) async for row in copy])
    return kept


async def _restore(admin: Admin, bureau: Bureau, kept: dict[str, bytes]) -> None:
    """The tenant as it was: what came since, the records of the erasure included, is gone."""
    tenant = bureau.operator.scope.tenant_id
    for table in ("documents", "privacy_erasures", "privacy_marks", "principals"):
        query = sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier(table))
        await admin.execute(query, (tenant,))
    for table in _BACKED_UP:
        async with admin.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
            await copy.write(kept[table])


async def test_a_restored_backup_is_erased_again(app: Deskmind, admin: Admin, bureau: Bureau) -> None:
    kept = await _backup(admin, bureau)
    first = await bureau.operator.privacy.erase(NAME, also=[MAIL, PHONE])
    await _restore(admin, bureau, kept)
    assert {"documents", "principals"} <= set(holding(await dumped(admin, bureau.operator), "quorn"))
    assert await bureau.operator.privacy.erasures() == []
    listed = app.replay_list.path.read_text("utf-8").lower()
    assert str(first.erasure_id) in listed
    assert not any(word in listed for word in ("quorn", "zilpha", "example.com"))
    (again,) = await bureau.operator.privacy.replay()
    assert again.replays == first.erasure_id
    assert again.counts["knowledge"]["masked"] == 1
    assert not set(holding(await dumped(admin, bureau.operator), "quorn", "zilpha", "555 0173")) - {
        "audit_events"
    }
    with pytest.raises(SuppressedError):
        await bureau.operator.principals.add_user("other", display_name=FULL_NAME)
    assert await bureau.operator.privacy.replay() == [], "there is nobody left to find"


async def test_who_had_no_account_is_recognised_in_texts(admin: Admin, bureau: Bureau) -> None:
    kept = await _backup(admin, bureau)
    await bureau.operator.privacy.erase("Zilpha de Quornbeck", also=[MAIL, PHONE])
    await _restore(admin, bureau, kept)
    await admin.execute(
        "DELETE FROM principals WHERE tenant_id = %s AND name = %s", (bureau.operator.scope.tenant_id, NAME)
    )
    (again,) = await bureau.operator.privacy.replay()
    assert again.counts["knowledge"] == {"masked": 1}
    assert not set(holding(await dumped(admin, bureau.operator), "quornbeck", "555 0173")) - {"audit_events"}


_RUN = """
INSERT INTO agent_runs (tenant_id, run_id, principal_id, agent, definition, prompt, state)
VALUES (%s, gen_random_uuid(), %s, 'triage', '{}', 'Ask ZILPHA DE QUORNBECK.', 'done')
"""


async def test_what_has_expired_since_the_backup_is_gone(admin: Admin, bureau: Bureau) -> None:
    """Expired conversations are shown to nobody, so that no replay could look for the person there."""
    await bureau.operator.privacy.erase("Zilpha de Quornbeck", also=[MAIL])
    tenant = bureau.operator.scope.tenant_id
    for table in ("documents", "privacy_erasures", "privacy_marks"):
        await admin.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier(table)), (tenant,)
        )
    await admin.execute("DELETE FROM principals WHERE tenant_id = %s AND name = %s", (tenant, NAME))
    made = await bureau.ben.conversations.create("About Zilpha de Quornbeck")
    await admin.execute(
        "UPDATE conversations SET expires_at = now() - interval '1 minute' WHERE conversation_id = %s",
        (made.about.conversation_id,),
    )
    assert "conversations" in holding(await dumped(admin, bureau.operator), "quornbeck")
    await bureau.operator.privacy.replay()
    assert not set(holding(await dumped(admin, bureau.operator), "quornbeck")) - {"audit_events"}


@pytest.mark.parametrize("where", ["turn", "title", "run"])
async def test_who_stands_in_others_conversations_and_runs_alone_is_recognised(
    admin: Admin, bureau: Bureau, where: str
) -> None:
    """No document and no account names the person: what only a colleague said does."""
    await bureau.operator.privacy.erase("Zilpha de Quornbeck", also=[MAIL])
    tenant, ben = bureau.operator.scope.tenant_id, bureau.ben.scope.principal_id
    for table in ("documents", "privacy_erasures", "privacy_marks"):
        await admin.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier(table)), (tenant,)
        )
    await admin.execute("DELETE FROM principals WHERE tenant_id = %s AND name = %s", (tenant, NAME))
    if where == "run":
        await admin.execute(_RUN, (tenant, ben))
    else:
        title = "About Zilpha de Quornbeck" if where == "title" else "About a token"
        conversation = (await bureau.ben.conversations.create(title)).about.conversation_id
        if where == "turn":
            await admin.execute(
                "INSERT INTO turns (tenant_id, conversation_id, position, principal_id, role, content, call_id, tool)"
                " VALUES (%s, %s, 1, %s, 'user', 'Is zilpha de quornbeck here?', '', '')",
                (tenant, conversation, ben),
            )
    before = holding(await dumped(admin, bureau.operator), "quornbeck")
    assert set(before) - {"audit_events"}
    (again,) = await bureau.operator.privacy.replay()
    assert again.state == "done"
    assert not set(holding(await dumped(admin, bureau.operator), "quornbeck")) - {"audit_events"}


def test_a_line_that_was_cut_short_is_passed_over(tmp_path: Path, bureau: Bureau) -> None:
    listing = ReplayList(tmp_path / "list.jsonl")
    tenant = bureau.operator.scope.tenant_id
    entry = ReplayEntry(tenant, bureau.person.scope.principal_id, (Mark(bytes(32), 1, 2),), "redact", "{}")
    listing.add(entry)
    with listing.path.open("a") as file:
        file.write(entry.line()[:40])
    listing.add(entry)
    assert listing.entries(tenant) == [entry]
    assert listing.path.stat().st_mode & 0o077 == 0


async def test_an_erasure_that_was_killed_is_finished(
    app: Deskmind, desk_home: Path, tmp_path: Path, admin: Admin, bureau: Bureau
) -> None:
    marker = tmp_path / "reached"
    words = [str(desk_home), bureau.operator.scope.tenant, str(marker), NAME]
    with subprocess.Popen([sys.executable, "-c", _SCRIPT, *words], env=dict(os.environ)) as process:
        deadline = time.monotonic() + 60
        while not marker.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert marker.exists()
        process.send_signal(signal.SIGKILL)
    (left,) = await bureau.operator.privacy.erasures()
    assert left.state == "waiting"
    assert "privacy_erasures" not in holding(await dumped(admin, bureau.operator), "quorn"), (
        "it waits encrypted"
    )
    (done,) = await bureau.operator.privacy.resume()
    assert (done.erasure_id, done.state) == (left.erasure_id, "done")
    await bureau.operator.knowledge.add("late.md", NOTE.replace(b"# VPN", b"# Late VPN"))
    assert not set(holding(await dumped(admin, bureau.operator), "quorn", "zilpha")) - {"audit_events"}
