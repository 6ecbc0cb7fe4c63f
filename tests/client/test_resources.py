"""Each resource of a real service, driven by the client over real sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest
from fastapi import FastAPI

from deskmind.agents.workflows import Flow, workflow
from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.client import AsyncClient, Body
from deskmind.client.made.resources import OPERATIONS
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    ConversationNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    QuestionTooLongError,
)

_VPN = "# VPN token\n\n## Delivery\n\nA new VPN token arrives within 20 minutes.\n"
_QUESTION = "How long does a VPN token take?"


@pytest.fixture(scope="module", autouse=True)
async def vpn(client: AsyncClient) -> None:
    assert (await client.documents.add("vpn.md", _VPN, groups=["hr"])).stored == 1


def read(told: Any) -> None:
    """Everything that an answer holds, at any depth: what is not of its type raises."""
    if isinstance(told, Body):
        for name in get_type_hints(type(told)):
            if not name.startswith("_"):
                read(getattr(told, name))
    elif isinstance(told, dict):
        for value in cast("dict[str, Any]", told).values():
            read(value)
    elif isinstance(told, tuple):
        for item in cast("tuple[Any, ...]", told):
            read(item)


_NEEDED = {
    "reportUsage": {"by": ["model"]},
    "reportQuality": {"by": "day"},
    "checkAccess": {"permission": "knowledge:ask"},
}
_READING = ("list", "show", "report", "review", "check", "health", "ready")
_LISTS = [
    name
    for name in OPERATIONS
    if name.startswith(_READING)
    and name
    not in {"listDeliveries", "listPromptVersions", "listRecords", "listAgentVersions", "showConnectorSecret"}
    and name not in {"listTenants", "listInstallationActs", "listClosedAccounts"}  # of who operates it
]


@pytest.mark.parametrize("operation", [*_LISTS, "getPolicy", "getPolicySchema"])
async def test_what_is_listed_is_of_its_types(client: AsyncClient, operation: str) -> None:
    resource, _, method = OPERATIONS[operation].rpartition(".")
    read(await getattr(getattr(client, resource), method)(**_NEEDED.get(operation, {})))


async def test_documents_from_disk_in_pages(client: AsyncClient, tmp_path: Path) -> None:
    made = [tmp_path / f"note-{number}.md" for number in range(4)]
    for number, file in enumerate(made):
        file.write_text(f"# Note {number}\n\nThe badge of floor {number} is at the desk.\n")
        assert (await client.documents.upload(file, uri=f"notes/{number}", source="notes")).stored == 1
    assert (await client.documents.upload(made[0], uri="notes/0", source="notes")).unchanged == 1
    found = {one.uri: one async for one in client.documents.each(limit=2)}
    assert {f"notes/{number}" for number in range(4)} <= found.keys()
    gone = found["notes/3"].document_id
    await client.documents.delete(gone)
    with pytest.raises(NotFoundError) as caught:
        await client.documents.get(gone)
    assert caught.value.details["request_id"].startswith("req_")


async def test_a_question_and_what_is_told_of_it(client: AsyncClient) -> None:
    passage = (await client.search("VPN", limit=3, filter={"media_type": "text/markdown"})).passages[0]
    assert (await client.documents.get(passage.document_id)).text[passage.start : passage.end] == passage.text
    answer = await client.ask(_QUESTION, conversation="new")
    assert "20 minutes" in answer.text
    read(answer)
    streamed = [one async for one in client.ask_stream(_QUESTION)]
    assert streamed[-1].name == "answer"
    places = [one.id.partition(".") for one in streamed]
    assert [place for _, _, place in places] == [str(number + 1) for number in range(len(streamed))]
    assert len({stream for stream, _, _ in places}) == 1

    turns = (await client.conversations.get(answer.conversation)).turns
    assert [turn.role for turn in turns] == ["user", "assistant"]
    await client.conversations.append_turns(answer.conversation, [{"role": "user", "content": "Thank you."}])
    assert (await client.conversations.rename(answer.conversation, "Tokens")).turn_count == 3
    await client.conversations.erase(answer.conversation)
    with pytest.raises(ConversationNotFoundError):
        await client.conversations.get(answer.conversation)

    read(await client.requests.explain(answer.request_id))
    rated = await client.feedback.give(answer.request_id, "down", reason="outdated", correction="30 minutes")
    assert (rated.rating, rated.correction) == ("down", "30 minutes")
    assert [one.request_id async for one in client.feedback.each(limit=1)] == [answer.request_id]


async def test_prompts_and_experiments(client: AsyncClient) -> None:
    file = (await client.prompts.export("answer")).text
    saved = await client.prompts.save(file=file, note="as it was")
    assert saved.version == 1
    read(await client.prompts.list_versions("answer"))
    assert (await client.prompts.move_label("answer", "staging", 1)).version == 1
    messages = (await client.prompts.render("answer", values={"question": "x", "passages": []})).messages
    assert messages[0].role == "system"
    await client.experiments.start(
        "brief", "answer", [{"name": "a", "version": 0}, {"name": "b", "version": 1}]
    )
    read(await client.experiments.get_report("brief"))
    assert not (await client.experiments.stop("brief")).running


async def test_governance(client: AsyncClient) -> None:
    await client.budgets.set("month", "month", usd="25.50", per=["user"])
    budget = (await client.budgets.list()).budgets[0]
    assert budget.usd == Decimal("25.50")
    await client.budgets.delete("month")

    await client.roles.define("reader", ["documents:read"], description="reads")
    granted = await client.grants.grant_role("reader", user="boss")
    assert granted.holder == "boss"
    await client.grants.revoke_role("reader", user="boss")
    await client.roles.delete("reader")
    assert "reader" not in {one.name for one in (await client.roles.list()).roles}

    hold = await client.privacy.place_hold("case 7", subject="boss")
    await client.privacy.release_hold(hold.hold_id)
    assert hold.hold_id not in {one.hold_id for one in (await client.privacy.list_holds()).holds}
    read(await client.privacy.export_person("boss"))
    bundle = await client.evidence.make("article30", "2026-01-01T00:00:00Z")  # type: ignore[arg-type]
    assert bundle.startswith(b"PK")


async def test_nobodys_change_is_overwritten_unseen(client: AsyncClient) -> None:
    made = await client.conversations.create(title="VPN")
    read_first = await client.conversations.get(made.conversation_id)
    assert read_first.etag
    assert made.etag == ""
    renamed = await client.conversations.rename(made.conversation_id, "VPN token", if_match=read_first.etag)
    assert renamed.title == "VPN token"
    with pytest.raises(PreconditionFailedError, match="not what the request expects"):
        await client.conversations.rename(made.conversation_id, "Other", if_match=read_first.etag)
    with pytest.raises(PreconditionFailedError):
        await client.conversations.erase(made.conversation_id, if_match=read_first.etag)
    now = await client.conversations.get(made.conversation_id)
    assert now.title == "VPN token"
    await client.conversations.erase(made.conversation_id, if_match=now.etag)


async def test_memories(client: AsyncClient) -> None:
    made = await client.memories.add("The printer is on floor 2.", subject="printer")
    assert (await client.memories.correct(made.memory_id, pinned=True)).pinned
    read(await client.memories.recall("Where is the printer?"))
    await client.memories.forget(made.memory_id)
    with pytest.raises(NotFoundError):
        await client.memories.get(made.memory_id)


@workflow("client-greet")
async def greet(flow: Flow, who: str = "Ann") -> str:
    """Says a word."""
    return await flow.step("word", lambda: _said(who))


async def _said(who: str) -> str:
    return f"Hello {who}"


async def test_a_run_of_a_workflow_is_followed(client: AsyncClient, app: Deskmind) -> None:
    app.register_workflow(greet)
    begun = await client.workflows.start("client-greet", input={"who": "Bob"})
    events = [event async for event in client.runs.follow(begun.run_id)]
    read(events[-1].data)
    assert events[-1].data.output == "Hello Bob"  # type: ignore[union-attr]
    told = [event.name for event in events]
    assert told.count("step") >= 1
    details = await client.runs.get(begun.run_id)
    assert (details.run.state, [step.name for step in details.steps]) == ("done", ["word"])
    assert (await client.runs.replay(begun.run_id)).complete


async def test_errors_are_those_of_the_service(
    client: AsyncClient, address: str, make_key: Callable[[str, str], Awaitable[str]]
) -> None:
    with pytest.raises(QuestionTooLongError) as caught:
        await client.ask("x" * 100_000)
    assert caught.value.remedy
    async with AsyncClient(address, api_key="dk_nobody") as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.documents.list()
    async with AsyncClient(address, api_key=await make_key("req1", "member")) as member:
        assert [one.title for one in (await member.documents.list()).documents]
        with pytest.raises(PermissionDeniedError):
            await member.access.review()
    async with AsyncClient(address) as nobody:
        assert (await nobody.operations.health()).status == "ok"
        with pytest.raises(AuthenticationError, match="carries no API key"):
            await nobody.documents.list()


async def test_an_ask_that_is_sent_again_is_done_once(client: AsyncClient, owner: Desk) -> None:
    """The key of one request, as an attempt after a lost answer has it."""
    from deskmind.client._call import Call

    sender: Any = cast("Any", client)._sender
    call = Call("POST", "/v1/ask", body={"question": _QUESTION, "conversation": "new"})
    headers = sender._headers_of(call)
    async with sender._answered(call, headers, seconds=60) as first:
        told = await first.json()
    async with sender._answered(call, headers, seconds=60) as second:
        assert await second.json() == told
        assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("name", ["a b+ü", "50% & more?#;", "...", ".hidden", "%2e%2e", "back\\slash"])
async def test_a_name_of_any_other_letters_arrives_as_it_is(client: AsyncClient, name: str) -> None:
    await client.groups.add(name)
    assert name in {one.name for one in (await client.groups.list()).groups}


async def test_a_model_whose_name_has_slashes_is_found(
    desk_home: Path,
    serving: Callable[[FastAPI], AbstractAsyncContextManager[str]],
    make_key: Callable[[str, str], Awaitable[str]],
) -> None:
    deployment = {"model": "echo", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}
    async with (
        Deskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            api={"embedded_worker": False},
            models={"vendor/fast": {"deployments": [deployment]}},
        ) as app,
        serving(create_app(app=app)) as address,
        AsyncClient(address, api_key=await make_key("req2", "member")) as member,
    ):
        assert {one.id for one in (await member.models.list()).data} == {"vendor/fast"}
        assert (await member.models.get("vendor/fast")).id == "vendor/fast"
