"""The shield that redacts, on a gateway of its own: what a model sees, and what comes back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.errors import ContentBlockedError
from deskmind.gateway import Gateway, MemoryLedger, RedactionShield
from deskmind.gateway.messages import Caller, ChatRequest
from deskmind.governance.redaction import Action, EntityType, PatternDetector, RedactionPolicy, Redactor
from deskmind.sandbox.models import ModelSandbox, Reply, ToolCall

Open = Callable[..., Gateway]

_MAIL, _CARD, _PASSWORD = "ann@example.com", "4111 1111 1111 1111", "hunter2\\x!"
_CANARIES = (_MAIL, "4111", "hunter2")


def _say(*texts: str) -> list[dict[str, Any]]:
    roles = itertools.cycle(("user", "assistant"))
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]


@pytest.fixture
def bodies(sandbox: ModelSandbox) -> list[dict[str, Any]]:
    """Of the chat requests; the model says the last message back, in a tool's argument when it has one."""
    seen: list[dict[str, Any]] = []

    def reply(body: dict[str, Any]) -> Reply:
        seen.append(body)
        said = body["messages"][-1]["content"]
        if body.get("tools"):
            return Reply(tool_calls=(ToolCall("reset", {"user": said}),))
        return Reply(text=json.dumps({"about": said}) if body.get("response_format") else said)

    sandbox.manner.reply = reply
    return seen


def _shield(**actions: Action) -> RedactionShield:
    policy = RedactionPolicy({EntityType[name]: action for name, action in actions.items()})
    return RedactionShield(Redactor([PatternDetector()], policy=policy))


