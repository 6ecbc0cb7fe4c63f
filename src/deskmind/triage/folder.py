"""A model in a folder, for use without a tenant or a database."""

from __future__ import annotations

import json
from pathlib import Path

from deskmind.errors import ConfigurationError, NotFoundError, TriageModelError
from deskmind.triage.archive import digest, dump, load
from deskmind.triage.model import TriageModel

__all__ = ["read_model", "write_model"]

_WEIGHTS, _TOLD = "model.npz", "model.json"


def write_model(model: TriageModel, folder: Path) -> str:
    """Write ``model.npz``, and ``model.json`` with its hash and provenance; gives the hash.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    data = dump(model)
    told = {"sha256": digest(data), **model.provenance.as_dict()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ((_WEIGHTS, data), (_TOLD, (json.dumps(told, indent=2) + "\n").encode())):
            written = folder / f".{name}.new"
            written.write_bytes(content)
            written.replace(folder / name)
    except OSError as error:
        raise ConfigurationError(
            "The triage model cannot be written.",
            why=f"{folder}: {error.strerror}.",
            remedy="Name another folder.",
        ) from error
    return told["sha256"]


def read_model(folder: Path) -> TriageModel:
    """The model of a folder.

    Raises:
        NotFoundError: there is none.
        TriageModelError: it is damaged or of another format.
    """
    try:
        data, told = (folder / _WEIGHTS).read_bytes(), (folder / _TOLD).read_bytes()
    except OSError as error:
        raise NotFoundError(
            "There is no triage model.",
            why=f"{folder}: {error.strerror}.",
            remedy="Train one with: deskmind triage train --csv FILE --model FOLDER",
        ) from error
    try:
        expected = json.loads(told)["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise TriageModelError(
            "A triage model cannot be used.", why=f"{_TOLD} does not tell its hash.", remedy="Train it again."
        ) from error
    return load(data, expected=expected)
