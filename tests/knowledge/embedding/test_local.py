from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskmind.errors import EmbedderUnavailableError, MissingExtraError
from deskmind.knowledge.embedding import HashingEmbedder, LocalEmbedder

VPN = "Reset the password of the VPN client"


async def test_documents_keep_their_order_and_have_unit_length(embedder: LocalEmbedder) -> None:
    texts = [f"Ticket {number}: " + "the printer is jammed " * (number % 13) for number in range(61)]
    vectors = await embedder.embed_documents(texts)
    assert vectors.shape == (61, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    for number in (0, 7, 8, 60):
        alone = await embedder.embed_documents([texts[number]])
        assert float(alone[0] @ vectors[number]) == pytest.approx(1, abs=1e-4)


async def test_a_query_and_a_document_of_the_same_words_are_the_same_point(embedder: LocalEmbedder) -> None:
    query = await embedder.embed_query(VPN)
    assert query.shape == (384,)
    assert float(query @ (await embedder.embed_documents([VPN]))[0]) == pytest.approx(1, abs=1e-4)


async def test_meaning_counts_more_than_words(embedder: LocalEmbedder) -> None:
    near, far = await embedder.embed_documents(
        [
            "My remote access credentials have expired and need changing",
            "Reset the fire alarm of the building",
        ]
    )
    query = await embedder.embed_query(VPN)
    assert float(query @ near) > float(query @ far)


async def test_no_texts_are_no_vectors(embedder: LocalEmbedder) -> None:
    assert (await embedder.embed_documents([])).shape == (0, 384)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=60))
def test_any_text_can_be_embedded(built_cache: Path, text: str) -> None:
    embedder = _shared(built_cache)
    vector = asyncio.run(embedder.embed_query(text))
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-4)
    assert embedder.token_count(text) >= 2


async def test_text_beyond_the_models_window_does_not_matter(embedder: LocalEmbedder) -> None:
    words = "printer " * 254
    within, beyond, far_beyond = await embedder.embed_documents(
        [words, words + "and something else entirely", words * 200]
    )
    assert float(within @ beyond) == pytest.approx(1, abs=1e-4)
    assert float(within @ far_beyond) == pytest.approx(1, abs=1e-4)


def test_tokens_are_counted_beyond_the_window(embedder: LocalEmbedder) -> None:
    assert embedder.token_count("") == 2
    assert embedder.token_count("printer") == 3
    assert embedder.token_count("printer " * 1000) == 1002


async def test_the_event_loop_stays_free_while_documents_are_embedded(embedder: LocalEmbedder) -> None:
    documents = asyncio.create_task(embedder.embed_documents([VPN * 20] * 200))
    query = await embedder.embed_query(VPN)
    assert not documents.done()
    assert query.shape == (384,)
    assert (await documents).shape == (200, 384)


async def test_cancelling_stops_the_work(embedder: LocalEmbedder) -> None:
    texts = _Counting([VPN] * 10_000)
    documents = asyncio.create_task(embedder.embed_documents(texts))
    await embedder.embed_query(VPN)
    documents.cancel()
    with pytest.raises(asyncio.CancelledError):
        await documents
    taken = texts.taken
    await embedder.embed_documents([VPN] * 16)
    assert texts.taken == taken < 10_000


async def test_a_closed_embedder_says_so(built_cache: Path) -> None:
    embedder = LocalEmbedder.load(built_cache, threads=1)
    await embedder.close()
    await embedder.close()
    with pytest.raises(EmbedderUnavailableError, match="closed"):
        await embedder.embed_query(VPN)
    with pytest.raises(EmbedderUnavailableError, match="closed"):
        await embedder.embed_documents([VPN])


async def test_spaces_of_different_models_differ(embedder: LocalEmbedder) -> None:
    assert embedder.space.model == "all-MiniLM-L6-v2"
    assert embedder.space.dimensions == 384
    assert embedder.space.name != HashingEmbedder(384).space.name


def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"deskmind\[local\]"):
        LocalEmbedder.load(tmp_path)


async def test_a_process_with_the_model_stays_under_250_mb(built_cache: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from deskmind.knowledge.embedding import LocalEmbedder\n"
        "embedder = LocalEmbedder.load(Path(sys.argv[1]))\n"
        "asyncio.run(embedder.embed_documents(['the printer is jammed ' * 80] * 40))\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(built_cache),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    resident = psutil.Process(child.pid).memory_info().rss
    await child.communicate(b"")
    assert resident < 250 * 2**20


class _Counting(list[str]):
    """A list that counts the texts taken from it."""

    taken = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        found = super().__getitem__(key)
        self.taken += len(found) if isinstance(key, slice) else 1
        return found


_loaded: dict[Path, LocalEmbedder] = {}


def _shared(cache: Path) -> LocalEmbedder:
    if cache not in _loaded:
        _loaded[cache] = LocalEmbedder.load(cache, threads=1)
    return _loaded[cache]
