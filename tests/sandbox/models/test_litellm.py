"""LiteLLM, unchanged, in each wire format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

if find_spec("litellm") is None:
    pytest.skip("LiteLLM is optional", allow_module_level=True)

# LiteLLM warns on import and leaves clients open, so it has a process of its own.
_PROGRAM = """
import asyncio, json, sys
import litellm
base = sys.argv[1]
ways = {
    "openai/echo": {"api_base": base + "/v1"},
    "azure/echo": {"api_base": base, "api_version": "2024-10-21"},
    "anthropic/echo": {"api_base": base},
    "gemini/echo": {"api_base": base + "/v1beta"},
}
say = [{"role": "user", "content": "reset my password"}]
tool = {"type": "function", "function": {"name": "reset", "parameters": {
    "type": "object", "properties": {"user": {"type": "string"}}}}}
async def main():
    found = {}
    for model, way in ways.items():
        common = {"model": model, "messages": say, "api_key": "sandbox-key", "num_retries": 0, **way}
        try:
            whole = await litellm.acompletion(**common)
            stream = await litellm.acompletion(**common, stream=True, stream_options={"include_usage": True})
            text, usage = "", None
            async for chunk in stream:
                if chunk.choices: text += chunk.choices[0].delta.content or ""
                usage = getattr(chunk, "usage", None) or usage
            found[model] = [whole.choices[0].message.content, whole.usage.completion_tokens, text,
                usage.completion_tokens]
        except Exception as error:
            found[model] = repr(error)
        try:
            call = await litellm.acompletion(**common, tools=[tool], tool_choice="required")
            found[model + " tool"] = call.choices[0].message.tool_calls[0].function.name
        except Exception as error:
            found[model + " tool"] = repr(error)
        try:
            await litellm.acompletion(**{**common, "messages": [{"role": "user", "content": "x " * 130000}]})
        except Exception as error:
            found[model + " long"] = type(error).__name__
    print(json.dumps(found))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def found():
    """What LiteLLM made of each wire format, asked of a server in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "deskmind.sandbox.models"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["base_url"]
        run = subprocess.run(
            [sys.executable, "-c", _PROGRAM, url],
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        yield json.loads(run.stdout.splitlines()[-1])
    finally:
        server.terminate()
        server.communicate()


MODELS = ["openai/echo", "azure/echo", "anthropic/echo", "gemini/echo"]


@pytest.mark.parametrize("model", MODELS)
def test_whole_streamed_and_too_long(found, model):
    assert found[model] == ["reset my password", 3, "reset my password", 3]
    assert found[f"{model} long"] == "ContextWindowExceededError"


@pytest.mark.skipif(find_spec("mcp") is None, reason="LiteLLM needs the package mcp once tools are given")
@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called(found, model):
    assert found[f"{model} tool"] == "reset"
