"""Counting tokens: with a model's own tokenizer where its file is at hand, else by a declared estimate.

Nothing is downloaded. A count says of itself whether it is exact.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from deskmind.errors import ConfigurationError, MissingExtraError

__all__ = ["BytePairCounter", "Estimate", "TokenCounter", "TokenizerCounter", "token_counter"]


class TokenCounter(Protocol):
    """Counts the tokens of texts."""

    @property
    def name(self) -> str:
        """How it counts, for people."""
        ...

    @property
    def exact(self) -> bool:
        """Whether the count is the model's own, not an estimate."""
        ...

    def count(self, text: str) -> int:
        """The tokens of a text."""
        ...


_RANDOM = re.compile(
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{24,}+"
    r"|(?<![A-Za-z0-9])(?:[A-Za-z]++[0-9]|[0-9]++[A-Za-z])[A-Za-z0-9]*+"
)
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz "
_ASCII = bytes(range(128))
_FOUR_BYTES = bytes(range(0xF0, 0xF5))
"""The first bytes of characters outside the basic plane."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A declared estimate, rather too high than too low.

    English prose has 4 to 5 characters a token in current tokenizers. Letters and spaces count here as
    ``chars_per_token``; words with digits and long runs (identifiers, base64) as 1.1 characters a token; other
    digits and punctuation as 1.5; what lies beyond ASCII as 1.75 bytes of UTF-8 a token, and 3 tokens for each
    character outside the basic plane (emoji). Cost is linear in the text.

    Attributes:
        chars_per_token: of letters and spaces.
    """

    chars_per_token: float = 3.2

    @property
    def name(self) -> str:
        """``estimate(3.2)``."""
        return f"estimate({self.chars_per_token:g})"

    @property
    def exact(self) -> bool:
        """False."""
        return False

    def count(self, text: str) -> int:
        """The estimated tokens."""
        random = "".join(_RANDOM.findall(text)).encode()
        data = text.encode("utf-8", "surrogatepass")
        astral = _count(data, _FOUR_BYTES)
        ascii_bytes = _count(data, _ASCII)
        letters = _count(data, _LETTERS) - _count(random, _LETTERS)
        other = ascii_bytes - letters - len(random)
        beyond = len(data) - ascii_bytes - 4 * astral
        tokens = len(random) / 1.1 + letters / self.chars_per_token + other / 1.5 + beyond / 1.75 + astral * 3
        return math.ceil(tokens)


def _count(data: bytes, wanted: bytes) -> int:
    """How many of the bytes are among the wanted ones."""
    return len(data) - len(data.translate(None, wanted))


class BytePairCounter:
    """Exact counts for OpenAI's models, from a ``.tiktoken`` file of ranks."""

    def __init__(self, encode: Callable[[str], list[int]], name: str) -> None:
        self._encode = encode
        self._name = name

    @classmethod
    def load(cls, file: Path, encoding: str) -> BytePairCounter:
        """From a file of ranks.

        Args:
            file: lines of a token in base64 and its rank.
            encoding: ``cl100k_base`` or ``o200k_base``.

        Raises:
            MissingExtraError: the package ``tiktoken`` is not installed.
            ConfigurationError: the file is not the encoding's.
        """
        if importlib.util.find_spec("tiktoken") is None:
            raise MissingExtraError("Counting the tokens of OpenAI's models", "litellm")
        import tiktoken

        known = _ENCODINGS[encoding]
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != known.sha256:
            raise ConfigurationError(
                f"{file.name} is not the file of {encoding}.", why="Its SHA-256 differs."
            )
        pairs = (line.split() for line in content.splitlines() if line)
        ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
        made = tiktoken.Encoding(
            name=encoding, pat_str=known.pattern, mergeable_ranks=ranks, special_tokens={}
        )
        return cls(made.encode_ordinary, encoding)

    @property
    def name(self) -> str:
        """The encoding."""
        return self._name

    @property
    def exact(self) -> bool:
        """True."""
        return True

    def count(self, text: str) -> int:
        """The model's tokens; special tokens in the text count as the plain text they are."""
        return len(self._encode(text))


class TokenizerCounter:
    """Exact counts for models that come with a ``tokenizer.json``."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer = tokenizer
        self._name = name

    @classmethod
    def load(cls, file: Path, name: str) -> TokenizerCounter:
        """From a ``tokenizer.json``.

        Raises:
            MissingExtraError: the extra ``local`` is not installed.
            ConfigurationError: the file cannot be used.
        """
        if importlib.util.find_spec("tokenizers") is None:
            raise MissingExtraError("Counting tokens with a model's tokenizer", "local")
        from tokenizers import Tokenizer

        try:
            tokenizer: Any = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises plain Exception
            raise ConfigurationError(f"{file.name} of {name} is no tokenizer.", why=f"{error}.") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(tokenizer, name)

    @property
    def name(self) -> str:
        """The model."""
        return self._name

    @property
    def exact(self) -> bool:
        """True."""
        return True

    def count(self, text: str) -> int:
        """The model's tokens without those that frame a text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def token_counter(model: str, folder: Path | None = None) -> TokenCounter:
    """The best counter for a model that needs no download.

    Args:
        model: the provider's name of the model, such as ``gpt-4o``.
        folder: holds ``<encoding>.tiktoken`` for OpenAI's models and ``<model>/tokenizer.json`` for others.
            The ranks that an installed LiteLLM carries are used too.
    """
    encoding = next((known for pattern, known in _MODELS if pattern.match(model)), None)
    if encoding is not None and importlib.util.find_spec("tiktoken") is not None:
        for file in _rank_files(encoding, folder):
            if file.is_file():
                return BytePairCounter.load(file, encoding)
    file = _tokenizer_file(model, folder)
    if file is not None and importlib.util.find_spec("tokenizers") is not None:
        return TokenizerCounter.load(file, model)
    return Estimate()


def _rank_files(encoding: str, folder: Path | None) -> list[Path]:
    found = [folder / f"{encoding}.tiktoken"] if folder is not None else []
    spec = importlib.util.find_spec("litellm")  # finds the package without running it
    places = spec.submodule_search_locations if spec is not None else None
    name = _ENCODINGS[encoding].carried_as
    return found + [Path(place) / "litellm_core_utils" / "tokenizers" / name for place in places or ()]


def _tokenizer_file(model: str, folder: Path | None) -> Path | None:
    if folder is None or ".." in model or model.startswith("/"):
        return None
    file = folder / model / "tokenizer.json"
    return file if file.is_file() else None


@dataclass(frozen=True, slots=True)
class _Encoding:
    sha256: str
    carried_as: str
    pattern: str


_ENCODINGS: Final = {
    "cl100k_base": _Encoding(
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"""
        r"""\s*[\r\n]|\s+(?!\S)|\s""",
    ),
    "o200k_base": _Encoding(
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "|".join(
            [
                r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
                r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
                r"""\p{N}{1,3}""",
                r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
                r"""\s*[\r\n]+""",
                r"""\s+(?!\S)""",
                r"""\s+""",
            ]
        ),
    ),
}

_MODELS: Final = (
    (re.compile(r"(openai/|azure/)?(gpt-4o|gpt-4\.|gpt-5|o[134](-|$)|chatgpt-4o)"), "o200k_base"),
    (re.compile(r"(openai/|azure/)?(gpt-4|gpt-3\.5|gpt-35|text-embedding-)"), "cl100k_base"),
)
