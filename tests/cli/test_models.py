"""Models, usage and budgets on the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.cli.models import moment
from deskmind.cli.root import app as command
from deskmind.errors import InvalidRequestError
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A provider in a thread of its own, since each command has an event loop of its own."""
    import asyncio

    started, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with ModelSandbox() as sandbox:
            found.append(sandbox.base_url)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    yield found[0]
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def run(address: str, running_home: Path) -> Callable[..., str]:
    models = {
        "fast": {"model": "echo", "base_url": f"{address}/v1", "api_key": DEFAULT_KEY, "price": {"input": "1", "output": "2"}},
        "wrong": {"model": "echo", "base_url": f"{address}/v1", "api_key": "sk-very-wrong-key", "name": "wrong"},
    }  # fmt: skip
    env = {
        "DESKMIND_HOME": str(running_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_MODELS": json.dumps(models),
    }

    def call(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(command, list(words), env=env)
        assert result.exit_code == code, (words, result.output, result.stderr)
        assert "sk-very-wrong-key" not in result.output + result.stderr
        return result.stdout

    call("tenant", "create", "acme")
    return call


def test_models_are_listed_with_prices_and_tried(run: Callable[..., str]) -> None:
    listed: Any = json.loads(run("models", "list", "--json"))
    assert [item["model"] for item in listed] == ["fast", "wrong"]
    assert listed[0]["deployments"][0]["price"]["output"] == "2"
    assert listed[1]["deployments"][0]["price"] is None
    assert "unknown" in run("models", "list")
    tried: Any = json.loads(run("models", "test", "--json", code=1))
    assert [(item["model"], item["state"]) for item in tried] == [
        ("fast", "ok"),
        ("wrong", "provider-authentication"),
    ]
    assert "answers" in run("models", "test", "fast")
    run("models", "test", "nope", code=66)


def test_usage_is_reported_and_budgets_are_set(run: Callable[..., str]) -> None:
    run("models", "test", "fast")
    (line,) = [
        line
        for line in json.loads(run("usage", "report", "--by", "feature,outcome", "--since", "1h", "--json"))
        if line["outcome"] == "settled"
    ]
    assert line["feature"] == "probe"
    assert float(line["cost_usd"]) > 0
    assert "probe" in run("usage", "report", "--by", "feature")
    run("usage", "report", "--by", "nonsense", code=65)
    run("usage", "report", "--since", "yesterday", code=65)
    run("budget", "set", "tight", "--window", "day", "--usd", "0.5", "--per", "user")
    (budget,) = json.loads(run("budget", "list", "--json"))
    assert (budget["usd"], budget["per"]) == ("0.5", ["user"])
    assert "tight" in run("budget", "list")
    run("budget", "set", "tight", "--usd", "100")
    (budget,) = json.loads(run("budget", "list", "--json"))
    assert budget["usd"] == "100"
    run("budget", "set", "tight", "--usd", "much", code=65)
    run("budget", "delete", "tight")
    run("budget", "delete", "tight", code=66)
    assert json.loads(run("budget", "list", "--json")) == []


def test_times_are_dates_or_ages() -> None:
    assert moment(None) is None
    recent, old = moment("24h"), moment("2026-01-31")
    assert recent is not None
    assert old is not None
    assert recent > old
    assert old.tzinfo is not None
    with pytest.raises(InvalidRequestError, match="not a time"):
        moment("soon")
    with pytest.raises(InvalidRequestError, match="not a time"):
        moment("999999d")


def test_usage_over_all_tenants(run: Callable[..., str]) -> None:
    run("tenant", "create", "globex")
    for tenant in ("acme", "globex"):
        run("models", "test", "fast", "--tenant", tenant)
    report = ("usage", "report", "--all-tenants", "--by", "tenant")
    found = {row["tenant"]: row["calls"] for row in json.loads(run(*report, "--json"))}
    assert found.keys() == {"acme", "globex"}
    assert run(*report).splitlines()[0].split("\t")[0] == "tenant"
    run("usage", "report", "--all-tenants", "--by", "tenant,user", code=65)
