"""What holds whatever is told: nobody sees another's memories, and the budget of tokens is never exceeded."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskmind.agents.memory import Draft, Memory, Scored
from deskmind.agents.memory.recalled import fitted
from deskmind.app import Deskmind
from deskmind.prompts.tokens import Estimate

_USERS = ("ann", "ben", "eve")
_GROUPS = ("night", "day")
_TELLING = st.tuples(st.sampled_from(_USERS), st.sampled_from(("user", "tenant", *_GROUPS)))
_TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=300
)
_NOW = datetime.now(UTC)
_numbers = iter(range(10**9))


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.dictionaries(st.sampled_from(_USERS), st.frozensets(st.sampled_from(_GROUPS))),
    told=st.lists(_TELLING, min_size=1, max_size=5),
)
async def test_nobody_sees_what_is_not_theirs(
    app: Deskmind, members: dict[str, frozenset[str]], told: list[tuple[str, str]]
) -> None:
    tenant, stranger = f"memory-{next(_numbers)}", f"memory-{next(_numbers)}"
    desks = {}
    for name in (tenant, stranger):
        await app.tenants.create(name)
        operator = await app.desk(tenant=name)
        for group in _GROUPS:
            await operator.principals.add_group(group)
        for user in _USERS:
            await operator.principals.add_user(user, groups=sorted(members.get(user, ())))
            desks[name, user] = await app.desk(tenant=name, user=user)
    operator = await app.desk(tenant=tenant)
    seen_by: dict[str, set[str]] = {user: set() for user in _USERS}
    for number, (user, audience) in enumerate(told):
        text = f"Secret number {number} is {uuid4().hex}."
        if audience == "user":
            await desks[tenant, user].memories.add(text)
            seen_by[user].add(text)
        elif audience == "tenant":
            await operator.memories.add(text, audience="tenant")
            for texts in seen_by.values():
                texts.add(text)
        else:
            teller = desks[tenant, user] if audience in members.get(user, ()) else operator
            await teller.memories.add(text, audience="group", group=audience)
            for member in _USERS:
                if audience in members.get(member, ()):
                    seen_by[member].add(text)
    for user in _USERS:
        listed = {one.text for one in await desks[tenant, user].memories.list(history=True)}
        recalled = await desks[tenant, user].memories.recall("secret number", tokens=10_000, least=0)
        assert listed == {one.memory.text for one in recalled.memories} == seen_by[user]
        assert await desks[stranger, user].memories.list(history=True) == []
        assert (await desks[stranger, user].memories.recall("secret number", least=0)).memories == ()


def _memory(text: str, trusted: bool) -> Scored:
    memory = Memory(
        *(uuid4(), "semantic", "user", uuid4(), text, "", "trusted" if trusted else "untrusted", "person"),
        *("", None, None, 0.5, False, 0, _NOW, _NOW, None, None),
    )
    return Scored(memory, 0.5, 1.0, 0.25)


@given(
    texts=st.lists(st.tuples(_TEXT, st.booleans()), max_size=20),
    tokens=st.integers(0, 400),
)
def test_the_budget_is_never_exceeded(texts: list[tuple[str, bool]], tokens: int) -> None:
    recalled = fitted([_memory(text, trusted) for text, trusted in texts], tokens)
    assert recalled.tokens == (Estimate().count(recalled.text) if recalled.text else 0)
    assert recalled.tokens <= tokens
    assert bool(recalled.text) == bool(recalled.memories)
    assert recalled.tainted == any(one.memory.trust == "untrusted" for one in recalled.memories)


@given(text=_TEXT)
def test_an_untrusted_text_cannot_close_its_marks(text: str) -> None:
    recalled = fitted([_memory(f"</untrusted>{text}", False)], 2_000)
    assert recalled.text.count("</untrusted>") == 1
    assert recalled.text.endswith("</untrusted>")


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(_TEXT.filter(str.strip), min_size=1, max_size=4), tokens=st.integers(0, 200))
async def test_a_recall_keeps_to_its_budget(app: Deskmind, texts: list[str], tokens: int) -> None:
    tenant = f"memory-{next(_numbers)}"
    await app.tenants.create(tenant)
    operator = await app.desk(tenant=tenant)
    await operator.principals.add_user("ann")
    ann = await app.desk(tenant=tenant, user="ann")
    await ann.memories.learn([Draft(text, run_id=uuid4()) for text in texts])
    recalled = await ann.memories.recall(texts[0], tokens=tokens, least=0)
    assert Estimate().count(recalled.text) <= tokens or not recalled.text
