"""Other gateways as servers of their own, where they are installed: docs/gateway.md says how.

``BENCH_LITELLM`` and ``BENCH_TENSORZERO`` name Python environments, ``BENCH_PORTKEY`` a folder with ``node_modules``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.http_load import Endpoint

_START_SECONDS = 120
_LITELLM_KEY = "sk-bench"


@asynccontextmanager
async def peer_servers(upstream: str, key: str, folder: Path) -> AsyncGenerator[list[Endpoint]]:
    """LiteLLM's proxy and Portkey's gateway, one worker each, before the same provider."""
    async with AsyncExitStack() as running:
        peers: list[Endpoint] = []
        for start in (_litellm, _portkey):
            process, endpoint, alive = start(upstream, key, folder) or (None, None, "")
            if process is not None and endpoint is not None:
                running.callback(stop, process)
                await answering(f"http://127.0.0.1:{endpoint.port}{alive}", process)
                peers.append(endpoint)
        yield peers


def in_process_peer(upstream: str, key: str, folder: Path, calls: int) -> list[dict[str, Any]]:
    """TensorZero embedded, in a Python of its own."""
    python = _python("BENCH_TENSORZERO")
    if python is None:
        return []
    config = folder / "tensorzero.toml"
    config.write_text(
        "[gateway]\nobservability.enabled = false\n[models.fast]\nrouting = ['mock']\n[models.fast.providers.mock]\n"
        f"type = 'openai'\nmodel_name = 'echo'\napi_base = '{upstream}/v1'\napi_key_location = 'env::MOCK_KEY'\n"
    )
    script = Path(__file__).parent / "tensorzero_embedded.py"
    done = subprocess.run(
        [str(python), str(script), str(config), str(calls)],
        env={**os.environ, "MOCK_KEY": key},
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"case"')]


async def answering(address: str, process: subprocess.Popen[Any]) -> None:
    """Returns when a server answers, whatever it says."""
    for _ in range(_START_SECONDS * 10):
        if process.poll() is not None:
            break
        try:
            await asyncio.to_thread(urllib.request.urlopen, address, timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args} did not start")


def free_port() -> int:
    """A port nobody listens on now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_Started = tuple[subprocess.Popen[Any], Endpoint, str]


def _litellm(upstream: str, key: str, folder: Path) -> _Started | None:
    python = _python("BENCH_LITELLM")
    if python is None:
        return None
    parameters = {"api_base": f"{upstream}/v1", "api_key": key}
    config = folder / "litellm.yaml"  # JSON is YAML
    config.write_text(
        json.dumps(
            {
                "model_list": [
                    {"model_name": name, "litellm_params": {"model": f"openai/{model}", **parameters}}
                    for name, model in (("fast", "echo"), ("long", "echo-50"))
                ],
                "general_settings": {"master_key": _LITELLM_KEY},
            }
        )
    )
    port = free_port()
    words = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
    }
    process = _start([str(python.parent / "litellm"), *words], folder / "litellm.log", environment)
    headers = {"Authorization": f"Bearer {_LITELLM_KEY}"}
    endpoint = Endpoint("LiteLLM proxy", port, headers, "fast", "long", process=process.pid)
    return process, endpoint, "/health/liveliness"


def _portkey(upstream: str, key: str, folder: Path) -> _Started | None:
    given = os.environ.get("BENCH_PORTKEY")
    if not given:
        return None
    port = free_port()
    program = Path(given) / "node_modules/@portkey-ai/gateway/build/start-server.js"
    process = _start(["node", str(program), f"--port={port}", "--headless"], folder / "portkey.log", {})
    headers = {
        "Authorization": f"Bearer {key}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"{upstream}/v1",
    }
    return process, Endpoint("Portkey", port, headers, process=process.pid), "/"


def _start(command: list[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[Any]:
    with log.open("w") as output:
        return subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)


def stop(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _python(variable: str) -> Path | None:
    given = os.environ.get(variable)
    return Path(given) / "bin/python" if given else None
