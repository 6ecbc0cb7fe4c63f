"""People in small letters, as chats and call notes have them: *call frank back*, *mr chukwu*, *kavita rao*."""

from __future__ import annotations

import re
from typing import NamedTuple

from deskmind.governance.redaction._cities import WELL_KNOWN_PLACES
from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction._products import PRODUCTS
from deskmind.governance.redaction.detector import Word
from deskmind.governance.redaction.detectors._candidates import ENDINGS, introduced
from deskmind.governance.redaction.detectors._things import THINGS
from deskmind.governance.redaction.lexicon import Lexicon

__all__ = ["SMALL_TITLES", "Small", "small_name"]

SMALL_TITLES = frozenset(
    "mr mrs ms dr mme herr frau prof sgt mister madam familie mlle señora senora".split()
)
_BEFORE = frozenset(
    "user for with by from to its im it's i'm is ask asked asking tell told colleague manager boss cc hi hey hello dear thanks"
    " thx ty cheers regards rgds br mvh gruß lg call called calling contact as and or me name named via ping per than like"
    " technician engineer caller requester owner approver friend wife husband".split()
)
_BEHIND = frozenset(
    "said says has had is was wants needs called calls told asked left cant cannot can can't does did got gets sits works still already"
    " never also reported reports replied wrote confirmed from who will would should says tried next here".split()
)
_NOUN = re.compile(r"(?:ion|ing|ed|ment|ness|ity|able|ance|ence|lly|nal|ive|ware|ense|its|age)$")
"""How English words end that are no names."""


class Small(NamedTuple):
    """A name in small letters.

    Attributes:
        length: words it takes.
        score: 0 to 1.
        reason: what spoke for it.
    """

    length: int
    score: float
    reason: str


def small_name(text: str, words: list[Word], place: int, lexicon: Lexicon) -> Small | None:
    """The name that begins with a word in small letters, if one does."""
    word = words[place]
    if word.folded in SMALL_TITLES:
        return _titled(text, words, place)
    if (
        not _first(words, place, lexicon)
        or word.folded in ORDINARY
        or not word.text.islower()
        or len(word.text) < 3
    ):
        return None
    if word.folded in WELL_KNOWN_PLACES:
        return None
    count = _families(text, words, place, lexicon)
    if count > 1:
        return Small(count, 0.6, "both names in small letters")
    if introduced(text, word.start):
        return Small(1, 0.6, "known name after a word for people")
    if len(word.text) > 3 and word.folded not in lexicon.places and _among_people(text, words, place):
        return Small(1, 0.5, "known name in small letters")
    return None


def _first(words: list[Word], place: int, lexicon: Lexicon) -> bool:
    """Whether a name may begin with this word: a given name, or a family name before one, as in *nguyen minh*."""
    word = words[place].folded
    if word in lexicon.given:
        return True
    following = words[place + 1].folded if place + 1 < len(words) else ""
    return (
        word in lexicon.family
        and word not in lexicon.places
        and following in lexicon.given
        and following not in ORDINARY
    )


def _titled(text: str, words: list[Word], place: int) -> Small | None:
    following = words[place + 1] if place + 1 < len(words) else None
    if following is None or text[words[place].end : following.start] not in {" ", ". "}:
        return None
    if not _unusual(following.folded):
        return None
    return Small(2, 0.7, "after a form of address")


def _unusual(word: str) -> bool:
    listed = word in ORDINARY or word in PRODUCTS or word in THINGS or word in WELL_KNOWN_PLACES
    return len(word) > 2 and not listed and _NOUN.search(word) is None


def _families(text: str, words: list[Word], place: int, lexicon: Lexicon) -> int:
    """How many words from here are names side by side."""
    count = 1
    while place + count < len(words) and count < 4:
        word = words[place + count]
        if text[words[place + count - 1].end : word.start] != " " or not _family(word, lexicon):
            break
        count += 1
    return count


def _family(word: Word, lexicon: Lexicon) -> bool:
    if not word.text.islower() or len(word.text) < 3 or word.folded in ORDINARY:
        return False
    return word.folded in lexicon.names or (len(word.text) > 3 and ENDINGS.search(word.folded) is not None)


def _among_people(text: str, words: list[Word], place: int) -> bool:
    """Whether words for people stand beside it, or it stands alone in its line as a signature does."""
    word = words[place]
    before = words[place - 1] if place else None
    if before is not None and before.folded in _BEFORE and len(text[before.end : word.start]) < 3:
        return True
    behind = words[place + 1] if place + 1 < len(words) else None
    if behind is not None and behind.folded in _BEHIND and text[word.end : behind.start] == " ":
        return True
    begins = before is None or "\n" in text[before.end : word.start]
    return begins and (
        behind is None or "\n" in text[word.end : behind.start] or text[word.end : word.end + 1] == ","
    )
