"""The tools there are from the start: what they give, how it is marked, and where they may not go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agents.conftest import Brain, Person, wants

from deskmind.agents import ToolContext, tool
from deskmind.agents.gate import Circumstances, judge
from deskmind.agents.marking import marked
from deskmind.agents.tools import ticket_tool
from deskmind.agents.tools.http import read_address
from deskmind.app import Deskmind
from deskmind.connectors import Act, Applied, Change, Claims, Connector, Outcome, Proposal
from deskmind.connectors.core.reach import GuardedResolver
from deskmind.desk import Desk
from deskmind.errors import ConflictError, ForbiddenAddressError, SourceReplyError
from deskmind.governance.access import Permission
from deskmind.settings import AgentsSettings, ApprovalRule
from deskmind.writes import RunClaims


async def test_knowledge_is_searched_as_the_user_may_and_marked_as_others_words(
    ann: Desk, admin: Desk, brain: Brain, tmp_path: Path
) -> None:
    (tmp_path / "secret.md").write_text("# Printers\n\nRestart the spooler.\n")
    await admin.principals.add_group("chiefs")
    await admin.knowledge.ingest(tmp_path / "secret.md", groups=["chiefs"])
    (tmp_path / "printer.md").write_text("# Printers\n\nRestart the queue twice.\n")
    await ann.knowledge.ingest(tmp_path / "printer.md")
    brain.says(wants("knowledge_search", question="printer restart"), "done")
    run = await ann.agent("helper", instructions="Search.", tools=["knowledge_search"], model="fast").run(
        "Printers?"
    )
    assert run.tainted
    told = brain.told()
    assert '<untrusted from="knowledge_search">' in told
    assert "queue twice" in told
    assert "spooler" not in told


async def test_a_tool_needs_its_permission(admin: Desk, person: Person, brain: Brain) -> None:
    @tool(permission=Permission.TRIAGE_COMPARE)
    async def compare(context: ToolContext) -> str:
        """Compare tickets."""
        del context
        return "compared"

    await admin.access.define_role("runner", ["agents:*"])
    eve = await person("eve", "runner")
    brain.says(wants("compare"), "done")
    run = await eve.agent("helper", instructions="Search.", tools=[compare], model="fast").run("x?")
    (result,) = [step for step in (await eve.agents.show(run.run_id)).steps if step.kind == "result"]
    assert result.outcome == "refused"


async def test_a_long_result_is_cut(ann: Desk, brain: Brain) -> None:
    @tool()
    async def long(context: ToolContext) -> str:
        """Say much."""
        del context
        return "x" * 100_000

    brain.says(wants("long"), "done")
    await ann.agent("helper", instructions="Search.", tools=[long], model="fast").run("x?")
    assert 8_000 < len(brain.told()) < 10_000


async def test_personal_data_does_not_go_outside(ann: Desk, brain: Brain) -> None:
    sent: list[str] = []

    @tool(audience="outside")
    async def look_up(context: ToolContext, words: str) -> str:
        """Look up on the web."""
        del context
        sent.append(words)
        return "found"

    brain.says(wants("look_up", words="who is anna.kowalska@example.com"), "done")
    await ann.agent("helper", instructions="Search.", tools=[look_up], model="fast").run("x?")
    brain.says(wants("look_up", words="printer spooler"), "done")
    await ann.agent("helper", instructions="Search.", tools=[look_up], model="fast").run("x?")
    assert sent == ["printer spooler"]


@settings(max_examples=40)
@given(st.text(), st.text(max_size=20))
def test_a_text_of_others_cannot_close_its_mark(text: str, more: str) -> None:
    inside = marked(f"{text}</untrusted{more}", "x", 10_000)
    assert inside.count("</untrusted>") == 1
    assert inside.endswith("</untrusted>")


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(
            ApprovalRule,
            tool=st.sampled_from(["*", "t", "u"]),
            field=st.sampled_from(["*", "a", "b"]),
            approval=st.sampled_from(["auto", "one", "two", "never"]),
        ),
        max_size=5,
    ),
    st.sets(st.sampled_from(["a", "b", "c"])),
    st.sampled_from(["propose", "write"]),
    st.booleans(),
)
def test_no_policy_lets_a_tainted_write_or_a_proposal_pass(
    rules: list[ApprovalRule], fields: set[str], effect: Any, tainted: bool
) -> None:
    @tool(name="t", effect=effect)
    async def one(context: ToolContext) -> str:
        """Write."""
        raise AssertionError

    verdict = judge(one, fields, Circumstances(tainted), rules=rules)
    if tainted or effect == "propose":
        assert verdict.approval != "auto"
    elif not rules:
        assert verdict.approval == "one"


class Site:
    """A web site that redirects where it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.to = "/page"
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path == "/moved":
            raise web.HTTPFound(self.to)
        if request.path == "/picture":
            return web.Response(body=b"\x89PNG", content_type="image/png")
        return web.Response(text="hello" if request.path == "/page" else "x" * 2_000_000)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """It listens on this machine."""
    made = Site()
    server = web.Application()
    server.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(server)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    made.port = cast("int", runner.addresses[0][1])
    yield made
    await runner.cleanup()


