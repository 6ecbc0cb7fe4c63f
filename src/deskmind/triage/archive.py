"""A model as bytes: arrays in numpy's own format, never pickled, and JSON; a hash says whether they are what was written."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import TriageModelError
from deskmind.triage.calibration import Calibration
from deskmind.triage.features import Vocabulary
from deskmind.triage.linear import Linear
from deskmind.triage.meaning import Meaning
from deskmind.triage.model import Provenance, TargetModel, TriageModel
from deskmind.triage.neighbours import Neighbours
from deskmind.triage.past import Past
from deskmind.triage.rows import Rows

__all__ = ["FORMAT", "digest", "dump", "load"]

FORMAT = 2
"""Changes when an older release could not use what this one writes, or the other way round."""

Arrays = Mapping[str, NDArray[Any]]


def digest(data: bytes) -> str:
    """SHA-256 of a model's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def dump(model: TriageModel) -> bytes:
    """The model as bytes; the same model gives the same bytes."""
    told = {
        "format": FORMAT,
        "threshold": model.threshold,
        "character_share": model.vocabulary.character_share,
        "provenance": model.provenance.as_dict(),
        "space": model.past.space,
        "targets": {name: list(target.labels) for name, target in model.targets.items()},
    }
    arrays: dict[str, NDArray[Any]] = {
        "told": _text(json.dumps(told, sort_keys=True)),
        "terms": _text("\n".join(model.vocabulary.terms)),
        "references": _text(json.dumps(model.past.references)),
        "documents": _text(json.dumps(model.past.documents)),
        "resolved": model.past.resolved,
        "vectors": model.past.vectors,
        "weights": model.vocabulary.weights,
        "past.starts": model.neighbours.rows.starts,
        "past.columns": model.neighbours.rows.columns,
        "past.values": model.neighbours.rows.values,
    }
    for number, target in enumerate(model.targets.values()):
        arrays |= {f"{number}.{name}": array for name, array in _arrays(target).items()}
    if model.meaning is not None:
        arrays |= {
            "meaning.middle": model.meaning.middle,
            "meaning.axes": model.meaning.axes,
            "meaning.tickets": model.meaning.tickets,
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType] - no array is called allow_pickle
    return buffer.getvalue()


def load(data: bytes, *, expected: str) -> TriageModel:
    """The model of some bytes; blocking.

    Args:
        data: from ``dump``.
        expected: its ``digest`` when it was written.

    Raises:
        TriageModelError: they are not what was written, or of another format.
    """
    if digest(data) != expected:
        raise _unusable("Its hash is not the one that was written down.")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return _model({name: archive[name] for name in archive.files})
    except (KeyError, ValueError, OSError, TypeError, EOFError, BadZipFile) as error:
        raise _unusable(f"It is not in the format of this release ({type(error).__name__}).") from error


def _model(arrays: Arrays) -> TriageModel:
    told = json.loads(_read(arrays["told"]))
    if told["format"] != FORMAT:
        raise _unusable(f"It is of format {told['format']}; this release reads {FORMAT}.")
    terms = tuple(_read(arrays["terms"]).split("\n"))
    rows = Rows(arrays["past.starts"], arrays["past.columns"], arrays["past.values"], len(terms))
    return TriageModel(
        vocabulary=Vocabulary(terms, arrays["weights"], told["character_share"]),
        neighbours=Neighbours(rows),
        past=Past(
            tuple(json.loads(_read(arrays["references"]))),
            arrays["resolved"],
            told["space"],
            arrays["vectors"],
            tuple(json.loads(_read(arrays["documents"]))) if "documents" in arrays else (),
        ),
        targets={
            name: _target(tuple(labels), arrays, f"{number}.")
            for number, (name, labels) in enumerate(told["targets"].items())
        },
        threshold=told["threshold"],
        provenance=Provenance.of(told["provenance"]),
        meaning=_meaning(arrays),
    )


def _meaning(arrays: Arrays) -> Meaning | None:
    if "meaning.tickets" not in arrays:
        return None
    return Meaning(arrays["meaning.middle"], arrays["meaning.axes"], arrays["meaning.tickets"])


def _arrays(target: TargetModel) -> Arrays:
    made: dict[str, NDArray[Any]] = {
        "linear.weights": target.linear.weights.astype(np.float16),
        "linear.bias": target.linear.bias,
        "calibration.weights": target.calibration.weights,
        "calibration.bias": target.calibration.bias,
        "known": target.known,
    }
    if target.joined is not None:
        made |= {"joined.weights": target.joined.weights, "joined.bias": target.joined.bias}
    return made


def _target(labels: tuple[str, ...], arrays: Arrays, prefix: str) -> TargetModel:
    def part(name: str) -> NDArray[Any]:
        return arrays[prefix + name]

    return TargetModel(
        labels,
        Linear(part("linear.weights").astype(np.float32), part("linear.bias")),
        Calibration(part("calibration.weights"), part("calibration.bias")),
        part("known"),
        Calibration(part("joined.weights"), part("joined.bias"))
        if f"{prefix}joined.bias" in arrays
        else None,
    )


def _text(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


def _read(array: NDArray[Any]) -> str:
    return array.astype(np.uint8).tobytes().decode()


def _unusable(why: str) -> TriageModelError:
    return TriageModelError("A triage model cannot be used.", why=why, remedy="Train it again.")
