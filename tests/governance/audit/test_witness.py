"""Witnesses: what is posted to them, what they give back, and what it shows when the database was rewritten."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web
from psycopg import AsyncConnection

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ConfigurationError, UnavailableError
from deskmind.governance.audit import Checkpoint, SigningKey
from deskmind.governance.audit import witness as witness_module
from deskmind.governance.audit import witnessing as witnessing_module
from deskmind.governance.audit.checkpoint import origin_of
from deskmind.governance.audit.tree import Frontier
from deskmind.governance.audit.witness import FolderWitness, HttpWitness, notes_in
from deskmind.governance.audit.witnessing import Witnessing

TOKEN = "bearer-of-the-witness"


class Service:
    """A witness on a real socket; it answers with ``status`` so many times before it does its work."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.failing: list[int] = []
        self.asked = 0
        self.url = ""
        self.page = ""
        self.mute = False
        self.begun, self.over = asyncio.Event(), asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.mute:
            self.begun.set()
            await self.over.wait()
        if self.page:
            return web.Response(text=self.page)
        if self.failing:
            return web.Response(status=self.failing.pop(0), headers={"location": "/elsewhere"})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        if request.method == "POST":
            self.notes.append(await request.text())
            return web.Response(status=201)
        wanted = request.query["origin"]
        return web.Response(text="\n".join(note for note in self.notes if note.startswith(f"{wanted}\n")))

    def client(self, *, token: str = TOKEN, attempts: int = 3) -> HttpWitness:
        return HttpWitness(self.url, hosts=["127.0.0.1"], token=token, attempts=attempts, pause=0.0)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service, application = Service(), web.Application()
    application.router.add_route("*", "/checkpoints", service.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/checkpoints"
    yield service
    service.over.set()
    await runner.cleanup()


def _checkpoint(origin: str, size: int) -> Checkpoint:
    return SigningKey(bytes(32)).sign(origin, size, Frontier().root(), datetime.now(UTC))


async def test_what_is_posted_comes_back(service: Service, tmp_path: Path) -> None:
    mine = [_checkpoint("deskmind.audit/mine", size) for size in (1, 2)]
    for witness in (service.client(), FolderWitness(tmp_path / "kept")):
        for checkpoint in (*mine, _checkpoint("deskmind.audit/other", 7)):
            await witness.keep(checkpoint)
        assert await witness.copies("deskmind.audit/mine") == tuple(mine)
        assert await witness.copies("deskmind.audit/nobody") == ()


@pytest.mark.parametrize(
    "page", ["not a note", "<html>please log in</html>\n", "{note}\n{note}\n---", "{torn}{note}"]
)
async def test_what_is_no_checkpoint_is_not_passed_over(service: Service, tmp_path: Path, page: str) -> None:
    note = _checkpoint("deskmind.audit/mine", 1).note
    text = page.format(note=note, torn=note[:50])
    with pytest.raises(ValueError, match="checkpoint"):
        notes_in(text)
    service.page = text
    (tmp_path / "mine.notes").write_text(text, "utf-8")
    for witness in (service.client(), FolderWitness(tmp_path)):
        with pytest.raises(UnavailableError, match="does not give its checkpoints"):
            await witness.copies("deskmind.audit/mine")


async def test_the_newest_notes_are_read_however_many_are_before(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = _checkpoint("deskmind.audit/mine", 2)
    service.page = "\n" * 17 * 2**20 + newest.note
    assert await service.client().copies("deskmind.audit/mine") == (newest,)
    monkeypatch.setattr(witness_module, "_MOST_BYTES", 16 * 2**20)
    with pytest.raises(UnavailableError, match="more than 16 MiB"):
        await service.client().copies("deskmind.audit/mine")


async def test_a_note_that_was_torn_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness, file = FolderWitness(tmp_path), tmp_path / "mine.notes"
    notes = [_checkpoint("deskmind.audit/mine", size) for size in (1, 2, 3)]
    write = os.write
    await witness.keep(notes[0])
    with monkeypatch.context() as patched:
        patched.setattr(witness_module.os, "write", lambda at, note: write(at, note[:60]))
        with pytest.raises(UnavailableError, match="the disk is full"):
            await witness.keep(notes[1])
    assert await witness.copies("deskmind.audit/mine") == (notes[0],)
    for torn in (
        5,
        60,
        len(notes[1].note) - 1,
        len(notes[1].note),
    ):  # as when the machine ends while it writes
        file.write_text(f"{notes[0].note}\n{notes[1].note[:torn]}", "utf-8")
        await witness.keep(notes[2])
        kept = [notes[0], *notes[1 : 1 + (torn == len(notes[1].note))], notes[2]]
        assert await witness.copies("deskmind.audit/mine") == tuple(kept)


async def test_a_disk_that_is_not_mounted_is_not_replaced_by_this_one(tmp_path: Path) -> None:
    checkpoint = _checkpoint("deskmind.audit/mine", 1)
    away = tmp_path / "share" / "kept"
    for first in (True, False):
        with pytest.raises(UnavailableError, match="did not take"):
            await FolderWitness(away).keep(checkpoint, first=first)
    assert not away.parent.exists()
    away.mkdir(parents=True)  # an empty mount point
    with pytest.raises(UnavailableError, match="mounted"):
        await FolderWitness(away).keep(checkpoint, first=False)
    assert not list(away.iterdir())
    await FolderWitness(away).keep(checkpoint)
    await FolderWitness(away).keep(_checkpoint("deskmind.audit/other", 1), first=False)
    assert len(list(away.iterdir())) == 2


async def test_what_may_pass_is_tried_again_and_what_may_not_is_not(service: Service) -> None:
    service.failing = [503, 429]
    await service.client().keep(_checkpoint("log", 1))
    assert (len(service.notes), service.asked) == (1, 3)
    service.failing = [500, 500]
    with pytest.raises(UnavailableError, match="did not take"):
        await service.client(attempts=2).keep(_checkpoint("log", 2))
    service.asked = 0
    for given in (service.client(token="wrong"), service.client()):
        service.failing = [] if service.asked == 0 else [302]
        with pytest.raises(UnavailableError):
            await given.keep(_checkpoint("log", 3))
    assert service.asked == 2, "neither a refusal nor a redirection is followed"


@pytest.mark.parametrize(
    "url",
    [
        "http://witness.example/",
        "https://other.example/",
        "https://user:secret@witness.example/",
        "file:///x",
        "",
    ],
)
def test_only_named_hosts_are_posted_to(url: str) -> None:
    with pytest.raises(ConfigurationError, match="witness"):
        HttpWitness(url, hosts=["witness.example"])
    assert HttpWitness("https://witness.example/x", hosts=["witness.example"]).name == "http:witness.example"


async def test_the_newest_checkpoints_are_brought_once(
    app: Deskmind, operator: Desk, service: Service
) -> None:
    witnessing = _witnessing(app, service)
    await operator.principals.add_user("bob")
    await app.sealing.seal()
    assert (await witnessing.keep()).checkpoints > 0
    origin = origin_of(operator.scope.tenant_id)
    (copy,) = await service.client().copies(origin)
    assert copy == await operator.audit_log.checkpoint()
    assert (await witnessing.keep()).checkpoints == 0
    assert witnessing.lag() == 0.0
    await operator.principals.add_user("ann")
    await app.sealing.seal()
    service.failing = [400] * 100
    assert (await witnessing.keep()).refused >= 1
    assert (witnessing.lag() or 0) > 0
    service.failing = []
    assert (await witnessing.keep()).checkpoints >= 1
    assert len(await service.client().copies(origin)) == 2


async def test_a_witness_that_says_nothing_is_left_alone_and_shows(
    app: Deskmind, operator: Desk, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await operator.principals.add_user("ann")
    await app.sealing.seal()
    service.mute = True
    clock = [0.0]
    monkeypatch.setattr(witnessing_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    client = HttpWitness(service.url, hosts=["127.0.0.1"], token=TOKEN, attempts=1, timeout=60.0)
    endpoints = app.database.endpoints
    witnessing = Witnessing(endpoints.sealer, endpoints.schema, [client])
    begun = asyncio.create_task(witnessing.keep())
    await service.begun.wait()
    assert (witnessing.lag() or 0) > 0
    clock[0] = 3_600.0
    assert (witnessing.lag() or 0) > 0, "it still hangs"
    begun.cancel()
    with suppress(asyncio.CancelledError):
        await begun
    assert (witnessing.lag() or 0) > 0
    clock[0] = 7_200.0
    assert witnessing.lag() is None, "nothing is known any more"

    service.asked = 0
    quick = HttpWitness(service.url, hosts=["127.0.0.1"], token=TOKEN, attempts=1, timeout=0.2)
    witnessing = Witnessing(endpoints.sealer, endpoints.schema, [quick])
    kept = await witnessing.keep()
    assert (kept.checkpoints, service.asked) == (0, 1)
    assert kept.refused >= 2, "the tenant's log and the installation's"
    assert (witnessing.lag() or 0) > 0


async def test_a_witness_that_lost_what_it_took_is_found(
    app: Deskmind, operator: Desk, tmp_path: Path
) -> None:
    await operator.principals.add_user("ann")
    await app.sealing.seal()
    endpoints = app.database.endpoints
    witness = FolderWitness(tmp_path / "kept")
    await Witnessing(endpoints.sealer, endpoints.schema, [witness]).keep()
    keys = await app.sealing.public_keys()
    report = await operator.audit_log.verify(keys, witnesses=[witness])
    assert (report.holds, report.kept) == (True, 1)
    shutil.rmtree(tmp_path / "kept")
    report = await operator.audit_log.verify(keys, witnesses=[witness])
    assert [finding.kind for finding in report.findings] == ["unwitnessed"]
    await operator.principals.add_user("bob")
    await app.sealing.seal()
    round_ = await Witnessing(endpoints.sealer, endpoints.schema, [witness]).keep()
    assert (round_.checkpoints, (tmp_path / "kept").exists()) == (0, False)


async def test_a_log_cut_off_shows_against_the_witness(
    app: Deskmind, operator: Desk, service: Service
) -> None:
    await operator.principals.add_user("ann")
    await app.sealing.seal()
    await _witnessing(app, service).keep()
    tenant = operator.scope.tenant_id
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as admin:
        await admin.execute("DELETE FROM deskmind.audit_events WHERE tenant_id = %s", (tenant,))
        await admin.execute("DELETE FROM deskmind.audit_checkpoints WHERE tenant_id = %s", (tenant,))
    report = await operator.audit_log.verify(await app.sealing.public_keys(), witnesses=[service.client()])
    assert "missing" in {finding.kind for finding in report.findings}


async def test_the_configured_witnesses_are_used_and_judged(
    app: Deskmind, operator: Desk, desk_home: Path, service: Service, tmp_path: Path
) -> None:
    from deskmind.readiness.protection import audit_witness

    assert (await audit_witness(app)).state == "not assessed"
    audit = {
        "witness_url": service.url,
        "witness_hosts": ["127.0.0.1"],
        "witness_token": TOKEN,
        "checkpoints": tmp_path / "kept",
        "max_witness_lag": 1e-6,
    }
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, audit=audit) as opened:
        await operator.principals.add_user("ann")
        await opened.sealing.seal()
        assert (await audit_witness(opened)).state == "red"
        await opened.sealing.witness()
        assert (await audit_witness(opened)).state == "green"
        copies = await opened.sealing.copies(operator.scope.tenant_id)
        assert len(copies) == 2
        assert copies[0] == copies[1] == await operator.audit_log.checkpoint()


def _witnessing(app: Deskmind, service: Service) -> Witnessing:
    endpoints = app.database.endpoints
    return Witnessing(endpoints.sealer, endpoints.schema, [service.client()])
