"""Which characters a text may have to be stored and sent."""

from __future__ import annotations

from deskmind.errors import InvalidRequestError

__all__ = ["check_characters", "storable"]


def storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can carry ``text``: it has no NUL and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def check_characters(**texts: str | None) -> None:
    """Refuse texts that cannot be stored.

    Args:
        texts: by the name the caller knows them by; None passes.

    Raises:
        InvalidRequestError: one of them is not ``storable``.
    """
    for name, text in texts.items():
        if text is not None and not storable(text):
            raise InvalidRequestError(
                f"The {name.replace('_', ' ')} has characters that cannot be stored.",
                why="It contains NUL, or half of a surrogate pair.",
                remedy="Remove them and send it again as UTF-8.",
            )
