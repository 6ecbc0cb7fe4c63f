"""The synchronous desk: it offers all that the asynchronous one does, and does it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deskmind import BlockingDesk, BlockingDeskmind
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ClosedError, InvalidRequestError, PermissionDeniedError
from deskmind.prompts import Message
from deskmind.prompts.experiments import Variant
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox


def _public(part: object) -> dict[str, Callable[..., Any]]:
    return {
        name: getattr(part, name)
        for name, value in vars(type(part)).items()
        if not name.startswith("_") and inspect.isfunction(value)
    }


def _parts(desk: Desk) -> dict[str, object]:
    return {name: part for name, part in vars(desk).items() if not name.startswith("_")}


@pytest.fixture
def blocking(operator: Desk) -> BlockingDesk:
    """The same desk, never run."""
    return BlockingDesk(operator, None)  # type: ignore[arg-type]


async def test_every_public_method_of_every_part_has_a_counterpart(
    operator: Desk, blocking: BlockingDesk
) -> None:
    parts = _parts(operator)
    assert {"knowledge", "models", "prompts", "conversations"} <= set(parts)
    compared = 0
    for path, part in {"": operator, **parts}.items():
        mirror = getattr(blocking, path) if path else blocking
        for name, method in _public(part).items():
            if name in {
                "acting_for",
                "agent",
            }:  # one gives a desk, there a blocking one; the other what agents.run takes
                continue
            call = getattr(mirror, name, None)
            assert call is not None, f"desk.{path}.{name} has no blocking counterpart"
            assert inspect.signature(call) == inspect.signature(method), f"desk.{path}.{name}"
            assert call.__doc__ == method.__doc__
            assert not inspect.iscoroutinefunction(call)
            compared += 1
    assert compared > 50


async def test_a_script_without_await(desk_home: Path, app: Deskmind, sandbox: ModelSandbox) -> None:
    """Runs in a thread, where it blocks nobody but itself; the session's application holds the home open."""
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    said = "Renew the parking permit in the portal [1]."
    sandbox.script([said, said, "a b c", "a b c d"])

    def script() -> None:
        with BlockingDeskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            answer={"threshold": 0.0, "model": "fast", "remember": False},
            models={"fast": {"deployments": [deployment], "retries": 0}},
        ) as opened:
            _use(opened)
        with pytest.raises(ClosedError, match="The application is closed"):
            opened.create_tenant("late")

    await asyncio.to_thread(script)


def _use(opened: BlockingDeskmind) -> None:
    opened.create_tenant("waiting")
    assert "waiting" in {tenant.slug for tenant in opened.tenants.all()}
    operator = opened.desk(tenant="waiting")
    operator.add_user("ann")
    operator.knowledge.add("parking.md", b"# Parking\n\nRenew the parking permit in the portal.")
    key = operator.keys.create("ann")
    ann = opened.authenticate(key.secret)
    assert ann.scope.principal == "ann"

    answer = ann.ask("How do I renew the parking permit?", conversation="new")
    assert (answer.mode, answer.found) == ("generated", True)
    assert ann.conversations.get(UUID(answer.conversation)).about.turn_count == 2
    pieces = list(ann.ask_stream("How do I renew the parking permit?"))
    assert len(pieces) > 3
    assert pieces[-1].answer is not None
    for event in ann.ask_stream("How do I renew the parking permit?"):
        assert event.text
        break  # leaving early is no error

    with ann.models.stream("fast", [{"role": "user", "content": "hello"}]) as stream:
        assert "".join(piece.text for piece in stream)
    assert stream.response is not None
    assert {info.name for info in ann.models.list()} == {"fast"}
    assert ann.usage.report(["feature"])
    operator.budgets.set("daily", window="day", tokens=10**9)
    assert [budget.name for budget, _ in operator.budgets.list()] == ["daily"]

    shared = operator.prompts.export("answer")
    operator.prompts.import_(shared.replace("Be brief", "Be very brief"))
    operator.experiments.start("brief", "answer", [Variant("control", 0), Variant("brief", 1)])
    assert ann.experiments.assign("brief").variant in {"control", "brief"}
    talk = ann.conversations.create("VPN", messages=[Message("user", "It fails.")])
    ann.conversations.erase(talk.about.conversation_id)

    with pytest.raises(InvalidRequestError):
        ann.ask(" ")
    with pytest.raises(InvalidRequestError):
        list(ann.ask_stream(" "))
    with pytest.raises(PermissionDeniedError):
        ann.keys.all()
    assert operator.audit(limit=1)
