"""Stored agents: versions that do not change, tests before publishing, runs of what is published."""

from __future__ import annotations

import pytest
from tests.agents.conftest import Brain, Person, wants

from deskmind.agents import ToolContext, tool
from deskmind.agents.definitions import AgentSpec, cases_from_file, spec_from_file, spec_to_file
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.prompts import PromptTemplate
from deskmind.prompts.messages import Message

_FILE = """
name: fixer
description: Restarts hosts.
instructions: Fix what hangs.
model: fast
tools: [look_at, restart_host]
limits: {steps: 4, usd: "0.05"}
memory: {tokens: 200}
"""
_CASES = """
- name: restarts the host
  prompt: web1 hangs
  script:
    - {call: look_at, with: {host: web1}}
    - {call: restart_host, with: {host: web1}}
    - {text: "web1 was restarted."}
  results: {look_at: "it hangs"}
  expect:
    calls: [look_at, restart_host]
    writes: {restart_host: one}
    contains: [restarted]
    steps: 3
    tainted: true
"""
restarted: list[str] = []


@tool()
async def look_at(context: ToolContext, host: str) -> str:
    """Look at a host."""
    raise AssertionError(f"a test of {host} calls nothing that it names a result of, {context}")


@tool(effect="write")
async def restart_host(context: ToolContext, host: str) -> str:
    """Restart a host."""
    del context
    restarted.append(host)
    return "restarted"


@pytest.fixture(autouse=True)
def tools(modelled: Deskmind) -> None:
    """Known to the application."""
    restarted.clear()
    for one in (look_at, restart_host):
        modelled.register_tool(one)


async def test_a_version_never_changes_and_publishing_moves_a_label(
    admin: Desk, ann: Desk, brain: Brain
) -> None:
    first = await admin.stored_agents.save(_FILE, note="first")
    again = await admin.stored_agents.save(spec_from_file(_FILE), note="the same")
    second = await admin.stored_agents.save(_FILE.replace("Fix what", "Mend what"))
    assert (first.version, again.version, again.note, second.version) == (1, 1, "first", 2)
    with pytest.raises(NotFoundError):
        await ann.stored_agents.run("fixer", "web1 hangs")
    await admin.stored_agents.publish("fixer")
    brain.says("Done.", "Done.", "Done.")
    run = await ann.stored_agents.run("fixer", "web1 hangs")
    assert (run.state, run.agent) == ("done", "fixer")
    assert "Mend what hangs." in brain.told()
    await admin.stored_agents.publish("fixer", 1)
    await ann.stored_agents.run("fixer", "web1 hangs")
    assert "Fix what hangs." in brain.told()
    await ann.stored_agents.run("fixer", "web1 hangs", version=2)
    assert "Mend what hangs." in brain.told()
    (listed,) = await ann.stored_agents.list()
    assert (listed.newest, listed.labels) == (2, {"production": 1})
    assert [one.labels for one in await ann.stored_agents.versions("fixer")] == [(), ("production",)]


async def test_the_file_is_what_is_kept(admin: Desk) -> None:
    saved = await admin.stored_agents.save(_FILE)
    assert spec_from_file(spec_to_file(saved.spec)) == saved.spec == spec_from_file(_FILE)
    definition = saved.spec.definition("told", 1)
    assert (definition.limits.steps, str(definition.limits.usd)) == (4, "0.05")
    assert definition.memory is not None
    assert definition.memory.tokens == 200


async def test_an_output_schema_is_kept_to(admin: Desk, ann: Desk, brain: Brain) -> None:
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
    await admin.stored_agents.save(
        AgentSpec(name="judge", instructions="Judge.", model="fast", output=schema)
    )  # pyright: ignore[reportCallIssue]
    await admin.stored_agents.publish("judge")
    brain.says("words", wants("final_result", sure=True))
    run = await ann.stored_agents.run("judge", "Judge this.")
    assert run.output == {"sure": True}


async def test_instructions_may_be_a_stored_prompt(admin: Desk, ann: Desk, brain: Brain) -> None:
    await admin.prompts.save(PromptTemplate("manner", [("system", "Be brief.")], {}), label="production")
    await admin.stored_agents.save("{name: brief, prompt: manner, model: fast}")
    await admin.stored_agents.publish("brief")
    brain.says("Yes.")
    await ann.stored_agents.run("brief", "Are you?")
    assert "Be brief." in brain.told()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "name: x",
        "{name: X, instructions: a, model: m}",
        "{name: runs, instructions: a, model: m}",
        "{name: x, instructions: a, prompt: b, model: m}",
        "{name: x, instructions: a, model: m, strange: 1}",
        "{name: x, instructions: a, model: m, output: {type: string}}",
        "{name: x, instructions: a, model: m, tools: [a, a]}",
        "{name: x, instructions: a, model: m, limits: {steps: 0}}",
        "a: &b [*b]",
    ],
)
async def test_what_describes_no_agent_is_refused(admin: Desk, text: str) -> None:
    with pytest.raises(InvalidRequestError):
        await admin.stored_agents.save(text)


