"""Whether a run of capitalised words is somebody's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from deskmind.governance.redaction._cities import WELL_KNOWN_PLACES
from deskmind.governance.redaction._ordinary import CALENDAR, ORDINARY
from deskmind.governance.redaction.detector import Word
from deskmind.governance.redaction.lexicon import Lexicon

__all__ = ["ENDINGS", "Candidate", "introduced"]

_CUE = re.compile(
    r"(?i:\b(?:my (?:full |first |last |sur)?name is|(?:his|her|their|whose) name is|name(?:d|s)?(?: is|:)|i am|i'm|this is|called|it's me,?|surname:?|last name:?|first name:?"
    r"|(?:requester|requestor|requested by|requested for|reported by|caller|contact|contact person|opened by|assigned to|assignee|owner|user|employee|manager"
    r"|author|attn|attention|cc|from|to|sent by|created by|approved by|approver|signed|submitted by|on behalf of|speak (?:to|with)|spoke (?:to|with)|talk(?:ed)? (?:to|with)"
    r"|ask(?:ing)?(?: for)?|behalf of|colleague|boss|supervisor|wife|husband|father|mother|brother|sister|son|daughter)\s?:?"
    r"|dear|hi|hello|hey|thanks,|thank you,|regards,|cheers,|sincerely,|best,|br,|rgds,?|greetings,?|mvh,?|grüße,?|written by|directed by:?|starring:?|featuring|by))[\s,:>*_\-]{1,6}\Z"
)
_STRONG_CUE = re.compile(
    r"(?i:\b(?:name is|name:|names?:|surname:?|last name[:?]?|first name[:?]?|call(?:ed)? me|requester:?|requested (?:by|for):?|reported by:?|caller:?|contact(?: person)?:|opened by:?|assigned to:?|assignee:?"
    r"|manager:|employee:|user:|attn:?|behalf of|approved by:?|submitted by:?|dear|regards,|cheers,|sincerely,|thanks,|mr|mrs|ms|miss|mx|dr|prof|sir|madam|herr|frau|monsieur|mme|madame|señor|señora)\.?)[\s,:>*_\-]{1,6}\Z"
)
ENDINGS = re.compile(
    r"(?:sson|sdottir|dottir|ovic|evic|ović|ević|ić|ič|wicz|ski|ska|cki|cka|enko|chuk|czuk|yuk|idze|adze|shvili|oglu|ogullari|escu|opoulos|akis|idis|inen|nen|ainen|elainen|ström|strom|gren|qvist|kvist|lund|berg"
    r"|quist|stein|mann|meier|meyer|bauer|huber|ova|eva|ov|ev|yev|yeva|ová|ský|ska|szky|vary|nagy|yan|ian|ez|eira|eiro|ães|inho|etti|elli|acci|ucci|etto|aldi|oni|ini|son|sen|ssen|ward|worth|ton|stad|vold"
    r"|dal|gaard|gård|feldt|feld|zadeh|pour|nejad|khan|singh|moto|mura|yama|kawa|saki|shima|tani|guchi|moto|hara|eau|ault|ard|ier|eux|aux|elle|ette)$"
)
_APOSTROPHE = re.compile(r"o['’][^\W\d_]{3,}\Z")
_MOST_NAMES = 4
_NOBODY = (0.0, "")

Judgement = tuple[float, str]


def introduced(text: str, start: int) -> bool:
    """Whether a strong word for people stands before a place in the text."""
    return _STRONG_CUE.search(text, max(0, start - 40), start) is not None


class Candidate:
    """Words that may be a name, without initials and particles, and what stands before them."""

    def __init__(self, names: Sequence[Word], lexicon: Lexicon, before: str) -> None:
        self._words = [word.folded for word in names]
        self._capitals = names[0].capitals
        self._lexicon = lexicon
        self._before = before
        self._usual = [word in ORDINARY for word in self._words]

    def judge(self, *, titled: bool) -> Judgement:
        """How sure it is a name, 0 for not at all, and why."""
        count = len(self._words)
        if count > _MOST_NAMES:
            return _NOBODY
        if titled:
            return 0.95, "after a form of address"
        if all(self._usual) and not (count == 2 and self._given(0) and self._known[1]):
            return _NOBODY
        if self._together in WELL_KNOWN_PLACES or (count == 1 and self._words[0] in CALENDAR):
            return _NOBODY
        if self._strong and count < _MOST_NAMES:
            return (0.9 if any(self._known) else 0.7), "after a word for people"
        return self._one() if count == 1 else self._several()

    @cached_property
    def _known(self) -> list[bool]:
        return [_known(word, self._lexicon) for word in self._words]

    @cached_property
    def _together(self) -> str:
        return " ".join(self._words)

    @cached_property
    def _strong(self) -> bool:
        return _STRONG_CUE.search(self._before) is not None

    @cached_property
    def _cue(self) -> bool:
        return self._strong or _CUE.search(self._before) is not None

    def _given(self, place: int) -> bool:
        return self._words[place] in self._lexicon.given

    def _one(self) -> Judgement:
        word, lexicon = self._words[0], self._lexicon
        if self._usual[0] or len(word) < 3 or self._capitals:
            return _NOBODY
        if word in lexicon.given:
            sure = 0.6 if word not in lexicon.places else 0.45
            return (0.85 if self._cue else sure), "known given name"
        if word in lexicon.family and word not in lexicon.places:
            return (0.75 if self._cue else 0.5), "known family name"
        if _APOSTROPHE.match(word):
            return (0.75 if self._cue else 0.55), "begins as family names do"
        if ENDINGS.search(word) and self._cue:
            return 0.55, "ends as family names do, after a word for people"
        return _NOBODY

    def _several(self) -> Judgement:
        others = any(
            known and not usual for known, usual in zip(self._known[1:], self._usual[1:], strict=True)
        )
        if self._given(0) and (others or not self._usual[0]):
            return self._after_given_name(others=others)
        if any(self._usual):
            return _NOBODY
        place = self._together in self._lexicon.places
        if any(self._known):
            if place:
                return (0.5 if self._cue else 0.0), "place and name"
            return (0.8 if self._cue else 0.6), "one word is a known name"
        if self._capitals or place:
            return _NOBODY
        if any(ENDINGS.search(word) for word in self._words[1:]):
            return (0.7 if self._cue else 0.5), "ends as family names do"
        return (
            (0.5, "capitalised after a word for people") if self._cue and len(self._words) <= 3 else _NOBODY
        )

    def _after_given_name(self, *, others: bool) -> Judgement:
        if all(self._usual[1:]) and not any(self._known[1:]):
            return _NOBODY
        score = 0.85 if others else 0.7
        if self._together in self._lexicon.places:
            score = 0.4
        return (min(0.95, score + 0.1) if self._cue else score), "given name, then another name"


def _known(word: str, lexicon: Lexicon) -> bool:
    return word in lexicon.names or ("-" in word and any(part in lexicon.names for part in word.split("-")))