async def test_a_page_is_read_and_redirects_to_other_hosts_are_not_followed(site: Site) -> None:
    host = f"localhost:{site.port}"

    async def read(path: str) -> str:
        return await read_address(
            f"http://{host}{path}", hosts=(host,), seconds=5, networks="any", schemes=("http",)
        )

    assert await read("/page") == "hello"
    assert await read("/moved") == "hello"
    assert len(await read("/long")) == 1_000_000
    with pytest.raises(SourceReplyError):
        await read("/picture")
    site.asked.clear()
    for elsewhere in (
        f"http://127.0.0.1:{site.port}/page",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
    ):
        site.to = elsewhere
        with pytest.raises(ForbiddenAddressError):
            await read("/moved")
    site.to = "/moved"
    with pytest.raises(SourceReplyError):
        await read("/moved")
    assert set(site.asked) == {"/moved"}


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/",
        "http://docs.example/",
        "https://docs.example:8443/",
        "https://docs.example@evil.example/",
        "https://evil.example\\@docs.example/",
        "https://docs.example.evil.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://10.0.0.1/",
        "file:///etc/passwd",
        "//docs.example/",
        "https://docs.example:port/",
        "nonsense",
    ],
)
async def test_an_address_that_is_not_allowed_is_not_read(url: str) -> None:
    inside = (
        "127.0.0.1",
        "::1",
        "::ffff:169.254.169.254",
        "10.0.0.1",
    )  # named by mistake, and refused all the same
    with pytest.raises(ForbiddenAddressError):
        await read_address(url, hosts=("docs.example", *inside), seconds=5)


async def test_a_name_that_leads_inside_is_not_reached(site: Site) -> None:
    host = f"localhost:{site.port}"
    with pytest.raises(ForbiddenAddressError):
        await read_address(f"http://{host}/page", hosts=(host,), seconds=5, schemes=("http",))
    assert site.asked == []


async def test_a_name_that_changes_its_mind_gains_nothing() -> None:
    """Each connection goes to the addresses of one resolution, and each resolution is looked at."""

    class Rebinding(AbstractResolver):
        answers = ["93.184.216.34", "127.0.0.1"]  # noqa: RUF012

        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            address = self.answers.pop(0)
            return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

        async def close(self) -> None:
            pass

    resolver = GuardedResolver(Rebinding(), "public")
    assert [one["host"] for one in await resolver.resolve("docs.example")] == ["93.184.216.34"]
    with pytest.raises(ForbiddenAddressError):
        await resolver.resolve("docs.example")


class Vendor:
    """The writing half of a connector: proposes, and keeps what is applied."""

    def __init__(self) -> None:
        self.applied: list[Proposal] = []

    async def propose(self, act: Act, target: str | None = None, **values: Any) -> Proposal:
        changes = tuple(Change(name, "3", value) for name, value in values.items())
        return Proposal(
            vendor="desk", act=act, changes=changes, request={"values": values}, target=target or ""
        )

    async def apply(
        self, proposal: Proposal, *, claims: Claims | None = None, content: Any = None
    ) -> Applied:
        del content
        assert claims is not None
        assert await claims.take(proposal)
        self.applied.append(proposal)
        await claims.settle(proposal, Outcome.APPLIED, proposal.target)
        return Applied(proposal.id, proposal.target, proposal.target, "", "2")


async def test_a_proposed_change_of_a_ticket_is_made_as_it_was_shown(
    ann: Desk, ben: Desk, brain: Brain, modelled: Deskmind
) -> None:
    lax = AgentsSettings(approvals=(ApprovalRule(approval="auto"),))  # pyright: ignore[reportCallIssue]
    modelled.settings = modelled.settings.model_copy(update={"agents": lax})
    vendor = Vendor()
    values: Mapping[str, str] = {"priority": "1"}
    brain.says(wants("ticket_propose", act="update", ticket="INC1", values=values), "done")
    made = ticket_tool(cast("Connector", vendor))
    agent = ann.agent("triager", instructions="Triage.", tools=[made], model="fast")
    run = await agent.run("Triage INC1.")
    (proposal,) = await ben.approvals.list()
    assert (run.state, proposal.changes) == (
        "waiting",
        [{"field": "priority", "before": "3", "after": "1"}],
    )
    await ben.approvals.approve(proposal.proposal_id)
    assert (await agent.resume(run.run_id)).output == "done"
    (written,) = vendor.applied
    assert (written.target, written.changes) == ("INC1", (Change("priority", "3", "1"),))
    assert "Written to INC1." in brain.told()
    operator = await modelled.desk(tenant=ann.scope.tenant)
    (kept,) = await operator.writes.list()  # with what people write, and under the run's own fence
    assert (str(kept.write_id).replace("-", ""), kept.run_id) == (written.id, run.run_id)
    assert (kept.state, kept.epoch, kept.act) == ("applied", 2, "update")
    with pytest.raises(ConflictError, match="agent's run"):
        await operator.writes.reconcile(await lost(operator, kept.write_id))

    hook = (await operator.webhooks.add("https://hooks.invalid/x", ["ticket.*"])).webhook

    async def confirm() -> None:
        """Nobody took the run over."""

    claims = RunClaims(ann.database, ann.scope, run.run_id, kept.epoch + 1, confirm)
    for outcome in (Outcome.UNCERTAIN, Outcome.UNCERTAIN, Outcome.APPLIED, Outcome.APPLIED):
        await claims.found(written, outcome)
    told = await operator.webhooks.deliveries(hook.webhook_id)
    assert [one.type for one in reversed(told)] == ["ticket.uncertain", "ticket.written"]
    await operator.webhooks.remove(hook.webhook_id)


async def lost(operator: Desk, write_id: UUID) -> UUID:
    """As if the worker had died while sending."""
    async with operator.database.transaction(operator.scope) as connection:
        await connection.execute("UPDATE writes SET state = 'sending' WHERE write_id = %s", (write_id,))
    return write_id
