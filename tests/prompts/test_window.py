"""The context window: what always holds, whatever is put into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.errors import ConfigurationError, ContextTooLongError
from deskmind.prompts import (
    DEFAULT_SHARES,
    ContextWindow,
    DropMarker,
    Estimate,
    FirstSentences,
    FittedContext,
    Message,
    NumberedPassage,
    PartName,
    Share,
    TokenCounter,
)


@dataclass(frozen=True)
class Characters:
    """One token a character: sums are exact."""

    name: str = "characters"
    exact: bool = True

    def count(self, text: str) -> int:
        return len(text)


@dataclass(frozen=True)
class Perverse:
    """The whole costs more than its parts."""

    name: str = "perverse"
    exact: bool = False

    def count(self, text: str) -> int:
        return len(text) + len(text) ** 2 // 500


@dataclass(frozen=True)
class Case:
    limit: int
    reply: int
    counter: TokenCounter
    shares: dict[PartName, Share]
    question: str
    system: str
    memory: list[str]
    passages: list[NumberedPassage]
    history: list[Message]
    summary: str

    @property
    def window(self) -> ContextWindow:
        return ContextWindow(self.limit, reply=self.reply, counter=self.counter, shares=self.shares)

    async def fit(self) -> FittedContext | None:
        try:
            return await self.window.fit(
                self.question,
                system=self.system,
                memory=self.memory,
                passages=self.passages,
                history=self.history,
                summary=self.summary,
            )
        except ContextTooLongError:
            messages = [Message("user", self.question)]
            if self.system:
                messages.insert(0, Message("system", self.system))
            assert self.window.total(messages) > self.limit
            return None


_SENTENCE = st.text("ab .\n1é漢😀", max_size=60)


def _turn(kind: str, number: int, text: str) -> Message:
    if kind in {"user", "assistant"}:
        return Message("user" if kind == "user" else "assistant", text)
    return Message(
        "tool_call" if kind == "call" else "tool_result", text, call_id=f"c{number}", tool="search"
    )


_HISTORY = st.lists(
    st.builds(_turn, st.sampled_from(["user", "assistant", "call", "result"]), st.integers(0, 4), _SENTENCE),
    max_size=12,
)


def _passages(texts: list[tuple[str, float]]) -> list[NumberedPassage]:
    return [NumberedPassage(number, text, score) for number, (text, score) in enumerate(texts, 1)]


def _shares(order: list[int], minima: list[float], maxima: list[float]) -> dict[PartName, Share]:
    return {
        name: Share(priority, low, max(low, high))
        for name, priority, low, high in zip(DEFAULT_SHARES, order, minima, maxima, strict=True)
    }


_SHARES = st.builds(
    _shares,
    st.permutations([1, 2, 3]),
    st.lists(st.sampled_from([0.0, 0.1, 0.3]), min_size=3, max_size=3),
    st.lists(st.sampled_from([0.2, 0.5, 1.0]), min_size=3, max_size=3),
)
_GREEDY = st.builds(_shares, st.permutations([1, 2, 3]), st.just([0.0] * 3), st.just([1.0] * 3))


def cases(
    counters: Sequence[TokenCounter], shares: st.SearchStrategy[dict[PartName, Share]]
) -> st.SearchStrategy[Case]:
    return st.builds(
        Case,
        limit=st.integers(60, 900),
        reply=st.integers(0, 50),
        counter=st.sampled_from(counters),
        shares=shares,
        question=_SENTENCE,
        system=_SENTENCE,
        memory=st.lists(_SENTENCE, max_size=4),
        passages=st.lists(st.tuples(_SENTENCE, st.sampled_from([0.1, 0.5, 0.9])), max_size=6).map(_passages),
        history=_HISTORY,
        summary=st.just("") | _SENTENCE,
    )


ANY = cases([Estimate(), Characters(), Perverse()], _SHARES)


@settings(max_examples=300)
@given(ANY)
async def test_the_limit_is_never_exceeded(case: Case) -> None:
    fitted = await case.fit()
    if fitted is not None:
        assert case.window.total(fitted.messages) == fitted.decision.used <= case.limit


@settings(max_examples=200)
@given(ANY)
async def test_question_and_instructions_are_whole(case: Case) -> None:
    fitted = await case.fit()
    if fitted is not None:
        assert fitted.messages[-1].role == "user"
        assert fitted.messages[-1].content.endswith(case.question)
        if case.system:
            assert fitted.messages[0].content.startswith(case.system)


@settings(max_examples=300)
@given(ANY)
async def test_a_call_and_its_result_are_never_apart(case: Case) -> None:
    fitted = await case.fit()
    if fitted is None:
        return
    answerable: set[str] = set()
    for turn in fitted.history:
        if turn.role == "tool_call":
            answerable.add(turn.call_id)
        if turn.role == "tool_result":
            assert turn.call_id in answerable
    kept = [any(turn is kept for kept in fitted.history) for turn in case.history]
    calls: dict[str, int] = {}
    for index, turn in enumerate(case.history):
        if turn.role == "tool_call":
            calls[turn.call_id] = index
        elif turn.role == "tool_result" and turn.call_id in calls:
            assert kept[index] == kept[calls[turn.call_id]]


@settings(max_examples=200)
@given(ANY)
async def test_what_is_kept_is_whole_and_best(case: Case) -> None:
    fitted = await case.fit()
    if fitted is None:
        return
    kept = {passage.number for passage in fitted.passages}
    dropped = [passage for passage in case.passages if passage.number not in kept]
    assert all(one.score >= other.score for one in fitted.passages for other in dropped)
    for passage in fitted.passages:
        assert passage.rendered() in fitted.messages[-1].content
    assert list(fitted.memory) == case.memory[: len(fitted.memory)]
    turns = [turn for turn in case.history if any(turn is kept for kept in fitted.history)]
    assert list(fitted.history) == turns
    count = fitted.decision.kept
    assert (count["passages"], count["memory"], count["history"]) == (
        len(fitted.passages),
        len(fitted.memory),
        len(fitted.history),
    )


@settings(max_examples=300)
@given(cases([Characters()], _GREEDY))
async def test_nothing_important_is_dropped_for_the_less_important(case: Case) -> None:
    """What was dropped would not have fitted even if every part of lower priority had been dropped."""
    fitted = await case.fit()
    if fitted is None:
        return
    decision = fitted.decision
    for part, share in case.shares.items():
        gone = [item for item in decision.dropped if item.part == part and item.reason != "orphan"]
        if not gone:
            continue
        lower = sum(
            decision.tokens[name] for name, other in case.shares.items() if other.priority < share.priority
        )
        spare = case.limit - case.window.total(
            [Message("system", case.system), Message("user", case.question)]
        )
        higher = sum(
            decision.tokens[name] for name, other in case.shares.items() if other.priority >= share.priority
        )
        reserve = DropMarker().tokens + 40 if part == "history" else 0
        assert gone[0].tokens + reserve > spare - higher, (lower, decision.explain())


@settings(max_examples=200)
@given(cases([Characters()], _SHARES))
async def test_the_decision_accounts_for_everything(case: Case) -> None:
    fitted = await case.fit()
    if fitted is None:
        return
    decision = fitted.decision
    labels = [item.what for item in decision.dropped]
    assert len(labels) == len(set(labels))
    assert decision.kept["passages"] + sum(item.part == "passages" for item in decision.dropped) == len(
        case.passages
    )
    assert decision.kept["memory"] + sum(item.part == "memory" for item in decision.dropped) == len(
        case.memory
    )
    room = case.limit - case.window.total([Message("system", case.system), Message("user", case.question)])
    for part, share in case.shares.items():
        assert decision.tokens[part] <= max(room, 0) * share.maximum + 1e-9
    json.dumps(decision.as_dict())
    assert all(label in decision.explain() for label in labels)


def dialogue(turns: int) -> list[Message]:
    return [
        Message("user" if n % 2 == 0 else "assistant", f"Turn {n}. " + "word " * 40) for n in range(turns)
    ]


async def test_everything_is_kept_when_it_fits() -> None:
    history = dialogue(6)
    fitted = await ContextWindow(8000, reply=500).fit(
        "Why?", system="Be brief.", memory=["Prefers German"], passages=[NumberedPassage(1, "Text", 1.0, "VPN")],
        history=history, summary="They spoke about VPN.",
    )  # fmt: skip
    assert fitted.decision.dropped == ()
    assert fitted.messages[0].content == (
        "Be brief.\n\nMemory:\n\n- Prefers German\n\nSummary of earlier turns:\n\nThey spoke about VPN."
    )
    assert fitted.messages[1:-1] == tuple(history)
    assert fitted.messages[-1].content == "Passages:\n\n[1] VPN\nText\n\nWhy?"


async def test_old_turns_leave_a_marker() -> None:
    fitted = await ContextWindow(700, reply=100).fit("Why?", history=dialogue(20))
    missing = 20 - len(fitted.history)
    assert 0 < len(fitted.history) < 20
    assert fitted.summary == f"[{missing} earlier turns left out]"
    assert fitted.summary in fitted.messages[0].content
    assert fitted.decision.summarised == missing
    assert f"a summary stands for {missing} turns" in fitted.decision.explain()


async def test_a_summariser_gets_what_is_left_out_and_is_held_to_its_room() -> None:
    seen: list[Message] = []

    class Talkative:
        tokens = 50

        async def summarise(self, turns: Sequence[Message], *, previous: str, max_tokens: int) -> str:
            seen.extend(turns)
            return f"{previous} and " + "very " * 1000

    history = dialogue(20)
    window = ContextWindow(700, reply=100, summariser=Talkative())
    fitted = await window.fit("Why?", history=history, summary="Before")
    assert [*seen, *fitted.history] == history
    assert fitted.summary.startswith("Before and very")
    assert fitted.summary.endswith("…")
    assert Estimate().count(fitted.summary) <= 50


async def test_first_sentences_stand_for_old_turns() -> None:
    history = [
        Message("user", "VPN fails. It is urgent."),
        Message("tool_call", "{}", "c", "look"),
        *dialogue(20),
    ]
    window = ContextWindow(900, reply=100, summariser=FirstSentences(tokens=400, chars=20))
    fitted = await window.fit("Why?", history=history)
    assert "user: VPN fails.\n" in fitted.summary + "\n"
    assert "urgent" not in fitted.summary


async def test_the_newest_turn_comes_before_a_summary() -> None:
    window = ContextWindow(200, reply=0, counter=Characters())
    fitted = await window.fit("Q", history=[Message("user", "old" * 60), Message("assistant", "n" * 120)])
    assert [turn.content for turn in fitted.history] == ["n" * 120]
    assert fitted.summary == ""


async def test_a_question_that_does_not_fit_says_so() -> None:
    window = ContextWindow(100, reply=50)
    with pytest.raises(ContextTooLongError, match="The question does not fit") as caught:
        await window.fit("word " * 200)
    assert caught.value.details["limit"] == 100
    assert caught.value.details["tokens"] > 100
    with pytest.raises(ContextTooLongError, match="question and the instructions"):
        await window.fit("Why?", system="word " * 200)


async def test_the_markup_of_ones_own_template_is_counted() -> None:
    passages = [NumberedPassage(n, "x" * 10, -n) for n in range(10)]
    plain = ContextWindow(200, reply=0, counter=Characters())
    marked = ContextWindow(200, reply=0, counter=Characters(), per_passage=30)
    assert len((await marked.fit("Q", passages=passages)).passages) < len(
        (await plain.fit("Q", passages=passages)).passages
    )


def test_windows_that_cannot_be() -> None:
    with pytest.raises(ConfigurationError, match="cannot leave 100"):
        ContextWindow(100, reply=100)
    with pytest.raises(ConfigurationError, match="does not hold"):
        Share(1, minimum=0.5, maximum=0.4)
    with pytest.raises(ConfigurationError, match="at most 1 together"):
        ContextWindow(
            100, reply=1, shares={**DEFAULT_SHARES, "memory": Share(1, 0.95), "history": Share(2, 0.1)}
        )
