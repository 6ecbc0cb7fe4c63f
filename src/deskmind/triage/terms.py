"""The words of a ticket, the same whether its text is raw or was cleaned by somebody before."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["LONGEST_TEXT", "title_of", "words_of"]

LONGEST_TEXT = 20_000
"""Characters that are read of one ticket; what follows is quoted mail."""

TITLE_WORDS = 8
"""A ticket begins with its summary: the first words are terms of their own beside being words."""

_LONGEST_WORD = 40
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_WORD = re.compile(r"\w+")
_ACCENT = re.compile("[\u0300-\u036f]")


def words_of(text: str) -> list[str]:
    """Lower-case words without accents; addresses, numbers and what stands alone as one character are left out.

    >>> words_of("Can't reach the VPN (error 809) since 08:15, see https://wiki.example.com")
    ['cant', 'reach', 'the', 'vpn', 'error', 'since', 'see']
    """
    plain = unicodedata.normalize("NFKD", text[:LONGEST_TEXT]).casefold()
    plain = _APOSTROPHE.sub("", _ADDRESS.sub(" ", _ACCENT.sub("", plain))).replace("_", " ")
    return [word[:_LONGEST_WORD] for word in _WORD.findall(plain) if len(word) > 1 and not word.isdigit()]


def title_of(words: list[str]) -> list[str]:
    """The words of the summary."""
    return words[:TITLE_WORDS]
