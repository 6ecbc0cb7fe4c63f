"""Building the int8 graph, in a process of its own: it needs 400 MB that the service should not keep.

``python -m deskmind.knowledge.embedding._build WEIGHTS GRAPH`` exits with 0, with an operating system's error
number, or with 1 (a traceback on standard error).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from deskmind.errors import EmbedderUnavailableError
from deskmind.knowledge.embedding._graph import build_graph
from deskmind.knowledge.embedding._tensors import read_tensors

__all__ = ["build", "main"]

_FAILED = 1


def build(weights: Path, graph: Path) -> None:
    """Write the int8 graph of ``weights`` to ``graph``. Blocking: about 3 s.

    Raises:
        OSError: ``graph`` cannot be written.
        EmbedderUnavailableError: the graph cannot be built.
    """
    command = [sys.executable, "-P", "-m", __spec__.name, str(weights), str(graph)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode > _FAILED:
        raise OSError(result.returncode, os.strerror(result.returncode), str(graph))
    if result.returncode != 0:
        raise EmbedderUnavailableError(
            "The embedding model could not be built.",
            why=result.stderr.strip().rpartition("\n")[2] or f"Its process ended with {result.returncode}.",
            remedy="Check that onnx and onnxruntime are installed and that 500 MB of memory are free.",
        )


def main(arguments: list[str]) -> int:
    """Build in this process; the exit status."""
    weights, graph = map(Path, arguments)
    tempfile.tempdir = str(graph.parent)
    try:
        _quantise(build_graph(read_tensors(weights)), graph)
    except OSError as error:
        return error.errno or _FAILED
    return 0


def _quantise(model: Any, path: Path) -> None:
    ort: Any = import_module("onnxruntime.quantization")
    ort.quantize_dynamic(
        model, path, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=ort.QuantType.QInt8
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
