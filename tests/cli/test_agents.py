"""``deskmind agent`` and ``deskmind approvals``, from a run that asks to the answer."""

from __future__ import annotations

import asyncio

from tests.cli.conftest import Said


async def test_a_run_that_asks_is_answered_and_shown(said: Said) -> None:
    await asyncio.to_thread(_the_whole_path, said)


def _the_whole_path(said: Said) -> None:
    said("tenant", "create", "acme")
    said("user", "add", "ann")
    said("access", "grant", "technician", "--user", "ann")
    run = said(
        "agent", "run", "use ask_person please", "-i", "Ask.", "-m", "fast", "--tool", "ask_person", "-u", "ann"
    )  # fmt: skip
    assert run["state"] == "waiting"
    (proposal,) = said("approvals", "list")
    assert (proposal["tool"], proposal["kind"]) == ("ask_person", "question")
    assert said("approvals", "show", proposal["proposal_id"])["state"] == "open"
    said("approvals", "approve", proposal["proposal_id"], "--answer", "the blue one", "-u", "ann")
    done = said("agent", "resume", run["run_id"], "-u", "ann")
    assert done["state"] == "done"
    shown = said("agent", "show", run["run_id"])
    assert "the blue one" in [step["text"] for step in shown["steps"]]
    assert [one["run_id"] for one in said("agent", "list")] == [run["run_id"]]
    assert said("agent", "stop", "ask_person", "--reason", "test")["stopped"] is True
    assert said("agent", "allow", "ask_person")["stopped"] is False
