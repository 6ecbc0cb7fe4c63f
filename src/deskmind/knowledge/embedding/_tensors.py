"""Reading a safetensors file: a JSON header, then the tensors' bytes, little-endian.

Format: https://huggingface.co/docs/safetensors, section "Format".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_tensors"]

_LENGTH_BYTES = 8


class _Entry(TypedDict):
    dtype: str
    shape: list[int]
    data_offsets: list[int]


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The ``F32`` tensors of a safetensors file by name, mapped from the file; others are left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not safetensors.
    """
    raw = np.memmap(path, np.uint8, "r")
    start = _LENGTH_BYTES + int(raw[:_LENGTH_BYTES].view("<u8")[0])
    if start > raw.size:
        raise ValueError(f"{path} is not a safetensors file")
    header = cast(dict[str, _Entry], json.loads(raw[_LENGTH_BYTES:start].tobytes()))
    return {
        name: _tensor(raw[start:], entry)
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def _tensor(data: NDArray[np.uint8], entry: _Entry) -> NDArray[np.float32]:
    first, end = entry["data_offsets"]
    return data[first:end].view("<f4").reshape(entry["shape"])
