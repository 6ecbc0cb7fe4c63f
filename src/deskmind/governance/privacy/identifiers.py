"""What a person is known by, and the forms in which that stands in texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from deskmind.errors import InvalidRequestError
from deskmind.governance.redaction import EntityType
from deskmind.governance.redaction.detector import folded
from deskmind.governance.redaction.directory import DirectoryEntry, everyday, forms_of

__all__ = ["PHONE", "Identifier", "forms", "identifier_of", "principal_form", "whole_forms", "words_of"]

PHONE = "tel:"
"""What the form of a telephone number begins with; its last nine digits follow."""

_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,25}")
_PHONE_DIGITS = 9
_FEWEST_DIGITS = 7
_LONGEST = 200

IdentifierKind = Literal["name", "account", "phone"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """One thing a person is known by.

    Attributes:
        value: as written, such as ``Ann de Vries``, ``ann.devries@example.com`` or ``+31 20 123 4567``.
        kind: ``name`` for words that come in any order and with initials, ``account`` for what is written one way: a
            user name, an e-mail address, a vendor's id; ``phone``.
    """

    value: str
    kind: IdentifierKind


def identifier_of(value: str) -> Identifier:
    """An identifier of the kind that its form shows.

    Raises:
        InvalidRequestError: it is empty, or longer than 200 characters.
    """
    value = value.strip()
    if not value or len(value) > _LONGEST or not words_of(value):
        raise InvalidRequestError(
            "This is no identifier of a person.",
            why="An identifier has 1 to 200 characters, among them a letter or digit.",
            remedy="Give a name, a user name, an e-mail address, a telephone number or a vendor's id.",
        )
    if _PHONE.fullmatch(value) and sum(map(str.isdigit, value)) >= _FEWEST_DIGITS:
        return Identifier(value, "phone")
    return Identifier(value, "name" if " " in value and "@" not in value else "account")


def words_of(text: str) -> list[str]:
    """The words of a text as forms have them: folded, cut at everything that is no letter or digit."""
    return [folded(found[0]) for found in _WORD.finditer(text)]


def whole_forms(identifier: Identifier) -> frozenset[str]:
    """The form of the identifier itself, which tells whether somebody is the same person."""
    if identifier.kind == "phone":
        return frozenset({phone_form("".join(filter(str.isdigit, identifier.value)))})
    return frozenset({" ".join(words_of(identifier.value))})


def forms(identifiers: Iterable[Identifier]) -> frozenset[str]:
    """Every form in which the identifiers are looked for in texts; everyday words are not."""
    found: set[str] = set()
    for identifier in identifiers:
        if identifier.kind == "phone":
            found |= whole_forms(identifier)
        elif not everyday(identifier.value):
            found |= whole_forms(identifier)
            if identifier.kind == "name":
                found |= set(forms_of(DirectoryEntry(identifier.value, EntityType.PERSON)))
                found |= _with_particle(words_of(identifier.value))
    return frozenset(form for form in found if not everyday(form))


def _with_particle(words: list[str]) -> set[str]:
    """An initial before or behind a family name of several words: *A. de Vries*, *de Vries, A.*"""
    if len(words) < 3:
        return set()
    family = " ".join(words[1:])
    return {f"{words[0][0]} {family}", f"{family} {words[0][0]}"}


def phone_form(digits: str) -> str:
    """The form of a telephone number: its last nine digits, so that the country's code makes no difference."""
    return PHONE + digits[-_PHONE_DIGITS:]


def principal_form(principal_id: UUID) -> str:
    """The form of a principal's id, which stands in no text."""
    return f"id:{principal_id}"
