"""What a shield takes out of a request reaches no provider, and stands in the reply again, however it is cut."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ContentFilteredError
from deskmind.gateway import Caller, ChatRequest, Gateway, MemoryLedger, WordShield
from deskmind.gateway.shield import Placeholders, Protected, ProtectedTexts, changed_request
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall

_NAME = 'Ada "the Countess" Lovelace'
_CUTTABLE = "<NAME {}>"
"""The sandbox cuts streams before words, so it cuts this in two."""
Open = Callable[..., Gateway]


def _ask(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


@pytest.fixture
def seen(sandbox: ModelSandbox) -> list[str]:
    """The bodies of chat requests; the model answers with the last message, as a tool's argument when it has one."""
    bodies: list[str] = []

    def reply(body: dict[str, Any]) -> Reply:
        bodies.append(json.dumps(body))
        said = body["messages"][-1]["content"]
        if body.get("tools"):
            return Reply(tool_calls=(ToolCall("reset", {"user": said}), ToolCall("tell", {"to": [said]})))
        return Reply(text=json.dumps({"about": said}) if body.get("response_format") else said)

    sandbox.manner.reply = reply
    return bodies


@pytest.fixture
def shielded(open_gateway: Open) -> Gateway:
    """A gateway that takes out one name."""
    return open_gateway(shield=WordShield([_NAME], placeholder=_CUTTABLE))


_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("reset", "tell")
]


async def test_the_provider_sees_a_placeholder_and_the_caller_the_name(
    shielded: Gateway, seen: list[str]
) -> None:
    reply = await shielded.chat("m", _ask(f"Unlock {_NAME} and {_NAME}"))
    assert reply.text == f"Unlock {_NAME} and {_NAME}"
    assert reply.raw is not None
    assert reply.raw["choices"][0]["message"]["content"] == reply.text
    (body,) = seen
    assert "Countess" not in body
    assert json.loads(body)["messages"][0]["content"] == "Unlock <NAME 1> and <NAME 1>"


async def test_a_stream_that_cuts_a_placeholder_in_two_never_shows_it(
    shielded: Gateway, sandbox: ModelSandbox, seen: list[str]
) -> None:
    async with await shielded.stream("m", _ask(f"{_NAME} and then {_NAME} <NAME")) as stream:
        pieces = [piece async for piece in stream]
    assert "".join(piece.text for piece in pieces) == f"{_NAME} and then {_NAME} <NAME"
    assert not any("<NAME 1" in piece.text for piece in pieces)
    raw = [piece.raw for piece in pieces if piece.raw and piece.raw.get("choices")]
    assert "".join(item["choices"][0]["delta"].get("content") or "" for item in raw) == stream.response.text  # type: ignore[union-attr]
    assert stream.response is not None
    assert stream.response.text.startswith(_NAME)
    assert stream.response.outcome == "settled"
    assert stream.response.usage.output_tokens == (await sandbox.book.settled()).billed_output_tokens
    assert "Countess" not in seen[0]


@pytest.mark.parametrize("streamed", [False, True])
async def test_arguments_of_tools_are_restored_as_json(
    shielded: Gateway, seen: list[str], streamed: bool
) -> None:
    if streamed:
        async with await shielded.stream("m", _ask(_NAME), tools=_TOOLS) as stream:
            pieces = [piece async for piece in stream]
        reply = stream.response
        assert reply is not None
        by_index: dict[int, str] = {}
        for part in (part for piece in pieces for part in piece.tool_calls):
            by_index[part.index] = by_index.get(part.index, "") + part.arguments
        assert [by_index[index] for index in sorted(by_index)] == [
            call.arguments for call in reply.tool_calls
        ]
    else:
        reply = await shielded.chat("m", _ask(_NAME), tools=_TOOLS)
        assert reply.raw is not None
        raw = reply.raw["choices"][0]["message"]["tool_calls"]
        assert [call["function"]["arguments"] for call in raw] == [
            call.arguments for call in reply.tool_calls
        ]
    assert [(call.name, json.loads(call.arguments)) for call in reply.tool_calls] == [
        ("reset", {"user": _NAME}),
        ("tell", {"to": [_NAME]}),
    ]
    assert "Countess" not in seen[0]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_reply_in_json_stays_json(shielded: Gateway, seen: list[str], streamed: bool) -> None:
    wanted = {"response_format": {"type": "json_object"}}
    if streamed:
        async with await shielded.stream("m", _ask(_NAME), **wanted) as stream:
            text = "".join([piece.text async for piece in stream])
    else:
        text = (await shielded.chat("m", _ask(_NAME), **wanted)).text
    assert json.loads(text) == {"about": _NAME}
    assert "Countess" not in seen[0]


