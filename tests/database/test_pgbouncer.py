"""A real PgBouncer in transaction mode with two server connections between many desks and one server."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import AsyncConnection, OperationalError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskmind.app import Deskmind
from deskmind.desk import Desk

if shutil.which("pgbouncer") is None:
    pytest.skip(
        "the Debian package pgbouncer is not installed (.ci/run installs it)", allow_module_level=True
    )


@pytest.fixture
async def pooled(app: Deskmind, desk_home: Path, tmp_path: Path) -> AsyncIterator[Deskmind]:
    """An application on the session's server, reached through the pooler."""
    direct = conninfo_to_dict(app.database.endpoints.app)
    logins = [app.database.endpoints.app, app.database.endpoints.jobs, app.database.endpoints.ledger]
    pairs = [conninfo_to_dict(login) for login in logins]
    users = tmp_path / "users.txt"
    users.write_text("".join(f'"{pair["user"]}" "{pair["password"]}"\n' for pair in pairs))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host=127.0.0.1 port={direct['port']}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
        "default_pool_size = 2\nmax_client_conn = 100\nunix_socket_dir =\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    for path in (tmp_path, users, config):
        path.chmod(0o755)
    command = ["pgbouncer", *(["-u", "nobody"] if os.getuid() == 0 else []), str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = make_conninfo("", **{**direct, "port": str(port)})
    try:
        await _answering(address)
        async with Deskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            answer={"threshold": 0.0},
            database={
                "url": address,
                "owner_url": app.database.endpoints.admin,
                "name": str(direct["dbname"]),
            },
        ) as started:
            yield started
    finally:
        process.terminate()
        process.wait()


async def _answering(address: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                async with await AsyncConnection.connect(address):
                    return
            except OperationalError:
                await asyncio.sleep(0.05)


async def test_desks_that_share_two_server_processes_never_see_each_others_documents(
    pooled: Deskmind, operator: Desk, app: Deskmind, new_tenant: object
) -> None:
    names = [operator.scope.tenant, await new_tenant()]  # type: ignore[operator]
    desks = {name: await pooled.desk(tenant=name) for name in names}
    assert pooled.database.behind_pooler

    async def work(name: str) -> set[str]:
        seen: set[str] = set()
        for number in range(8):
            text = f"# Note {number}\n\nThe code word of {name} is {name}-{number}."
            report = await desks[name].knowledge.add(f"{number}.md", text.encode())
            assert report.count("stored") == 1
            seen |= {passage.text for passage in await desks[name].knowledge.search(f"code word {number}")}
            seen |= {item.title for item in await desks[name].knowledge.documents()}
            assert (await desks[name].ask(f"What is the code word {number}?")).found
        return seen

    found = await asyncio.gather(*(work(name) for name in names))
    for name, seen in zip(names, found, strict=True):
        assert any(name in text for text in seen)
        (other,) = set(names) - {name}
        assert not any(f"{other}-" in text for text in seen)


async def test_background_jobs_run_behind_a_pooler(pooled: Deskmind, operator: Desk) -> None:
    worker = asyncio.create_task(pooled.jobs.work())
    try:
        desk = await pooled.desk(tenant=operator.scope.tenant)
        report = await desk.knowledge.add("job.md", b"# Job\n\nDone in the background.")
        assert report.state == "done"
        assert [item.title for item in await desk.knowledge.documents()] == ["Job"]
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
