"""A command here and on a service, for tests that compare the two."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from typer.testing import CliRunner, Result

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.desk import Desk

__all__ = ["Both", "Serving", "both_sides"]

Serving = Callable[[FastAPI], AbstractAsyncContextManager[str]]


@dataclass(frozen=True)
class Both:
    """The same command here and on the service."""

    home: Path
    server: str
    key_file: Path
    tenant: str
    env: dict[str, str]

    def run(self, *words: str | Path, here: bool = False, user: str = "", **env: str) -> Result:
        told = [str(word) for word in words]
        if here:
            told += ["--tenant", self.tenant, *(["--user", user] if user else [])]
        else:
            told = ["--server", self.server, "--key-file", str(self.key_file), *told]
        settings = {
            "DESKMIND_HOME": str(self.home),
            "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
            "DESKMIND_ANSWER_THRESHOLD": "0",
            **self.env,
            **env,
        }
        return CliRunner().invoke(command, told, env=settings)

    async def __call__(self, *words: str | Path, **more: Any) -> Result:
        """In a thread: the service is in this one."""
        return await asyncio.to_thread(lambda: self.run(*words, **more))

    async def done(self, *words: str | Path, code: int = 0, **more: Any) -> Any:
        """What it prints as JSON."""
        result = await self(*words, "--json", **more)
        assert result.exit_code == code, (words, result.output, result.exception)
        return json.loads(result.stdout)

    async def alike(self, *words: str | Path) -> Any:
        """What it prints as JSON, which is the same on both sides."""
        here, afar = await self.done(*words, here=True), await self.done(*words)
        assert afar == here, [(a, b) for a, b in zip(afar, here, strict=False) if a != b]
        return afar


@asynccontextmanager
async def both_sides(
    app: Deskmind,
    owner: Desk,
    serving: Serving,
    home: Path,
    key_file: Path,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[Both]:
    """Serve an application, with a key of the tenant's user ``boss`` in a file."""
    key_file.touch(0o600)
    key_file.write_text((await owner.keys.create("boss")).secret + "\n")
    async with serving(create_app(app=app)) as address:
        yield Both(home, address, key_file, owner.scope.tenant, dict(env or {}))
