"""Files over HTTP: forms, groups, replacement, limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deskmind.api import create_app
from deskmind.app import Deskmind

Serve = Callable[[FastAPI], AbstractAsyncContextManager[str]]

_NOTE = b"# Toner\n\nThe toner of printer P7 is in room 12.\n"


async def upload(
    client: httpx.AsyncClient, name: str = "toner.md", content: bytes = _NOTE, **params: Any
) -> httpx.Response:
    return await client.post("/v1/documents/upload", files={"file": (name, content)}, params=params)


@pytest.fixture(scope="module")
async def narrow(desk_home: Path, serving: Serve) -> AsyncIterator[str]:
    """A service on the same data that takes little at once and runs its own worker."""
    async with (
        Deskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            api={"max_body_bytes": 4000, "embedded_worker": True},
            ingest={"max_file_bytes": 2000},
        ) as started,
        serving(create_app(app=started)) as address,
    ):
        yield address


@pytest.fixture
async def narrow_client(caller: Any, narrow: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=narrow, headers={"Authorization": f"Bearer {caller.key}"}
    ) as client:
        yield client


async def test_the_same_file_again_is_unchanged_and_an_edited_one_replaces_it(caller: Any) -> None:
    assert (await upload(caller.client)).json()["stored"] == 1
    again = (await upload(caller.client)).json()
    assert (again["stored"], again["unchanged"]) == (0, 1)
    await upload(caller.client, content=_NOTE.replace(b"12", b"14"))

    (document,) = (await caller.client.get("/v1/documents")).json()["documents"]
    assert document["version"] == 2
    (passage,) = (await caller.client.post("/v1/search", json={"query": "toner"})).json()["passages"]
    assert "room 14" in passage["text"]


async def test_an_upload_for_a_group_is_seen_by_the_group_only(
    caller: Any, operator: Any, base_url: str
) -> None:
    assert (await upload(caller.client, groups=["hr"])).status_code == 201
    refused = await upload(caller.client, name="b.md", groups=["hr", "finance"])
    assert refused.status_code == 403
    assert "finance" in refused.json()["detail"]
    await operator.principals.add_user("other")
    key = await operator.keys.create("other")
    async with httpx.AsyncClient(
        base_url=base_url, headers={"Authorization": f"Bearer {key.secret}"}
    ) as other:
        assert (await other.post("/v1/search", json={"query": "toner"})).json() == {"passages": []}
    assert len((await caller.client.post("/v1/search", json={"query": "toner"})).json()["passages"]) == 1


@pytest.mark.parametrize(
    ("name", "content", "status", "kind"),
    [
        ("a.exe", b"MZ", 415, "unsupported-document"),
        ("noname", b"x", 415, "unsupported-document"),
        ("a.md", b"", 422, "unreadable-document"),
        ("a.pdf", b"%PDF-1.7 broken", 422, "unreadable-document"),
        ("a.docx", b"PK\3\4 broken", 422, "unreadable-document"),
        ("a.md", b"\x7fELF\2\1\1" + bytes(range(256)), 422, "unreadable-document"),
        ("a.docx", "zip_bomb", 413, "document-too-large"),
        ("a.pdf", "encrypted_pdf", 422, "encrypted-document"),
    ],
)
async def test_a_file_that_cannot_be_taken_in(
    caller: Any, request: pytest.FixtureRequest, name: str, content: bytes | str, status: int, kind: str
) -> None:
    content = request.getfixturevalue(content) if isinstance(content, str) else content
    response = await upload(caller.client, name, content)
    assert (response.status_code, response.json()["type"]) == (status, f"urn:deskmind:problem:{kind}")
    assert name in response.json()["detail"]
    assert (await caller.client.get("/v1/documents")).json()["documents"] == []


async def test_a_form_without_a_file_is_refused(caller: Any) -> None:
    nothing = await caller.client.post("/v1/documents/upload")
    assert (nothing.status_code, nothing.json()["errors"][0]["where"]) == (422, "body.file")
    broken = await caller.client.post(
        "/v1/documents/upload",
        content=b"--x\r\nbroken",
        headers={"Content-Type": "multipart/form-data; boundary=y"},
    )
    assert broken.status_code in {400, 422}
    assert broken.headers["content-type"] == "application/problem+json"


async def test_a_path_in_the_file_name_is_a_name_only(caller: Any) -> None:
    assert (await upload(caller.client, name="../../etc/toner.md")).status_code == 201
    (document,) = (await caller.client.get("/v1/documents")).json()["documents"]
    assert document["title"] == "Toner"


async def test_a_file_above_the_limit_is_refused(narrow_client: httpx.AsyncClient) -> None:
    uploaded = await upload(narrow_client, content=b"x" * 2001)
    given = await narrow_client.post("/v1/documents", json={"name": "a.md", "text": "x" * 2001})
    for response in (uploaded, given):
        assert (response.status_code, response.json()["type"]) == (
            413,
            "urn:deskmind:problem:document-too-large",
        )
        assert "2,000" in response.json()["detail"]


async def test_a_body_above_the_limit_is_refused_with_and_without_its_length(
    narrow_client: httpx.AsyncClient,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100

    declared = await upload(narrow_client, content=b"x" * 5000)
    chunked = await narrow_client.post(
        "/v1/search", content=pieces(), headers={"Content-Type": "application/json"}
    )
    for response in (declared, chunked):
        assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")
        assert response.json()["request_id"] == response.headers["x-request-id"]
        assert "4,000" in response.json()["detail"]


async def test_a_service_with_a_worker_of_its_own_takes_documents_in(
    narrow_client: httpx.AsyncClient,
) -> None:
    assert (await upload(narrow_client)).json()["stored"] == 1


async def test_uploads_at_the_same_time_are_all_stored(caller: Any) -> None:
    sent = await asyncio.gather(
        *(upload(caller.client, f"n{number}.md", f"# N{number}\n\ntoner".encode()) for number in range(6))
    )
    assert [response.status_code for response in sent] == [201] * 6
    listed = (await caller.client.get("/v1/documents")).json()["documents"]
    assert {document["title"] for document in listed} == {f"N{number}" for number in range(6)}
