"""A request fits the model, keeps the best passages whole, and says what it left out."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ContextTooLongError
from deskmind.knowledge.answering.room import ModelRoom, model_room
from deskmind.knowledge.answering.wording import History, Wording
from deskmind.knowledge.models import Passage
from deskmind.prompts import Estimate, Message, PromptTemplate, Variable
from deskmind.prompts.choice import PromptChoice, PromptUse, shared_choice
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

_TWICE = PromptTemplate(
    "answer",
    [
        ("system", "Answer."),
        ("user", "{% for p in passages %}{{ p.text }} {{ p.text|escape }} [{{ p.number }}]\n{% endfor %}"),
        ("user", "{{ question }}"),
    ],
    {"question": Variable(), "passages": Variable("list")},
)
"""A tenant's prompt that shows each passage twice: no plan by size foresees that."""


def _passage(number: int, text: str) -> Passage:
    return Passage(str(number), "d", f"Title {number}", "u", (), text, 0, len(text), 1.0)


_texts = st.builds(
    lambda piece, times: piece * times, st.text("ab <&>1é.\n", min_size=5, max_size=30), st.integers(1, 40)
)
_passages = st.lists(_texts, min_size=1, max_size=12).map(
    lambda texts: [_passage(number, text) for number, text in enumerate(texts)]
)
_turns = st.lists(st.text("ab c.", min_size=1, max_size=300), max_size=10).map(
    lambda texts: tuple(
        Message("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)
    )
)


@given(_passages, _turns, st.text("xy ", max_size=100), st.integers(500, 3000), st.booleans())
async def test_a_request_never_exceeds_the_window(
    passages: list[Passage], turns: tuple[Message, ...], summary: str, limit: int, twice: bool
) -> None:
    choice = PromptChoice(PromptUse("answer", 1), _TWICE) if twice else shared_choice("answer")
    room = ModelRoom(limit, limit // 4, Estimate())
    wording = Wording(choice, room, "Why & when?", History(turns, summary))
    try:
        request = await wording.request(passages)
    except ContextTooLongError:
        return
    counted = sum(room.counter.count(message["content"]) + 4 for message in request.messages) + 3 + room.reply
    assert counted == request.decision.used <= limit
    assert request.passages == tuple(passages[: len(request.passages)])
    assert request.passages
    asked = request.messages[-1]["content"]
    assert "Why & when?" in asked
    said = "".join(message["content"] for message in request.messages)
    for number, passage in enumerate(request.passages, 1):  # whole, with the number that a citation names
        assert f"[{number}]" in said or f'number="{number}"' in said
        assert html.escape(passage.text, quote=False) in said
    assert request.decision.kept["passages"] == len(request.passages)
    assert len([item for item in request.decision.dropped if item.part == "passages"]) == len(passages) - len(
        request.passages
    )


async def test_a_small_models_window_bounds_the_request_and_the_answer_explains_it(
    operator: Desk, modelled: Deskmind, desk_home: Any, sandbox: ModelSandbox
) -> None:
    for number in range(8):
        text = (
            f"# Permit {number}\n\n" + f"The parking permit number {number} is renewed in the portal. " * 20
        )
        await operator.knowledge.add(f"permit{number}.md", text.encode())
    small = {
        "model": "echo",
        "base_url": f"{sandbox.base_url}/v1",
        "api_key": DEFAULT_KEY,
        "max_input_tokens": 1_500,
        "max_output_tokens": 100,
    }
    large = {**small, "name": "large", "max_input_tokens": 100_000}
    sandbox.script(["The parking permit is renewed in the portal [1]."])
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.0, "model": "small"},
        models={"small": [large, small]},
    ) as app:
        desk = await app.desk(tenant=operator.scope.tenant)
        answer = await desk.ask("How is the parking permit renewed?")
    assert answer.found, answer.note
    assert answer.window is not None
    assert (answer.window.limit, answer.window.tokens["reply"]) == (1_500, 100)
    assert answer.window.used <= 1_500
    assert answer.window.kept["passages"] < len(answer.passages)
    assert len(answer.window.dropped) == len(answer.passages) - answer.window.kept["passages"]
    assert "dropped passage" in answer.window.explain()


async def test_what_cannot_fit_is_answered_from_the_documents(operator: Desk, modelled: Deskmind) -> None:
    template = _TWICE.as_dict()
    template["messages"][0]["content"] = "Rule. " * 20_000
    await operator.prompts.save(PromptTemplate.from_dict(template), label="production")
    await operator.knowledge.add("parking.md", b"# Parking\n\nRenew the permit in the portal.")
    answer = await (await modelled.desk(tenant=operator.scope.tenant)).ask("How do I renew the permit?")
    assert (answer.mode, answer.found, answer.prompt) == ("extractive", True, None)
    assert "context-too-long" in answer.note


async def test_a_question_that_no_prompt_takes_is_answered_from_the_documents(
    operator: Desk, desk_home: Path, sandbox: ModelSandbox
) -> None:
    await operator.knowledge.add("parking.md", b"# Parking\n\nRenew the permit in the portal.")
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing", "max_question_chars": 20_000},
        answer={"threshold": 0.0, "model": "fast"},
        models={"fast": deployment},
    ) as app:
        desk = await app.desk(tenant=operator.scope.tenant)
        answer = await desk.ask("How do I renew the permit? " + "Please. " * 1_100)
    assert (answer.mode, answer.found) == ("extractive", True)
    assert "prompt-variable" in answer.note
    assert not sandbox.book.entries


async def test_a_reply_takes_a_quarter_of_a_small_room(modelled: Deskmind, tmp_path: Path) -> None:
    room = await model_room(await modelled.gateway(), "fast", limit=900, reply=600, tokenizers=tmp_path)
    assert (room.limit, room.reply, room.counter.exact) == (900, 225, False)


def test_history_is_nothing_when_empty() -> None:
    assert not History()
    assert replace(History(), summary="x")


@pytest.mark.parametrize("declares", [True, False])
async def test_turns_stand_before_the_question_and_the_summary_is_told(declares: bool) -> None:
    choice = shared_choice("answer") if declares else PromptChoice(PromptUse("answer", 1), _TWICE)
    turns = (Message("user", "The VPN fails."), Message("assistant", "Restart it. [2]"))
    wording = Wording(choice, ModelRoom(4000, 100, Estimate()), "And now?", History(turns, "Was about VPN."))
    request = await wording.request([_passage(1, "Reboot.")])
    said = [message["content"] for message in request.messages]
    assert said.index("The VPN fails.") + 1 == said.index("Restart it.") == len(said) - 2
    assert any("Was about VPN." in text for text in said)
    assert "And now?" in said[-1]