async def test_cases_are_run_before_publishing_and_nothing_is_written(
    admin: Desk, ann: Desk, brain: Brain
) -> None:
    await admin.stored_agents.save(_FILE)
    report = await ann.stored_agents.test("fixer", cases_from_file(_CASES))
    assert report.passed, report.as_dict()
    assert (report.version, restarted, brain.asked) == (1, [], [])
    assert await admin.approvals.list() == []
    wrong = _CASES.replace("writes: {restart_host: one}", "writes: {}").replace(
        "steps: 3", "never: [look_at]"
    )
    report = await ann.stored_agents.test("fixer", cases_from_file(wrong))
    (result,) = report.results
    assert not report.passed
    assert len(result.problems) == 2


async def test_a_script_that_ends_too_early_fails_the_case(admin: Desk, ann: Desk) -> None:
    await admin.stored_agents.save(_FILE)
    short = cases_from_file(
        "[{name: short, prompt: web1 hangs, script: [{call: restart_host, with: {host: web1}}]}]"
    )
    report = await ann.stored_agents.test("fixer", short)
    assert "no further reply" in report.results[0].problems[0]


@pytest.mark.parametrize(
    "text", ["{}", "[]", "[{name: x}]", "[{name: x, prompt: y, script: [], strange: 1}]"]
)
def test_what_are_no_cases_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        cases_from_file(text)


async def test_technicians_run_and_do_not_define(ann: Desk, person: Person, admin: Desk) -> None:
    with pytest.raises(PermissionDeniedError):
        await ann.stored_agents.save(_FILE)
    kim = await person("kim", "knowledge-manager")
    await kim.stored_agents.save(_FILE)
    await kim.stored_agents.publish("fixer")
    events = [one for one in await admin.audit() if one.action == "agents.define" and one.outcome == "done"]
    assert [one.details["act"] for one in events] == ["publish", "save"]
    assert all(one.resource == "agents/fixer" for one in events)


async def test_the_agents_of_one_tenant_are_not_anothers(
    admin: Desk, app: Deskmind, new_tenant: object
) -> None:
    await admin.stored_agents.save(_FILE)
    other = await app.desk(tenant=await new_tenant())  # pyright: ignore[reportCallIssue]
    assert await other.stored_agents.list() == []
    with pytest.raises(NotFoundError):
        await other.stored_agents.get("fixer", version=1)


async def test_a_run_goes_on_with_a_conversation(admin: Desk, ann: Desk, brain: Brain) -> None:
    await admin.stored_agents.save("{name: brief, instructions: Be brief., model: fast}")
    await admin.stored_agents.publish("brief")
    about = (await ann.conversations.create("Laptop", messages=[Message("user", "I have a Lynx 5.")])).about
    brain.says("A Lynx 5.")
    run = await ann.stored_agents.run("brief", "Which laptop?", conversation=str(about.conversation_id))
    assert "I have a Lynx 5." in brain.told()
    assert not run.tainted  # these are the user's own words
    turns = (await ann.conversations.get(about.conversation_id)).turns
    assert turns[-1].message.content == "A Lynx 5."


async def test_a_tool_that_is_not_known_is_named(admin: Desk, ann: Desk) -> None:
    await admin.stored_agents.save(_FILE.replace("look_at", "unheard_of"))
    await admin.stored_agents.publish("fixer")
    with pytest.raises(InvalidRequestError, match="unheard_of"):
        await ann.stored_agents.run("fixer", "web1 hangs")


async def test_a_worker_ends_a_run_as_the_version_it_began_with(
    admin: Desk, ann: Desk, brain: Brain, modelled: Deskmind
) -> None:
    await admin.stored_agents.save(_FILE)
    await admin.stored_agents.publish("fixer")
    run_id = await ann.stored_agents.start("fixer", "web1 hangs")
    await admin.stored_agents.save(_FILE.replace("Fix what", "Mend what"))
    await admin.stored_agents.publish("fixer")
    brain.says("Done.")
    run = await ann.agents.resume(run_id)
    assert run.state == "done"
    assert "Fix what hangs." in brain.told()
