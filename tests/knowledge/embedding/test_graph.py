"""The graph against all-MiniLM-L6-v2 in plain numpy, written from the paper."""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from deskmind.knowledge.embedding import LocalEmbedder, WeightsFound
from deskmind.knowledge.embedding._build import main
from deskmind.knowledge.embedding._graph import build_graph
from deskmind.knowledge.embedding._tensors import read_tensors

Array = NDArray[np.float32]
_erf = np.vectorize(math.erf, otypes=[np.float32])


def _norm(x: Array, t: Mapping[str, Array], name: str) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * t[f"{name}.weight"] + t[f"{name}.bias"]


def _dense(x: Array, t: Mapping[str, Array], name: str) -> Array:
    return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def _attend(x: Array, t: Mapping[str, Array], name: str) -> Array:
    heads = []
    query, key, value = (_dense(x, t, f"{name}.{part}") for part in ("query", "key", "value"))
    for start in range(0, 384, 32):
        part = slice(start, start + 32)
        scores = query[:, part] @ key[:, part].T / math.sqrt(32)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        heads.append(weights / weights.sum(-1, keepdims=True) @ value[:, part])
    return np.concatenate(heads, -1)


def _reference(t: Mapping[str, Array], ids: Sequence[int]) -> Array:
    """The vector of one text, ``[384] float32``, from its token numbers."""
    x = t["embeddings.word_embeddings.weight"][list(ids)]
    x = (
        x
        + t["embeddings.position_embeddings.weight"][: len(ids)]
        + t["embeddings.token_type_embeddings.weight"][0]
    )
    x = _norm(x, t, "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        mixed = _dense(_attend(x, t, f"{layer}.attention.self"), t, f"{layer}.attention.output.dense")
        x = _norm(x + mixed, t, f"{layer}.attention.output.LayerNorm")
        hidden = _dense(x, t, f"{layer}.intermediate.dense")
        hidden = hidden * (1 + _erf(hidden / math.sqrt(2))) / 2
        x = _norm(x + _dense(hidden, t, f"{layer}.output.dense"), t, f"{layer}.output.LayerNorm")
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


TEXTS = (
    "How do I reset my VPN password when I am travelling?",
    "printer",
    "",
    "Order a standing desk: choose the model in the catalogue, name your room, ask your manager to approve.",
    "Café naïve 漢字 ½ ТЕСТ",
    "1. Open Keyring. 2. Choose the expired certificate. 3. Renew it. " * 12,
)


@pytest.fixture(scope="module")
def tensors(weights: WeightsFound) -> Mapping[str, Array]:
    return read_tensors(weights.weights)


@pytest.fixture(scope="module")
def expected(tensors: Mapping[str, Array], weights: WeightsFound) -> Array:
    tokenizer = Tokenizer.from_file(str(weights.vocabulary))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return np.stack([_reference(tensors, tokenizer.encode(text).ids) for text in TEXTS])


def test_the_float_graph_computes_what_the_paper_says(
    tensors: Mapping[str, Array], expected: Array, weights: WeightsFound
) -> None:
    session = onnxruntime.InferenceSession(
        build_graph(tensors).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    tokenizer = Tokenizer.from_file(str(weights.vocabulary))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    for text, vector in zip(TEXTS, expected, strict=True):
        (found,) = session.run(None, {"ids": np.array(tokenizer.encode(text).ids, np.int64)})
        assert float(found @ vector) == pytest.approx(1, abs=1e-5)


async def test_int8_stays_close_to_float(embedder: LocalEmbedder, expected: Array) -> None:
    cosines = ((await embedder.embed_documents(TEXTS)) * expected).sum(1)
    assert cosines.mean() >= 0.98
    assert cosines.min() >= 0.97


@pytest.fixture(autouse=True)
def _keep_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)


def test_the_child_process_builds_the_graph(weights: WeightsFound, tmp_path: Path, built_cache: Path) -> None:
    assert main([str(weights.weights), str(tmp_path / "graph.onnx")]) == 0
    (cached,) = built_cache.glob("*/graph.onnx")
    assert (tmp_path / "graph.onnx").read_bytes() == cached.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["graph.onnx"]


def test_a_full_disk_is_told_to_the_parent(weights: WeightsFound, tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").symlink_to("/dev/full")
    assert main([str(weights.weights), str(tmp_path / "graph.onnx")]) == errno.ENOSPC


def test_a_file_that_is_not_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\xff" * 7 + b"\x00" + b"{}")
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_tensors(path)
