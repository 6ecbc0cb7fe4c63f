"""Runs scripts of `clients/` in the environment of the vendors' unmodified clients (`make clients`)."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".clients" / "bin" / "python"
needs_clients = pytest.mark.skipif(
    not PYTHON.exists(), reason="the vendors' clients are not installed (`make clients` installs them)"
)


async def run(script: str, *arguments: str) -> Any:
    """What a script tells as JSON on its last line, run as its own program."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))
    }
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        Path(__file__).parent / "clients" / script,
        *arguments,
        env={**inherited, "NO_PROXY": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()[-3000:]
    return json.loads(told.decode().strip().splitlines()[-1])
