"""Files go to the vendor and come back in pieces, whatever their size."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from deskmind.connectors import Act, Proposal
from deskmind.connectors.core import Basic, Client, Limits, Pace, Reach, Retry
from deskmind.connectors.core.upload import measured, opened
from deskmind.connectors.freshservice.writes import FreshserviceWrites
from deskmind.connectors.jira.writes import JiraWrites
from deskmind.connectors.servicenow.writes import ServiceNowWrites
from deskmind.errors import InvalidRequestError

SIZE = 48 * 2**20
_WRITERS = {"servicenow": ServiceNowWrites, "jira": JiraWrites, "freshservice": FreshserviceWrites}


class Sink:
    """A server that takes what it is sent in pieces and keeps nothing but a digest, the first time after a 429."""

    def __init__(self) -> None:
        self.received = 0
        self.digest = ""
        self.length: int | None = None
        self.refused = 0
        self.url = ""

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        """The body."""
        digest, received = hashlib.sha256(), 0
        async for piece in request.content.iter_chunked(2**16):
            digest.update(piece)
            received += len(piece)
        if not self.refused:
            self.refused += 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        self.digest, self.received, self.length = digest.hexdigest(), received, request.content_length
        answer = {"result": {"sys_id": "1"}, "ticket": {"id": 1}}
        return web.json_response([{"id": "1"}] if "/rest/api/" in request.path else answer)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """On a socket of its own."""
    made = Sink()
    runner = web.ServerRunner(web.Server(made.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 48 MB that takes no room on the disk."""
    file = tmp_path_factory.mktemp("large") / "dump.bin"
    with file.open("wb") as stream:
        stream.truncate(SIZE)
    return file


@pytest.mark.parametrize("vendor", sorted(_WRITERS))
async def test_a_large_file_is_uploaded_in_bounded_memory_and_again_after_a_refusal(
    vendor: str, sink: Sink, large: Path
) -> None:
    size, digest = await measured(large)
    request = {
        "name": "dump.bin",
        "content_type": "text/x",
        "size": size,
        "digest": digest,
        "table": "incident",
    }
    proposal = Proposal(vendor=vendor, act=Act.ATTACH, changes=(), request=request, target="7")
    client = Client(
        Reach(sink.url), Basic("a", "b"), pace=Pace(1000, 1), retry=Retry(base=0.01), limits=Limits()
    )
    writer = JiraWrites(client, "", "") if vendor == "jira" else _WRITERS[vendor](client, "")  # type: ignore[call-arg]
    tracemalloc.start()
    try:
        async with client, opened(request, large) as upload:
            await writer.send(proposal, upload)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.refused == 1
    assert most < 8 * 2**20
    assert sink.length == sink.received >= SIZE
    if vendor == "servicenow":
        assert sink.digest == digest


async def test_another_file_than_the_one_proposed_is_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"first")
    size, digest = await measured(file)
    assert (size, digest) == (5, hashlib.sha256(b"first").hexdigest())
    file.write_bytes(b"other")
    request = {"name": "a.txt", "content_type": "text/plain", "size": size, "digest": digest}
    with pytest.raises(InvalidRequestError, match="not the one"):
        async with opened(request, file):
            pass
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        await measured(tmp_path / "nothing")
