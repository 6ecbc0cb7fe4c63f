"""Runs a script in the environment of the vendors' unmodified clients (`make clients`)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".clients" / "bin" / "python"
needs_clients = pytest.mark.skipif(not PYTHON.exists(), reason="`make clients` has not been run")


async def run(script: str, *arguments: str) -> Any:
    """What the script prints as JSON on its last line."""
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-I", "-c", script, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()[-3000:]
    return json.loads(told.decode().strip().splitlines()[-1])