_TOOLS = [{"type": "function", "function": {"name": "reset", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("form", ["text", "json", "tools"])
async def test_the_model_sees_placeholders_and_the_caller_values(
    open_gateway: Open, bodies: list[dict[str, Any]], streamed: bool, form: str
) -> None:
    gateway = open_gateway(shield=_shield())
    said = f"Mail {_MAIL} about {_CARD}. His password: {_PASSWORD}"
    more: dict[str, Any] = {
        "text": {},
        "json": {"response_format": {"type": "json_object"}},
        "tools": {"tools": _TOOLS},
    }[form]
    if streamed:
        async with await gateway.stream("m", _say(said), **more) as stream:
            shown = "".join([piece.text async for piece in stream])
        reply = stream.response
        assert reply is not None
        assert reply.text == shown
    else:
        reply = await gateway.chat("m", _say(said), **more)
    got = {
        "text": lambda: reply.text,
        "json": lambda: json.loads(reply.text)["about"],
        "tools": lambda: json.loads(reply.tool_calls[0].arguments)["user"],
    }[form]()
    assert got == said
    sent = json.dumps(bodies)
    assert not [canary for canary in _CANARIES if canary in sent]
    assert "<EMAIL_ADDRESS_1>" in sent


async def test_what_is_found_in_one_message_is_hidden_in_all(
    open_gateway: Open, bodies: list[dict[str, Any]]
) -> None:
    """In a tool's arguments, where the model put it, a password stands without the words that tell it."""
    gateway = open_gateway(shield=_shield())
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "reset", "arguments": json.dumps({"secret": _PASSWORD, "by": {_MAIL: "owner"}})},
    }
    await gateway.chat(
        "m",
        [
            *_say(f"My password: {_PASSWORD}"),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": f"{_PASSWORD} is set"},
        ],
        metadata={"name": _MAIL},
        user=_MAIL,
    )
    (body,) = bodies
    assert not [canary for canary in _CANARIES if canary in json.dumps(body)]
    assert (
        json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"])["secret"] == "<PASSWORD_1>"
    )
    assert body["messages"][2]["content"] == "<PASSWORD_1> is set"


@pytest.mark.parametrize("streamed", [False, True])
async def test_numbers_in_arguments_are_redacted_as_texts_are(
    open_gateway: Open, sandbox: ModelSandbox, streamed: bool
) -> None:
    bodies: list[dict[str, Any]] = []

    def reply(body: dict[str, Any]) -> Reply:
        bodies.append(body)
        seen = json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"])
        return Reply(tool_calls=(ToolCall("reset", seen),))

    sandbox.manner.reply = reply
    number = 4111111111111111
    plain = {"amount": 3, "share": 0.5, "whole": 2.0, "sure": True, "none": None}
    arguments = json.dumps({"card": number, "cards": [float(number)], **plain})
    call = {"id": "c1", "type": "function", "function": {"name": "reset", "arguments": arguments}}
    history = [
        *_say("reset it"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": f"{number} is reset"},
    ]
    gateway = open_gateway(shield=_shield())
    if streamed:
        async with await gateway.stream("m", history, tools=_TOOLS) as stream:
            async for _ in stream:
                pass
        answer = stream.response
        assert answer is not None
    else:
        answer = await gateway.chat("m", history, tools=_TOOLS)
    (body,) = bodies
    assert "4111" not in json.dumps(body)
    sent = json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"])
    assert sent == {"card": "<CREDIT_CARD_1>", "cards": ["<CREDIT_CARD_1>"], **plain}
    assert body["messages"][2]["content"] == "<CREDIT_CARD_1> is reset"
    assert json.loads(answer.tool_calls[0].arguments) == {
        "card": str(number),
        "cards": [str(number)],
        **plain,
    }


async def test_a_conversation_sent_again_has_the_same_placeholders(
    open_gateway: Open, bodies: list[dict[str, Any]]
) -> None:
    gateway = open_gateway(shield=_shield())
    turns = [f"I am {_MAIL}", f"Hello {_MAIL}", "and bob@example.com is here", "fine", f"tell {_MAIL}"]
    await gateway.chat("m", _say(*turns[:3]))
    await gateway.chat("m", _say(*turns))
    assert bodies[1]["messages"][:3] == bodies[0]["messages"]
    assert bodies[1]["messages"][-1]["content"] == "tell <EMAIL_ADDRESS_1>"


async def test_a_placeholder_somebody_wrote_is_given_nobodys_value(
    open_gateway: Open, bodies: list[dict[str, Any]]
) -> None:
    """Whichever of the two comes first."""
    gateway = open_gateway(shield=_shield())
    reply = await gateway.chat("m", _say(f"I am {_MAIL}", "Yes?", "Who is <EMAIL_ADDRESS_1>?"))
    assert reply.text == "Who is <EMAIL_ADDRESS_1>?"
    assert bodies[0]["messages"][0]["content"] == "I am <EMAIL_ADDRESS_2>"


async def test_brackets_that_a_model_escapes_are_understood(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    gateway = open_gateway(shield=_shield())
    escaped = r'{"user": "\u003cEMAIL_ADDRESS_1\u003e"}'
    sandbox.manner.reply = lambda _: Reply(text=escaped)
    wanted = {"response_format": {"type": "json_object"}}
    reply = await gateway.chat("m", _say(_MAIL), **wanted)
    assert json.loads(reply.text) == {"user": _MAIL}
    async with await gateway.stream("m", _say(_MAIL), **wanted) as stream:
        assert json.loads("".join([piece.text async for piece in stream])) == {"user": _MAIL}


async def test_pictures_and_files_pass_unchanged() -> None:
    data = "QUtJQTQxMTExMTExMTExMTExMTEvand4111111111111111"
    content = [
        {"type": "text", "text": f"for {_MAIL}"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}"}},
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
    ]
    request = ChatRequest([{"role": "user", "content": content}], None, {})
    sent = (await _shield().protect(request, Caller())).request.messages[0]["content"]
    assert sent[0]["text"] == "for <EMAIL_ADDRESS_1>"
    assert sent[1:] == content[1:]


async def test_long_texts_are_redacted_too(open_gateway: Open, bodies: list[dict[str, Any]]) -> None:
    gateway = open_gateway(shield=_shield())
    said = f"{'The printer is on fire. ' * 2_000}{_MAIL}"
    reply = await gateway.chat("m", _say(said))
    assert reply.text == said
    assert _MAIL not in json.dumps(bodies)


async def test_what_the_policy_refuses_is_neither_sent_nor_booked(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    gateway = open_gateway(shield=_shield(CARD=Action.BLOCK), ledger=ledger)
    for call in (
        gateway.chat("m", _say(_CARD)),
        gateway.stream("m", _say(_CARD)),
        gateway.embed("m", [_CARD]),
        gateway.rerank("m", "who", [_CARD]),
    ):
        with pytest.raises(ContentBlockedError) as refused:
            await call
        assert "4111" not in json.dumps(refused.value.problem())
    assert not sandbox.book.entries
    assert not ledger.entries


async def test_models_may_be_left_out(
    open_gateway: Open, bodies: list[dict[str, Any]], named: Callable[..., dict[str, Any]]
) -> None:
    models = {"near": named("echo"), "far": named("echo", name="far")}
    gateway = open_gateway(models, shield=_shield(), unshielded=["near"])
    for model in models:
        await gateway.chat(model, _say(_MAIL))
    assert [body["messages"][0]["content"] for body in bodies] == [_MAIL, "<EMAIL_ADDRESS_1>"]


_PIECES = st.sampled_from([_MAIL, _CARD, "10.1.2.3", "<EMAIL_ADDRESS_1>", "\\u003c", 'a "quoted" word', "\n"])
_TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=12)), max_size=8).map(" ".join)


@settings(max_examples=60)
@given(texts=st.lists(_TEXTS, min_size=1, max_size=4), cuts=st.lists(st.integers(0, 400), max_size=20))
async def test_what_goes_out_comes_back_however_a_stream_is_cut(texts: list[str], cuts: list[int]) -> None:
    request = ChatRequest([{"role": "user", "content": text} for text in texts], None, {})
    protected = await _shield().protect(request, Caller())
    for sent, text in zip(protected.request.messages, texts, strict=True):
        if protected.restorer is None:
            assert sent["content"] == text
            continue
        for in_json in (False, True):
            said = json.dumps(sent["content"]) if in_json else sent["content"]
            flow = protected.restorer.flow(json=in_json)
            places = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
            shown = "".join(flow.feed(said[a:b]) for a, b in itertools.pairwise(places)) + flow.end()
            assert (json.loads(shown) if in_json else shown) == text
