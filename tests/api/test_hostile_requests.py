"""What a careless or hostile client sends is refused with a reason, never with an error of ours."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk

_NOTE = {"name": "a.md", "text": "# A\n\nprinter toner"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {"query": "nul \0 byte"}),
        ("/v1/search", {"query": "x", "limit": 10**30}),
        ("/v1/search", {"query": "x", "limit": -1}),
        ("/v1/search", {"query": "x", "limit": 201}),
        ("/v1/search", {"query": "x" * 100_000}),
        ("/v1/search", {"query": "lone \ud800 surrogate"}),
        ("/v1/search", {"query": 7}),
        ("/v1/search", {"query": "x", "filter": {"metadata": {"site": "a\0b"}}}),
        ("/v1/search", {"query": "x", "filter": {"metadata": {"a\0b": "x"}}}),
        ("/v1/search", {"query": "x", "filter": {"uri_prefix": "a\0b"}}),
        ("/v1/search", {"query": "x", "filter": {"media_type": "a\0b"}}),
        ("/v1/search", {"query": "x", "filter": {"document_ids": ["nope"]}}),
        ("/v1/search", {"query": "x", "filter": {"updated_after": "yesterday"}}),
        ("/v1/search", []),
        ("/v1/ask", {"question": "lone \udfff surrogate"}),
        ("/v1/ask", {"question": None}),
        ("/v1/documents", {**_NOTE, "name": "a\0.md"}),
        ("/v1/documents", {**_NOTE, "uri": "a\0b"}),
        ("/v1/documents", {**_NOTE, "media_type": "a\0b"}),
        ("/v1/documents", {**_NOTE, "groups": ["a\0b"]}),
        ("/v1/documents", {**_NOTE, "groups": [""]}),
        ("/v1/documents", {**_NOTE, "text": ""}),
        ("/v1/documents", {**_NOTE, "text": "lone \ud800 surrogate"}),
        ("/v1/documents", {**_NOTE, "name": ""}),
        ("/v1/documents", {**_NOTE, "name": "n" * 501}),
        ("/v1/documents", {**_NOTE, "owner": "me"}),
        ("/v1/documents", {**_NOTE, "media_type": "application/x-unknown"}),
    ],
)
async def test_a_bad_body_is_a_problem_of_the_client(caller: Any, path: str, body: Any) -> None:
    response = await caller.client.post(
        path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code in {403, 415, 422}, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["detail"]
    assert problem["remedy"]
    assert problem["type"].startswith("urn:deskmind:problem:")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{",
        b"nul",
        b'{"query": NaN}',
        b"[" * 50_000,
        b'{"query": "x"',
        b'{"query": "\xff"}',
    ],
)
async def test_what_is_not_json_is_refused(caller: Any, content: bytes) -> None:
    response = await caller.client.post(
        "/v1/search", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in {400, 422}, response.text
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("before", "after"),
    [("0001-01-01T00:00:00+14:00", None), ("9999-12-31T23:59:59-14:00", None), (None, "2001-01-01T00:00:00")],
)
async def test_dates_at_the_edges_of_the_calendar(caller: Any, before: str | None, after: str | None) -> None:
    response = await caller.client.post(
        "/v1/search",
        json={"query": "x", "filter": {"updated_before": before, "updated_after": after}},
    )
    assert response.status_code in {200, 422}, response.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/documents?limit=0",
        "/v1/documents?limit=201",
        "/v1/documents?limit=many",
        "/v1/documents?after=nope",
        "/v1/documents/%00",
        "/v1/documents/..%2f..%2fetc",
    ],
)
async def test_a_bad_address_is_refused(caller: Any, path: str) -> None:
    response = await caller.client.get(path)
    assert response.status_code in {404, 422}
    assert response.headers["content-type"] == "application/problem+json"


async def test_characters_of_every_script_come_back_as_they_went(caller: Any) -> None:
    text = "# Zurücksetzen 重置 🔑\n\nDas Kennwort heißt „geheim“ — 密码 пароль كلمة السر 🔐."
    added = await caller.client.post("/v1/documents", json={"name": "ü 重置.md", "text": text})
    assert added.status_code == 201
    (document,) = (await caller.client.get("/v1/documents")).json()["documents"]
    assert document["title"] == "Zurücksetzen 重置 🔑"
    shown = (await caller.client.get(f"/v1/documents/{document['document_id']}")).json()
    assert "密码 пароль كلمة السر 🔐" in shown["text"]


_HI = [{"role": "user", "content": "hi"}]
_CHAT = {"model": "fast", "messages": _HI}
_EMBED = {"model": "fast", "input": "hi"}
_DAY = {"window": "day", "tokens": 1}
_TRIED = [{"name": "a", "version": 0}, {"name": "b", "version": 0}]
_OPERATORS: list[tuple[str, str, Any]] = [
    ("POST", "chat/completions", {**_CHAT, "n": [1]}),
    ("POST", "chat/completions", {**_CHAT, "n": {}}),
    ("POST", "chat/completions", {**_CHAT, "max_tokens": 2**31}),
    ("POST", "chat/completions", {**_CHAT, "temperature": 10**400}),
    ("POST", "chat/completions", {**_CHAT, "temperature": float("nan")}),
    ("POST", "chat/completions", {**_CHAT, "seed": 2**64}),
    ("POST", "chat/completions", {**_CHAT, "stream": True, "top_p": float("inf")}),
    ("POST", "embeddings", {**_EMBED, "dimensions": -1}),
    ("POST", "embeddings", {**_EMBED, "dimensions": 0}),
    ("POST", "embeddings", {**_EMBED, "dimensions": [8]}),
    ("POST", "embeddings", {**_EMBED, "encoding_format": "hex"}),
    ("GET", "usage?by=model&until=0001-01-01T00:00:00Z", None),
    ("PUT", "budgets/a%00b", _DAY),
    ("DELETE", "budgets/a%00b", None),
    ("PUT", "budgets/b", {**_DAY, "user": "a\0b"}),
    ("PUT", "budgets/b", {**_DAY, "key": "a\0b"}),
    ("PUT", "budgets/b", {**_DAY, "usd": "1e-30"}),
    ("PUT", "budgets/b", {**_DAY, "usd_limit": 5}),
    ("POST", "prompts", {"file": "? [1]\n: 2"}),
    ("GET", "prompts/a%00b", None),
    ("GET", "prompts/a%00b/versions", None),
    ("GET", "prompts/answer/labels/a%00b", None),
    ("PUT", "prompts/a%00/labels/b", {"version": 0}),
    ("POST", "prompts/answer/labels/a%00/rollback", {}),
    ("POST", "prompts/answer/render", {"values": {"question": "\ud800", "passages": []}}),
    ("POST", "prompts/answer/render", {"values": {"question": "q", "passages": [{"text": "\ud800"}]}}),
    ("POST", "prompts/answer/render", {"label": "\ud800"}),
    ("POST", "experiments", {"name": "a\0", "prompt": "answer", "variants": _TRIED}),
    ("PUT", "experiments/none/weights", {"weights": {"\ud800": 1}}),
    ("POST", "conversations", {"expires_at": "9999-12-31T23:59:59-14:00"}),
    ("POST", "conversations", {"turns": [{"role": "tool_call", "content": "a", "call_id": "a\0"}]}),
]


async def test_bad_bodies_of_operators_and_models_are_problems_of_the_client(
    modelled: Deskmind, operator: Desk, serving: Any
) -> None:
    await operator.principals.add_user("boss", role="operator")
    key = (await operator.keys.create("boss")).secret
    async with (
        serving(create_app(app=modelled)) as address,
        httpx.AsyncClient(base_url=f"{address}/v1/", headers={"Authorization": f"Bearer {key}"}) as client,
    ):
        for method, path, body in _OPERATORS:
            response = await client.request(
                method, path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
            )
            assert response.status_code in {404, 422}, (path, body, response.text)
            assert response.json().get("remedy") or response.json().get("detail") or response.json()["error"]
        named = await client.get("prompts/%ED%A0%80")
        assert named.status_code == 404
        for since in ("2020-01-01", "2020-01-01T00:00:00"):
            assert (await client.get(f"usage?by=model&since={since}")).status_code == 200
