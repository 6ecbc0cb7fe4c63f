"""Tools that reach out: mail, channels, requests, diagnostics, and tools that were made elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from pydantic_ai import Agent as ForeignAgent
from pydantic_ai import RunContext
from pydantic_ai.toolsets import FunctionToolset
from tests.agents.conftest import Brain, wants

from deskmind.agents.tools import adopt, tools_of, tools_of_mcp
from deskmind.agents.tools.http import send_request
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ForbiddenAddressError, OutcomeUnknownError, SourceReplyError, SourceRequestError
from deskmind.evaluation.agents.outside import MailBox, WebSite
from deskmind.sandbox.models import Reply
from deskmind.settings import AgentsSettings, ApprovalRule


@pytest.fixture
def using(modelled: Deskmind) -> Callable[..., None]:
    """A policy that approves everything, with further settings."""

    def use(**values: Any) -> None:
        made = AgentsSettings(approvals=(ApprovalRule(approval="auto"),), **values)  # pyright: ignore[reportCallIssue]
        modelled.settings = modelled.settings.model_copy(update={"agents": made})

    use()
    return use


@pytest.fixture
async def mailbox() -> AsyncIterator[MailBox]:
    async with MailBox() as box:
        yield box


@pytest.fixture
async def site() -> AsyncIterator[WebSite]:
    async with WebSite() as opened:
        yield opened


async def _told(desk: Desk, brain: Brain, call: Reply, *tools: Any) -> str:
    """What the model is told after one call."""
    brain.says(call, "done")
    agent = desk.agent("reacher", instructions="Reach.", tools=tools, model="fast")
    run = await agent.run("Reach.")
    assert run.state == "done"
    return brain.told()


async def test_a_mail_goes_to_allowed_addresses_alone(
    ann: Desk, brain: Brain, using: Callable[..., None], mailbox: MailBox
) -> None:
    where = {"host": "127.0.0.1", "port": mailbox.port, "tls": "none", "sender": "desk@halvern.example"}
    using(mail={**where, "recipients": ["duty@halvern.example", "@team.example"]})
    for to in ("duty@halvern.example", "Eve@team.example"):
        await _told(
            ann,
            brain,
            wants("notify_email", to=to, subject="Hello\nBcc: x@evil.example", text="It is up."),
            "notify_email",
        )
    assert len(mailbox.mails) == 2
    assert all("It is up." in one and "\nBcc" not in one for one in mailbox.mails)
    for to in (
        "boss@halvern.example",
        "x@evil.example",
        "a@team.example, x@evil.example",
        "a@team.example\nBcc: x@evil.example",
        "@team.example@evil.example",
    ):
        await _told(
            ann, brain, wants("notify_email", to=to, subject="Hello", text="It is up."), "notify_email"
        )
    assert len(mailbox.mails) == 2
    (effect, *_) = (await ann.agents.show((await ann.agents.list())[-1].run_id)).effects
    assert effect.state == "applied"


async def test_a_channel_is_reached_by_its_name(
    ann: Desk, brain: Brain, using: Callable[..., None], site: WebSite
) -> None:
    using(webhooks={"operations": f"http://127.0.0.1:{site.port}/operations"})
    await _told(
        ann, brain, wants("notify_webhook", name="operations", text="Mail is down."), "notify_webhook"
    )
    told = await _told(
        ann,
        brain,
        wants("notify_webhook", name=f"http://127.0.0.1:{site.port}/x", text="x"),
        "notify_webhook",
    )
    (sent,) = site.requests
    assert sent.startswith("POST /operations")
    assert "Mail is down." in sent
    assert "There are: operations" in told


async def test_a_request_is_sent_once_and_never_redirected(
    site: WebSite, ann: Desk, brain: Brain, using: Any
) -> None:
    host = f"127.0.0.1:{site.port}"
    reach: dict[str, Any] = {"hosts": (host,), "seconds": 5, "schemes": ("http",)}
    assert await send_request("POST", f"http://{host}/a", body=b"{}", networks="any", **reach) == "ok"
    with pytest.raises(ForbiddenAddressError):
        await send_request("POST", f"http://{host}/a", **reach)  # a private address
    for path, error in (
        ("/moved", SourceReplyError),
        ("/missing", SourceRequestError),
        ("/cut", OutcomeUnknownError),
    ):
        with pytest.raises(error):
            await send_request("POST", f"http://{host}{path}", networks="any", **reach)
    assert [one.split()[1] for one in site.requests] == ["/a", "/moved", "/missing", "/cut"]
    using(http_hosts=("api.example.com",))
    told = await _told(
        ann, brain, wants("http_request", method="DELETE", url="https://api.example.com/all"), "http_request"
    )
    assert "agents.http_methods" in told


async def test_a_diagnostic_runs_without_a_shell_with_parameters_of_the_allowed_form(
    ann: Desk, brain: Brain, using: Callable[..., None]
) -> None:
    using(
        diagnostics={
            "say": {"command": ["echo", "{word}; echo no"], "parameters": {"word": "[a-z$()]+"}},
            "slow": {"command": ["sleep", "60"], "seconds": 0.2},
            "gone": {"command": ["/no/such/program"]},
        }
    )

    async def run(name: str, **parameters: str) -> str:
        return await _told(
            ann, brain, wants("run_diagnostic", name=name, parameters=parameters), "run_diagnostic"
        )

    assert "exit code 0\n$(id); echo no" in await run("say", word="$(id)")
    for strange in ({"word": "A"}, {"word": "a b"}, {}, {"word": "a", "more": "b"}):
        assert "parameter" in await run("say", **strange)
    assert "takes too long" in await run("slow")
    assert "cannot be run" in await run("gone")
    assert "There are: gone, say, slow" in await run("sh")


async def test_prometheus_is_asked(
    ann: Desk, brain: Brain, using: Callable[..., None], site: WebSite
) -> None:
    assert "not set" in await _told(ann, brain, wants("query_metrics", query="up"), "query_metrics")
    using(prometheus_url=f"http://127.0.0.1:{site.port}/prometheus")
    assert "ok" in await _told(ann, brain, wants("query_metrics", query='up{job="a"}'), "query_metrics")
    assert site.requests[0].startswith("GET /prometheus/api/v1/query?query=up%7Bjob%3D%22a%22%7D")


@pytest.fixture
def called() -> list[str]:
    """What foreign tools did."""
    return []


@pytest.fixture
def toolset(called: list[str]) -> FunctionToolset[Any]:
    """Tools as pydantic-ai has them."""
    made: FunctionToolset[Any] = FunctionToolset()

    @made.tool_plain
    def look_up(word: str) -> str:
        """Look a word up."""
        return f"{word} means something"

    @made.tool
    def restart(ctx: RunContext[Any], host: str, times: int = 1) -> str:
        """Restart a host."""
        called.append(f"{host} {times} {ctx.deps}")
        return "restarted"

    assert callable(look_up)
    assert callable(restart)
    return made


async def test_a_foreign_toolset_comes_under_the_same_policy(
    ann: Desk, ben: Desk, brain: Brain, using: Any, toolset: FunctionToolset[Any], called: list[str]
) -> None:
    tools = await tools_of(toolset)
    assert {(one.effect, one.audience) for one in tools} == {("write", "outside")}
    effects, audiences = {"look_up": "read"}, {"look_up": "agent", "restart": "technicians"}
    tools = await tools_of(toolset, effects=effects, audiences=audiences, deps="dep")
    agent = ann.agent("foreign", instructions="Do.", tools=tools, model="fast")
    brain.says(wants("restart", host="print-1", times=2), "done")
    assert (await agent.run("Do.")).state == "done"  # nothing of others was read, and the policy approves
    offered = {one["function"]["name"]: one["function"] for one in brain.asked[0]["tools"]}
    assert offered["restart"]["parameters"]["required"] == ["host"]
    assert "Restart a host." in offered["restart"]["description"]
    brain.says(wants("look_up", word="toner"), wants("restart", host="print-2"), "done")
    run = await agent.run("Do.")
    assert (run.state, called) == ("waiting", ["print-1 2 dep"])
    assert "<untrusted" in brain.told()
    (proposal,) = await ben.approvals.list(run_id=run.run_id)
    with pytest.raises(Exception, match="does not know its tool"):
        await ben.approvals.edit(proposal.proposal_id, {"host": "print-3"})
    await ben.approvals.approve(proposal.proposal_id)
    await agent.resume(run.run_id)
    assert called == ["print-1 2 dep", "print-2 1 dep"]


async def test_an_agent_of_pydantic_ai_is_adopted_without_its_model(
    ann: Desk, brain: Brain, using: Any, toolset: FunctionToolset[Any]
) -> None:
    foreign: ForeignAgent[None, str] = ForeignAgent(toolsets=[toolset])

    @foreign.tool_plain
    def today() -> str:
        """The day."""
        return "Thursday"

    assert callable(today)
    tools = await adopt(foreign, effects={"today": "read"})
    assert {one.name for one in tools} == {"today", "look_up", "restart"}
    brain.says(wants("today"), "Thursday it is.")
    agent = ann.agent("adopted", instructions="Say.", tools=tools, model="fast")
    assert (await agent.run("What day is it?")).output == "Thursday it is."
    assert "Thursday" in brain.told()


async def test_the_tools_of_an_mcp_server_are_brought_along(ann: Desk, brain: Brain, using: Any) -> None:

    server = MCPServer("inventory")

    @server.tool()
    def owner_of(asset: str) -> str:
        """Who has an asset."""
        if asset == "none":
            raise ValueError("there is no such asset")
        return f"{asset} is nobody's"

    assert callable(owner_of)
    tools = await tools_of_mcp(server, effects={"owner_of": "read"}, audiences={"owner_of": "agent"})
    brain.says(wants("owner_of", asset="LT-1"), "done")
    run = await ann.agent("asker", instructions="Ask.", tools=tools, model="fast").run("Whose is LT-1?")
    assert run.tainted
    assert "LT-1 is nobody's" in brain.told()
    brain.says(wants("owner_of", asset="none"), "done")
    await ann.agent("asker", instructions="Ask.", tools=tools, model="fast").run("Whose is it?")
    assert "The tool failed" in brain.told()
