"""Errors in each vendor's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from aiohttp import ClientSession

from deskmind.sandbox.models import Fault, ModelSandbox, Reply


async def _post(http, vendor, **change):
    async with http.post(vendor.path, json=vendor.body, headers=vendor.headers | change) as response:
        return response.status, response.headers, await response.json()


def _told(vendor, answer):
    """The code that a client tells errors apart by."""
    error = answer["error"]
    return {"anthropic": error.get("type"), "gemini": error.get("status")}.get(
        vendor.name, error.get("code") or error.get("type")
    )


async def test_a_wrong_key_and_no_key(vendor, http, sandbox):
    wrong = {name: value.replace("sandbox-key", "wrong-key-1234") for name, value in vendor.headers.items()}
    status, _, answer = await _post(http, vendor, **wrong)
    wanted = {
        "openai": (401, "invalid_api_key"),
        "azure": (401, "401"),
        "anthropic": (401, "authentication_error"),
        "gemini": (400, "INVALID_ARGUMENT"),
    }
    assert (status, _told(vendor, answer)) == wanted[vendor.name]
    assert "wrong-key-1234" not in str(answer)
    async with http.post(vendor.path, json=vendor.body) as response:
        assert response.status == {"gemini": 403}.get(vendor.name, 401)
    assert not any(entry.billed or entry.input_tokens for entry in sandbox.book)


async def test_each_of_several_keys_is_good(vendor):
    async with ModelSandbox(keys=["a", "b"]) as sandbox, ClientSession(sandbox.base_url) as http:
        for key in ("a", "b"):
            headers = {name: value.replace("sandbox-key", key) for name, value in vendor.headers.items()}
            status, _, _ = await _post(http, vendor, **headers)
            assert status == 200
        assert (await _post(http, vendor))[0] != 200


async def test_a_rate_limit_tells_when_to_come_back(vendor, http, sandbox):
    sandbox.faults.add("rate_limit", retry_after=1.5)
    status, headers, answer = await _post(http, vendor)
    wanted = {
        "openai": "rate_limit_exceeded",
        "azure": "429",
        "anthropic": "rate_limit_error",
        "gemini": "RESOURCE_EXHAUSTED",
    }
    assert (status, _told(vendor, answer)) == (429, wanted[vendor.name])
    if vendor.name == "gemini":
        assert "Retry-After" not in headers
        assert answer["error"]["details"][-1]["retryDelay"] == "1.5s"
    else:
        assert headers["Retry-After"] == "2"
    assert sandbox.book[0].fault == "rate_limit"
    assert not sandbox.book[0].billed


@pytest.mark.parametrize("form", ["date", "milliseconds"])
async def test_the_other_forms_of_retry_after(http, sandbox, openai_headers, form):
    sandbox.faults.add("rate_limit", retry_after=30, retry_form=form)
    body = {"model": "echo", "messages": [{"role": "user", "content": "x"}]}
    before = datetime.now(UTC)
    async with http.post("/v1/chat/completions", json=body, headers=openai_headers) as response:
        headers = response.headers
    if form == "milliseconds":
        assert headers["retry-after-ms"] == "30000"
        assert "Retry-After" not in headers
    else:
        assert headers["Retry-After"].endswith("GMT")
        assert (parsedate_to_datetime(headers["Retry-After"]) - before).total_seconds() >= 30


@pytest.mark.parametrize("status", [500, 503, 529])
async def test_server_errors(vendor, http, sandbox, status):
    sandbox.faults.add("server_error", status=status)
    found, _, answer = await _post(http, vendor)
    assert found == status
    wanted = {
        ("anthropic", 529): "overloaded_error",
        ("gemini", 500): "INTERNAL",
        ("gemini", 503): "UNAVAILABLE",
        ("gemini", 529): "UNKNOWN",
    }
    default = "api_error" if vendor.name == "anthropic" else "server_error"
    assert _told(vendor, answer) == wanted.get((vendor.name, status), default)


async def test_too_long_a_prompt_by_its_count(vendor, said):
    async with ModelSandbox(context_tokens=5) as sandbox, ClientSession(sandbox.base_url) as http:
        status, _, answer = await _post(http, vendor)
    message = answer["error"]["message"]
    assert status == 400
    assert "7" in message
    assert "5" in message
    if vendor.name == "anthropic":
        assert message == "prompt is too long: 7 tokens > 5 maximum"
    elif vendor.name == "gemini":
        assert answer["error"]["status"] == "INVALID_ARGUMENT"
    else:
        assert answer["error"]["code"] == "context_length_exceeded"


async def test_too_long_a_prompt_as_a_fault(vendor, http, sandbox):
    sandbox.faults.add("context_length")
    status, _, answer = await _post(http, vendor)
    assert status == 400
    assert "128001" in answer["error"]["message"]


@pytest.mark.parametrize("scripted", [False, True])
async def test_a_content_filter(vendor, http, sandbox, scripted):
    if scripted:
        sandbox.script([Reply(fault=Fault("content_filter"))])
    else:
        sandbox.faults.add("content_filter")
    status, _, answer = await _post(http, vendor)
    match vendor.name:
        case "openai":
            assert (status, answer["choices"][0]["finish_reason"]) == (200, "content_filter")
        case "azure":
            assert (status, answer["error"]["code"]) == (400, "content_filter")
            found = answer["error"]["innererror"]["content_filter_result"]
            assert [name for name, one in found.items() if one["filtered"]] == ["violence"]
        case "anthropic":
            assert (status, answer["stop_reason"], answer["content"]) == (200, "refusal", [])
        case _:
            assert (status, answer["promptFeedback"]["blockReason"]) == (200, "SAFETY")
    assert sandbox.book[0].billed == (status == 200)


async def test_a_body_that_is_no_json(vendor, http):
    for data in (b"{", b"[]"):
        async with http.post(vendor.path, data=data, headers=vendor.headers) as response:
            assert response.status == 400
            assert "message" in (await response.json())["error"]
