"""Commands against a service: the same output and exit codes as on the service's own machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.desk import Desk

_TENANT = "remote-commands"
_QUESTION = "How long does a VPN token take?"


@dataclass(frozen=True)
class Both:
    """The same command here and on the service."""

    home: Path
    server: str
    key_file: Path

    def run(self, *words: str | Path, here: bool = False, user: str = "", **env: str) -> Result:
        told = [str(word) for word in words]
        if here:
            told += ["--tenant", _TENANT, *(["--user", user] if user else [])]
        else:
            told = ["--server", self.server, "--key-file", str(self.key_file), *told]
        settings = {"DESKMIND_HOME": str(self.home), "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_ANSWER_THRESHOLD": "0", **env}
        return CliRunner().invoke(command, told, env=settings)

    async def __call__(self, *words: str | Path, **more: Any) -> Result:
        """In a thread: the service is in this one."""
        return await asyncio.to_thread(lambda: self.run(*words, **more))


@pytest.fixture(scope="module")
async def owner(app: Deskmind) -> Desk:
    await app.tenants.create(_TENANT)
    desk = await app.desk(tenant=_TENANT)
    await desk.principals.add_user("boss", role="operator")
    return desk


@pytest.fixture(scope="module")
async def both(
    app: Deskmind,
    owner: Desk,
    desk_home: Path,
    serving: Callable[[FastAPI], AbstractAsyncContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Both]:
    file = tmp_path_factory.mktemp("key") / "key"
    file.touch(0o600)
    file.write_text((await owner.keys.create("boss")).secret + "\n")
    async with serving(create_app(app=app)) as address:
        yield Both(desk_home, address, file)


@pytest.fixture(scope="module")
async def folder(both: Both, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documents")
    (made / "vpn.md").write_text("# VPN token\n\n## Delivery\n\nA new VPN token arrives within 20 minutes.\n")
    (made / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    return made


async def test_ingest(both: Both, folder: Path) -> None:
    afar = await both("ingest", folder, "--json")
    assert afar.exit_code == 65, (afar.output, afar.exception)
    here = await both("ingest", folder, "--json", here=True)
    print(afar.stdout, here.stdout)


CMDS = """
prompts render answer -s question=x -s passages:=[]
requests list
access check knowledge:ask
access review
connect list
sync status
top --once
redaction list
""".strip().splitlines()


@pytest.mark.parametrize("words", CMDS)
@pytest.mark.parametrize("j", [True, False])
async def test_all(both: Both, folder: Path, words: str, j: bool) -> None:
    w = words.split() + (["--json"] if j else [])
    afar = await both(*w)
    here = await both(*w, here=True, user="boss" if w[0] in ("feedback","requests") else "")
    msg = f"\nAFAR {afar.exit_code} {afar.stdout[:1500]} {afar.stderr[:600]} {afar.exception!r}\nHERE {here.exit_code} {here.stdout[:1500]} {here.stderr[:600]} {here.exception!r}"
    assert afar.exit_code == here.exit_code, msg
    assert afar.stdout == here.stdout, msg
