"""The path a user takes: ingest files, ask, get a cited answer that only they may see."""

from __future__ import annotations

from pathlib import Path

from deskmind.app import Deskmind
from deskmind.desk import Desk

_VPN = """# Reset the VPN token

## When the token is lost

1. Open the self-service portal.
2. Choose "Replace token" and confirm with your manager's code.

The new token arrives within 20 minutes.
"""

_PAY = """# Severance bands

Grade 5 employees receive nine weeks of severance pay for each year of service.
"""


async def test_an_answer_cites_the_document_it_came_from(
    operator: Desk, app: Deskmind, tmp_path: Path
) -> None:
    (tmp_path / "vpn.md").write_text(_VPN)
    report = await operator.knowledge.ingest(tmp_path)
    assert (report.count("stored"), report.failures) == (1, ())
    await operator.principals.add_user("req1")
    desk = await app.desk(tenant=operator.scope.tenant, user="req1")

    answer = await desk.ask("How do I reset a lost VPN token?")

    assert answer.found
    assert answer.citations
    document = await desk.knowledge.document((await desk.knowledge.documents())[0].document_id)
    for citation in answer.citations:
        assert citation.title == "Reset the VPN token"
        assert document.text[citation.start : citation.end] == citation.quote


async def test_two_users_get_two_answers(operator: Desk, app: Deskmind, tmp_path: Path) -> None:
    (tmp_path / "pay.md").write_text(_PAY)
    await operator.principals.add_user("insider", groups=["hr"])
    await operator.principals.add_user("outsider")
    await operator.knowledge.ingest(tmp_path, groups=["hr"])
    insider = await app.desk(tenant=operator.scope.tenant, user="insider")
    outsider = await app.desk(tenant=operator.scope.tenant, user="outsider")
    question = "How much severance pay do grade 5 employees receive?"

    assert "nine weeks" in (await insider.ask(question)).text
    assert not (await outsider.ask(question)).found
    assert await outsider.knowledge.search(question) == []
    assert await outsider.knowledge.documents() == []


async def test_a_document_that_is_read_says_what_the_list_says(operator: Desk) -> None:
    await operator.knowledge.add("vpn.md", "# VPN\n\nReset the “token”.".encode(), uri="https://kb/vpn")
    (listed,) = await operator.knowledge.documents()
    document = await operator.knowledge.document(listed.document_id)
    assert document.summary == listed
    assert document.summary.as_dict() == listed.as_dict()
    assert "“token”" in document.text


async def test_ingesting_again_stores_nothing_twice(operator: Desk, tmp_path: Path) -> None:
    (tmp_path / "vpn.md").write_text(_VPN)
    await operator.knowledge.ingest(tmp_path)
    again = await operator.knowledge.ingest(tmp_path)
    assert (again.count("unchanged"), again.count("stored")) == (1, 0)

    (tmp_path / "vpn.md").write_text(_VPN.replace("20 minutes", "2 hours"))
    changed = await operator.knowledge.ingest(tmp_path)
    assert changed.count("stored") == 1
    (document,) = await operator.knowledge.documents()
    assert document.version == 2
    assert "2 hours" in (await operator.knowledge.document(document.document_id)).text
