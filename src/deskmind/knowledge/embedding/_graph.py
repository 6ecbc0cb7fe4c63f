"""The ONNX graph of all-MiniLM-L6-v2: BERT with six layers, mean pooling, unit length.

One text is one run: the input is its tokens alone, ``ids [s] int64``, without batch or padding; the output is
``embedding [384] float32``. The architecture is that of Devlin et al. 2018
(https://arxiv.org/abs/1810.04805); the query, key and value projections are one matrix, and the scale of
attention is folded into the query's part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIMENSIONS", "MAX_TOKENS", "build_graph"]

DIMENSIONS = 384
MAX_TOKENS = 256
_LAYERS = 6
_HEADS = 12
_HEAD_WIDTH = DIMENSIONS // _HEADS
_EPSILON = 1e-12
_OPSET = 20
_IR_VERSION = 10

Tensors = Mapping[str, NDArray[np.float32]]


def build_graph(tensors: Tensors) -> Any:
    """The model as an ``onnx.ModelProto``; the word table is kept in float16, all else in float32."""
    return _GraphBuilder(tensors).model()


class _GraphBuilder:
    def __init__(self, tensors: Tensors) -> None:
        from onnx import helper, numpy_helper

        self._helper: Any = helper
        self._to_proto: Any = numpy_helper.from_array
        self._tensors = tensors
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def model(self) -> Any:
        x = self._embedded()
        for number in range(_LAYERS):
            x = self._layer(x, f"encoder.layer.{number}.")
        pooled = self._op("ReduceMean", x, self._shape("rows", 0), keepdims=0)
        self._op("LpNormalization", pooled, outputs=["embedding"], axis=-1, p=2)
        return self._finish()

    def _embedded(self) -> str:
        prefix = "embeddings."
        words = self._weight(f"{prefix}word_embeddings.weight").astype(np.float16)
        word = self._op("Gather", self._constant("words", words), "ids", axis=0)
        word = self._op("Cast", word, to=self._helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)))
        positions = self._weight(f"{prefix}position_embeddings.weight")[:MAX_TOKENS]
        positions = positions + self._weight(f"{prefix}token_type_embeddings.weight")[0]
        length = self._op("Shape", "ids")
        position = self._op("Slice", self._constant("positions", positions), self._shape("start", 0), length)
        return self._normalised(self._op("Add", word, position), f"{prefix}LayerNorm")

    def _layer(self, x: str, prefix: str) -> str:
        mixed = self._linear(
            self._attention(x, f"{prefix}attention.self."), f"{prefix}attention.output.dense"
        )
        x = self._normalised(self._op("Add", x, mixed), f"{prefix}attention.output.LayerNorm")
        hidden = self._op("Gelu", self._linear(x, f"{prefix}intermediate.dense"))
        hidden = self._linear(hidden, f"{prefix}output.dense")
        return self._normalised(self._op("Add", x, hidden), f"{prefix}output.LayerNorm")

    def _attention(self, x: str, prefix: str) -> str:
        scale = np.float32(_HEAD_WIDTH**-0.5)
        parts = [(self._weight(f"{prefix}{p}.weight"), self._weight(f"{prefix}{p}.bias")) for p in _PARTS]
        parts[0] = (parts[0][0] * scale, parts[0][1] * scale)
        weight, bias = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        joined = self._affine(x, f"{prefix}joined", weight, bias)
        names = [f"{prefix}{part}" for part in _PARTS]
        self._op("Split", joined, outputs=names, axis=-1, num_outputs=3)
        query, key, value = (self._heads(name) for name in names)
        scores = self._op(
            "Softmax", self._op("MatMul", query, self._op("Transpose", key, perm=[0, 2, 1])), axis=-1
        )
        mixed = self._op("Transpose", self._op("MatMul", scores, value), perm=[1, 0, 2])
        return self._op("Reshape", mixed, self._shape("joined", 0, DIMENSIONS))

    def _heads(self, x: str) -> str:
        split = self._op("Reshape", x, self._shape("heads", 0, _HEADS, _HEAD_WIDTH))
        return self._op("Transpose", split, perm=[1, 0, 2])

    def _linear(self, x: str, name: str) -> str:
        return self._affine(x, name, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))

    def _affine(self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        product = self._op("MatMul", x, self._constant(f"{name}.weight", weight.T))
        return self._op("Add", product, self._constant(f"{name}.bias", bias))

    def _normalised(self, x: str, name: str) -> str:
        scale = self._constant(f"{name}.weight", self._weight(f"{name}.weight"))
        bias = self._constant(f"{name}.bias", self._weight(f"{name}.bias"))
        return self._op("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)

    def _weight(self, name: str) -> NDArray[np.float32]:
        return self._tensors[name]

    def _shape(self, name: str, *values: int) -> str:
        return self._constant(f"shape.{name}", np.array(values, np.int64))

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        if name not in self._constants:
            self._constants[name] = self._to_proto(np.ascontiguousarray(value), name)
        return name

    def _op(self, kind: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any) -> str:
        name = f"{kind}_{len(self._nodes)}"
        results = outputs or [name]
        self._nodes.append(self._helper.make_node(kind, list(inputs), results, name=name, **attributes))
        return results[0]

    def _finish(self) -> Any:
        make, kinds = self._helper, self._helper.np_dtype_to_tensor_dtype
        ids = make.make_tensor_value_info("ids", kinds(np.dtype(np.int64)), ["tokens"])
        embedding = make.make_tensor_value_info("embedding", kinds(np.dtype(np.float32)), [DIMENSIONS])
        graph = make.make_graph(
            self._nodes, "all-MiniLM-L6-v2", [ids], [embedding], list(self._constants.values())
        )
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        make.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
        return model


_PARTS = ("query", "key", "value")