async def test_history_tools_and_schemas_are_protected_too(shielded: Gateway, seen: list[str]) -> None:
    arguments = json.dumps({"user": _NAME, "note": f"for {_NAME}"})
    call = {"id": "c1", "type": "function", "function": {"name": "reset", "arguments": arguments}}
    parameters = {
        "type": "object",
        "description": f"of {_NAME}",
        "properties": {"title": {"type": "string", "enum": [_NAME], "default": {"a": _NAME}}},
    }
    await shielded.chat(
        "m",
        [
            {"role": "system", "content": [{"type": "text", "text": f"Serve {_NAME}"}]},
            {"role": "user", "name": _NAME, "content": "Reset it"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": f"{_NAME} is reset"},
        ],
        tools=[
            {
                "type": "function",
                "function": {"name": "reset", "description": _NAME, "parameters": parameters},
            }
        ],
        stop=[_NAME],
        user=_NAME,
        metadata={"for": _NAME},
    )
    (body,) = seen
    assert "Countess" not in body
    sent = json.loads(body)
    assert "name" not in sent["messages"][1]
    assert json.loads(sent["messages"][2]["tool_calls"][0]["function"]["arguments"])["note"] == "for <NAME 1>"
    assert sent["tools"][0]["function"]["parameters"]["properties"]["title"]["enum"] == ["<NAME 1>"]
    assert sent["tools"][0]["function"]["parameters"]["properties"]["title"]["type"] == "string"


async def test_embeddings_and_rankings_are_made_of_placeholders(
    open_gateway: Open, sandbox: ModelSandbox, named: Callable[..., dict[str, Any]]
) -> None:
    models = {"e": named("echo-embed"), "r": named("echo-rerank")}
    shielded, plain = open_gateway(models, shield=WordShield(["Ada", "Bob"])), open_gateway(models)
    found = await shielded.embed("e", ["Ada met Bob", "printer"], user="Bob")
    wanted = await plain.embed("e", ["<WORD_1> met <WORD_2>", "printer"])
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    assert sandbox.book.entries[0].user == "<WORD_2>"
    ranking = await shielded.rerank("r", "where is Ada", ["Bob is here", "Ada is here"])
    assert ranking.results[0][0] == 1  # the same name is the same placeholder in query and documents


async def test_a_stream_left_early_is_counted_as_the_provider_did(
    open_gateway: Open, sandbox: ModelSandbox, named: Callable[..., dict[str, Any]]
) -> None:
    ledger = MemoryLedger()
    models = {"m": {"deployments": [named("echo-50")], "retries": 0, "drain": 5.0}}
    gateway = open_gateway(models, shield=WordShield([_NAME], placeholder=_CUTTABLE), ledger=ledger)
    async with await gateway.stream("m", _ask(f"unlock {_NAME} now")) as stream:
        async for _ in stream:
            break
    await gateway.close()
    book = await sandbox.book.settled()
    (row,) = ledger.entries
    assert row.outcome == "settled"
    assert row.usage.output_tokens == book.billed_output_tokens == 50


async def test_a_restarted_stream_restores_from_the_beginning(
    open_gateway: Open, sandbox: ModelSandbox, named: Callable[..., dict[str, Any]]
) -> None:
    sandbox.faults.add("cut_after", after=2, model="echo-6")  # in the middle of the placeholder
    models = {
        "m": {
            "deployments": [named("echo-6"), named("echo-b-6")],
            "retries": 1,
            "backoff": 0.0,
            "restart_broken_streams": True,
        }
    }
    gateway = open_gateway(models, shield=WordShield([_NAME], placeholder=_CUTTABLE))
    text = ""
    async with await gateway.stream("m", _ask(f"unlock {_NAME}")) as stream:
        async for piece in stream:
            text = piece.text if piece.restarted else text + piece.text
    assert text == f"unlock {_NAME} unlock {_NAME}"


class _Refusing(WordShield):
    """Lets nothing through."""

    async def protect(self, request: ChatRequest, caller: Caller) -> Protected:
        raise ContentFilteredError("The request holds a password.")

    async def protect_texts(self, texts: Sequence[str], caller: Caller) -> ProtectedTexts:
        raise ContentFilteredError("The text holds a password.")


async def test_what_a_shield_refuses_is_neither_sent_nor_booked(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    gateway = open_gateway(shield=_Refusing([]), ledger=ledger)
    for call in (
        gateway.chat("m", _ask("hello")),
        gateway.stream("m", _ask("hello")),
        gateway.embed("m", ["hello"]),
        gateway.rerank("m", "hello", ["hello"]),
    ):
        with pytest.raises(ContentFilteredError):
            await call
    assert not sandbox.book.entries
    assert not ledger.entries


async def test_replies_are_remembered_by_what_the_model_sees(
    operator: Desk, desk_home: Any, app: Deskmind, sandbox: ModelSandbox
) -> None:
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        models={"fast": deployment},
        shield=WordShield(["Ada", "Bob"]),
    ) as shielded:
        desk = await shielded.desk(tenant=operator.scope.tenant)
        first = await desk.models.chat("fast", _ask("unlock Ada"), temperature=0)
        second = await desk.models.chat("fast", _ask("unlock Bob"), temperature=0)
    assert (first.text, second.text) == ("unlock Ada", "unlock Bob")
    assert second.outcome == "free"
    assert len(sandbox.book.entries) == 1


_names = st.lists(st.text("<A1 >", min_size=1, max_size=5), min_size=1, max_size=5, unique=True)


@given(names=_names, text=st.text("<A1 >x", max_size=60), cuts=st.lists(st.integers(0, 60), max_size=20))
def test_restoring_does_not_depend_on_where_a_stream_is_cut(
    names: list[str], text: str, cuts: list[int]
) -> None:
    restorer = Placeholders({name: f"[{number}]" for number, name in enumerate(names)})
    whole = restorer.flow(json=False)
    wanted = whole.feed(text) + whole.end()
    flow = restorer.flow(json=False)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    assert "".join(flow.feed(piece) for piece in pieces) + flow.end() == wanted


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(arguments=st.dictionaries(st.text(max_size=5), _values, max_size=3), content=st.text(max_size=20))
def test_a_change_that_changes_nothing_leaves_the_request_as_it_was(arguments: Any, content: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps(arguments)}}
    request = ChatRequest(
        [{"role": "user", "content": content}, {"role": "assistant", "content": None, "tool_calls": [call]}],
        5,
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": arguments}}], "seed": 1},
    )
    same = changed_request(request, lambda text: text)
    assert same.options == request.options
    assert same.messages[0] == request.messages[0]
    sent = same.messages[1]["tool_calls"][0]["function"]
    assert json.loads(sent["arguments"]) == arguments
