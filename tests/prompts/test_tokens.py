"""Counting tokens."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from deskmind.errors import ConfigurationError
from deskmind.prompts import BytePairCounter, Estimate, TokenizerCounter, token_counter

TEXTS = {
    "prose": "The VPN client could not reach the gateway, so I restarted the service and asked the user to try again.",
    "german": "Die Warteschlange des Druckservers wurde geleert und der Dienst neu gestartet.",
    "chinese": "我忘记了密码，请问如何重置我的令牌？设备无法连接到网络。",
    "emoji": "😀🎉🔥👩‍💻🧵",
    "log": "2026-01-02T03:04:05.678Z ERROR [http-nio-8443-exec-7] c.a.b.Main: 0x7ffde4 (code=1017): ORA-01017",
    "identifiers": "\n".join(hashlib.md5(str(n).encode()).hexdigest() for n in range(20)),
    "base64": base64.b64encode(bytes(range(256)) * 3).decode(),
    "code": "def f(x):\n    return {k: v for k, v in x.items() if v is not None}\n",
}


@pytest.fixture(params=["gpt-4o", "gpt-4", "openai/gpt-5-mini", "azure/gpt-35-turbo"])
def exact(request: pytest.FixtureRequest) -> BytePairCounter:
    counter = token_counter(request.param)
    if not isinstance(counter, BytePairCounter):
        pytest.skip("no file of ranks on this machine")
    return counter


@pytest.mark.parametrize("name", TEXTS)
def test_the_estimate_is_rather_too_high_than_too_low(exact: BytePairCounter, name: str) -> None:
    assert exact.exact
    assert Estimate().count(TEXTS[name]) >= exact.count(TEXTS[name])


def test_counts_are_the_models_own(exact: BytePairCounter) -> None:
    assert exact.count("hello world") == 2
    assert exact.count("") == 0
    assert exact.count("<|endoftext|>") > 1  # plain text, not the model's mark


def test_an_unknown_model_is_estimated() -> None:
    counter = token_counter("claude-of-tomorrow")
    assert (counter.name, counter.exact) == ("estimate(3.2)", False)
    assert Estimate().count("") == 0
    assert Estimate(4.0).count("a" * 20) == 5


def test_a_tokenizer_beside_the_model_is_used(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    made = tokenizers.Tokenizer(WordLevel({"hello": 0, "world": 1, "?": 2}, unk_token="?"))
    made.pre_tokenizer = Whitespace()
    made.enable_truncation(2)
    (tmp_path / "own-model").mkdir()
    made.save(str(tmp_path / "own-model" / "tokenizer.json"))
    counter = token_counter("own-model", tmp_path)
    assert isinstance(counter, TokenizerCounter)
    assert counter.exact
    assert counter.count("hello world hello unknown") == 4
    assert isinstance(token_counter("../own-model", tmp_path / "x"), Estimate)


def test_a_file_that_is_not_what_it_is_called_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    (tmp_path / "o200k_base.tiktoken").write_bytes(b"aGVsbG8= 0\n")
    with pytest.raises(ConfigurationError, match="SHA-256"):
        token_counter("gpt-4o", tmp_path)
    pytest.importorskip("tokenizers")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="no tokenizer"):
        token_counter("m", tmp_path)
