"""Requests that Schemathesis makes up from the OpenAPI document, against a real service: ``make fuzz``.

Twice: as the owner of a tenant that has something of everything in it, and as two of its requesters, who must not see
what is the other's. The exit code is 1 where a check fails, the document is not valid, or the service has logged an
error that nobody foresaw.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from soak.stage import Stage, staged
from tests.fuzz.furnishing import OWNER, PEERS, furnish

from deskmind import Deskmind
from deskmind.demo import load_company
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.settings import load_settings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = ROOT / ".venv" / "fuzz" / "bin"
REPORTS = ROOT / ".reports" / "fuzz"
OWNERS_SHARE = 0.7
_QUIET = {
    "limits": {"refused": ""},
    "log": {"level": "warning"},
    "knowledge": {"embedder": "hashing"},
    "answer": {"threshold": "0"},
}


async def run(seconds: int, more: Sequence[str]) -> list[str]:
    """What was found wrong; nothing where all is right.

    Args:
        seconds: for both passes together.
        more: further arguments of Schemathesis.
    """
    async with staged(**_QUIET) as stage, ServiceNowSandbox(size="tiny") as box:
        async with Deskmind.open(load_settings(**stage.settings)) as app:
            keys = await furnish(app, load_company().tenant, box)
        wrong = await _validate(stage)
        share = round(seconds * OWNERS_SHARE)
        for name, users, given in (("owner", (OWNER,), share), ("requesters", PEERS, seconds - share)):
            print(f"as {name}, {given} s", flush=True)
            if await _generate(stage, name, {user: keys[user] for user in users}, given, more) != 0:
                wrong.append(f"checks failed as {name}: see above, and {REPORTS / name}")
        wrong.extend(_unforeseen(Path(stage.settings["home"])))
        if stage.service.returncode is not None:
            wrong.append(f"the service ended with exit code {stage.service.returncode}")
    return wrong


async def _generate(
    stage: Stage, name: str, keys: Mapping[str, str], seconds: int, more: Sequence[str]
) -> int:
    with tempfile.TemporaryDirectory() as folder:
        config = _configured(Path(folder), keys)
        process = await asyncio.create_subprocess_exec(
            *(
                str(TOOLS / "schemathesis"),
                "--config-file",
                str(config),
                "run",
                f"{stage.base_url}/openapi.json",
            ),
            *("--max-time", str(seconds), "--warnings", "off"),
            *("--report", "ndjson", "--report-dir", str(REPORTS / name)),
            *more,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "COLUMNS": "120", "PYTHONPATH": str(HERE)},
        )
        return await process.wait()


def _configured(folder: Path, keys: Mapping[str, str]) -> Path:
    """The configuration with the users' keys, which are not told on a command line."""
    users = folder / "users.json"
    named = [
        {"name": user, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
        for user, key in keys.items()
    ]
    users.write_text(json.dumps({"auth": named}), "utf-8")
    peers = f"peers = {json.dumps(list(keys))}\n" if len(keys) > 1 else ""
    config = folder / "schemathesis.toml"
    written = (HERE / "schemathesis.toml").read_text("utf-8")
    config.write_text(f"{written}\n[auth.wfc]\npath = {json.dumps(str(users))}\n{peers}", "utf-8")
    return config


async def _validate(stage: Stage) -> list[str]:
    """Whether the document is OpenAPI's."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        with urllib.request.urlopen(f"{stage.base_url}/openapi.json", timeout=60) as response:
            file.write(response.read())
        file.flush()
        process = await asyncio.create_subprocess_exec(str(TOOLS / "openapi-spec-validator"), file.name)
        return [] if await process.wait() == 0 else ["the document is not valid OpenAPI"]


def _unforeseen(home: Path) -> list[str]:
    """What the service's logs tell of errors."""
    logs = list(home.glob("service*.log"))
    if not logs:
        return ["the service's log was not found"]
    lines = [
        line for log in logs for line in log.read_text("utf-8").splitlines() if '"request.failed"' in line
    ]
    return [f"{len(lines)} errors nobody foresaw, the first: {lines[0][:3000]}"] if lines else []


def main() -> None:
    """Print what is wrong; exit code 1 where something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=900, help="for both passes together")
    given, more = parser.parse_known_args()
    wrong = asyncio.run(run(given.seconds, more))
    for one in wrong:
        print(one)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
