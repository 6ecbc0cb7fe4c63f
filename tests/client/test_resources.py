"""Each resource of a real service, driven by the client over real sockets."""

from __future__ import annotations

import pytest

from deskmind.client import AsyncClient


@pytest.fixture(scope="module", autouse=True)
async def documents(client: AsyncClient) -> None:
    for number in range(5):
        await client.documents.add(
            f"vpn-{number}.md", f"# VPN {number}\n\nA new VPN token {number} arrives within 20 minutes.\n"
        )


async def test_documents(client: AsyncClient, tmp_path) -> None:
    found = [one async for one in client.documents.each(limit=2)]
    assert len(found) == 5
    report = await client.documents.upload(
        ("a.md", b"# Printer\n\nThe printer is out of toner.\n"), groups=["hr"]
    )
    assert report.stored == 1
    (tmp_path / "b.md").write_text("# Badge\n\nA new badge is at the desk.\n")
    assert (await client.documents.upload(tmp_path / "b.md")).stored == 1
    hits = await client.search("badge", limit=3)
    document = await client.documents.get(hits.passages[0].document_id)
    assert document.title == "Badge"
    await client.documents.delete(document.document_id)


async def test_ask(client: AsyncClient) -> None:
    answer = await client.ask("How long does a VPN token take?")
    assert answer.found
    assert answer.citations[0].title
    events = [one async for one in client.ask_stream("How long does a VPN token take?")]
    assert events[-1].data.text == answer.text
