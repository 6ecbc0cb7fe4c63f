from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.embedding import HashingEmbedder

EXPECTED = [0.0, 0.3358287, 0.5686074, 0.0, 0.0, 0.0, 0.3358287, 0.6716574]

texts = st.lists(st.text(max_size=80), max_size=8)


@given(texts, st.integers(2, 600))
def test_vectors_have_unit_length_whatever_the_text(batch: list[str], dimensions: int) -> None:
    vectors = asyncio.run(HashingEmbedder(dimensions).embed_documents(batch))
    assert vectors.shape == (len(batch), dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@given(texts)
def test_a_text_has_one_vector_in_any_place_and_any_embedder(batch: list[str]) -> None:
    forward = asyncio.run(HashingEmbedder().embed_documents(batch))
    backward = asyncio.run(HashingEmbedder().embed_documents(batch[::-1]))
    assert np.array_equal(forward, backward[::-1])
    for text, vector in zip(batch, forward, strict=True):
        assert np.array_equal(asyncio.run(HashingEmbedder().embed_query(text)), vector)


async def test_vectors_do_not_change_between_processes_and_releases() -> None:
    vector = await HashingEmbedder(8).embed_query("reset the password, reset it twice")
    assert np.allclose(vector, EXPECTED, atol=1e-6)


async def test_shared_words_bring_texts_together() -> None:
    vectors = await HashingEmbedder().embed_documents(
        ["Reset the VPN password", "How do I reset my VPN password?", "Order a standing desk", "!?"]
    )
    near, far, wordless = (float(vectors[0] @ vectors[i]) for i in (1, 2, 3))
    assert near > 0.5 > far
    assert wordless == 0


async def test_each_size_is_a_space_of_its_own() -> None:
    assert HashingEmbedder(64).space != HashingEmbedder(128).space
    assert HashingEmbedder(64).space == HashingEmbedder(64).space
    assert HashingEmbedder(64).space.dimensions == 64


async def test_it_can_be_closed_twice_and_used_again() -> None:
    embedder = HashingEmbedder()
    await embedder.close()
    await embedder.close()
    assert (await embedder.embed_query("still here")).any()


@pytest.mark.parametrize("dimensions", [0, 1, 4001])
def test_impossible_sizes_are_refused(dimensions: int) -> None:
    with pytest.raises(ValueError, match=str(dimensions)):
        HashingEmbedder(dimensions)
