"""A stored model says what it said before, or is refused; it never runs code."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.triage.tickets import tickets

from deskmind.errors import NotFoundError, TriageModelError
from deskmind.triage import TriageModel, digest, dump, load, read_model, write_model


def test_a_model_read_again_predicts_the_same(model: TriageModel, tmp_path: Path) -> None:
    write_model(model, tmp_path / "deep" / "triage")
    again = read_model(tmp_path / "deep" / "triage")
    texts = [ticket.text for ticket in tickets(40, seed=9)]
    assert again.predict(texts) == model.predict(texts)
    assert again.provenance == model.provenance
    told = json.loads((tmp_path / "deep" / "triage" / "model.json").read_text("utf-8"))
    assert told["evaluation"] == model.provenance.evaluation


def test_a_changed_byte_is_noticed(model: TriageModel, tmp_path: Path) -> None:
    write_model(model, tmp_path)
    data = bytearray((tmp_path / "model.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "model.npz").write_bytes(data)
    with pytest.raises(TriageModelError, match="hash"):
        read_model(tmp_path)


def test_no_folder_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no triage model"):
        read_model(tmp_path / "nothing")


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a stored model ran code",)


def test_pickled_content_is_refused_even_with_the_right_hash(model: TriageModel) -> None:
    arrays = dict(np.load(io.BytesIO(dump(model))))
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, "terms": np.array([_Bomb()], dtype=object)})
    for data in (buffer.getvalue(), pickle.dumps(_Bomb()), b""):
        with pytest.raises(TriageModelError, match="format"):
            load(data, expected=digest(data))


def test_a_later_format_is_refused(model: TriageModel) -> None:
    arrays = dict(np.load(io.BytesIO(dump(model))))
    told = json.loads(arrays["told"].tobytes()) | {"format": 99}
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, "told": np.frombuffer(json.dumps(told).encode(), np.uint8)})
    with pytest.raises(TriageModelError, match="99"):
        load(buffer.getvalue(), expected=digest(buffer.getvalue()))
