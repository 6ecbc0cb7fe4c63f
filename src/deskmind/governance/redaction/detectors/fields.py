"""Values of forms: what stands behind *Requested for:* is a person however it is written, behind *Site:* a place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from deskmind.governance.redaction._cities import WELL_KNOWN_PLACES
from deskmind.governance.redaction._ordinary import CALENDAR, ORDINARY
from deskmind.governance.redaction._products import PRODUCTS
from deskmind.governance.redaction.detector import Prepared, folded
from deskmind.governance.redaction.detectors._things import THINGS
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding
from deskmind.governance.redaction.lexicon import Lexicon, shipped_lexicon

__all__ = ["FieldDetector"]

_FIELD = re.compile(
    r"(?:(?<=[\n;|{}(,\t.])|(?<=  )|\A)[ \t>*\-\"']{0,4}(?P<key>[^\W\d_](?:[^\W\d_]|[ _/\-](?=[^\W\d_])){1,29})[\"'*]{0,2}"
    r"[ \t]{0,3}(?:[:=|;,]|\.{2,20})[ \t\"'*|]{0,4}(?P<value>[^\W\d_][^\n;|\"{}<>()\[\]:=@\\/0-9]{1,79})"
)
_STRONG_PERSON: Final = frozenset(
    "requester,requestor,requested for,requested by,reporter,reported by,caller,affected user,opened by,assigned to,assignee,"
    "first name,last name,surname,full name,legal name,given name,family name,employee name,customer name,contact name,contact person,"
    "user name full,display name,manager,line manager,supervisor,approver,approved by,account holder,holder,cardholder,payee,consignee,"
    "visitor,visitor name,field engineer,technician,implementer,tester,change owner,watch list,submitted by,new hire,new starter,starter,"
    "leaver,onboarding,offboarding,trainee,reviewer,attn,attention,patient,vendor contact,guest,nombre,apellido,nachname,vorname,nom,prénom,"
    "kontakt,anforderer,melder,betroffener benutzer,betroffene person,ansprechpartner,gemeldet von,demandeur,solicitante,richiedente,aanvrager,team lead,on call,oncall,escalation contact".split(
        ","
    )
)
_WEAK_PERSON: Final = frozenset(
    "name,user,employee,owner,contact,from,to,cc,von,host,client,customer,author,engineer,lead,signed,sender,recipient,who,person,agent,staff".split(
        ","
    )
)
_STRONG_PLACE: Final = frozenset(
    "location,site,city,town,country,travel from,travel to,destination,work location,office location,place of birth,birthplace,"
    "user location,site name,ort,standort,stadt,ville,ciudad,città,plaats,location name".split(",")
)
_WEAK_PLACE: Final = frozenset("state,region,office,branch,store,plant,province,county,area,place".split(","))
_WORD = re.compile(r"[^\W\d_]+(?:['’.\-][^\W\d_]+)*\.?")
_NUMBER = re.compile(r"[\d#:=]")
_PARTED = re.compile(r",|\band\b|\bund\b|&|\t| {2,}")
_MOST_WORDS = 4
_PARTICLES = frozenset("de da do dos del della di du la le van von der den ter el al bin ibn y e o".split())


class _Value(NamedTuple):
    start: int
    end: int
    words: list[str]
    shown: str


class FieldDetector:
    """Finds people and places in fields of forms, in any case, also where the name is in no list. O(text)."""

    name = "fields"

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """With the shipped lexicon unless another is given."""
        self._lexicon = lexicon

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """Values behind the names of fields."""
        text = prepared.text
        if (
            ":" not in text
            and "=" not in text
            and "|" not in text
            and ";" not in text
            and ".." not in text
            and "," not in text
        ):
            return
        lexicon = self._lexicon or shipped_lexicon()
        place = 0
        while (match := _FIELD.search(text, place)) is not None:
            key = " ".join(match["key"].lower().replace("_", " ").split())
            yield from self._people(key, match, lexicon)
            yield from self._places(key, match, lexicon)
            place = max(match.start("value"), match.start() + 1)

    def _people(self, key: str, match: re.Match[str], lexicon: Lexicon) -> Iterator[Finding]:
        strong = key in _STRONG_PERSON
        if not strong and key not in _WEAK_PERSON:
            return
        for value in _values(match):
            if _person(value, lexicon, strong=strong):
                yield Finding(
                    value.start,
                    value.end,
                    EntityType.PERSON,
                    0.82 if strong else 0.6,
                    "field of a person",
                    self.name,
                )
            else:
                return

    def _places(self, key: str, match: re.Match[str], lexicon: Lexicon) -> Iterator[Finding]:
        strong = key in _STRONG_PLACE
        if not strong and key not in _WEAK_PLACE:
            return
        value = next(_values(match), None)
        if value is not None and _place(value, lexicon, strong=strong):
            yield Finding(value.start, value.end, EntityType.LOCATION, 0.82, "field of a place", self.name)


def _values(match: re.Match[str]) -> Iterator[_Value]:
    """The parts of a value between commas, each without what follows a full stop."""
    start = match.start("value")
    value = match["value"]
    for part in _pieces(value):
        words: list[str] = []
        begin = end = -1
        for word in _WORD.finditer(value, *part):
            if end >= 0 and value[end : word.start()] not in {" ", " '", " !"}:
                break
            if begin < 0:
                begin = word.start()
            words.append(word[0].rstrip("."))
            end = word.end() - (word[0].endswith(".") and len(word[0]) > 3)
            if end < word.end():
                break
        if not words or value[part[0] : begin].strip():
            return
        if part[0] and len(words) == 1 and part[1] == len(value) and _NUMBER.match(match.string, match.end()):
            return  # the name of the next field, as in *Caller: Ann Lee, Badge 4711*
        yield _Value(start + begin, start + end, [folded(word) for word in words], value[begin:end])


def _pieces(value: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _PARTED.finditer(value):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    if start < len(value):
        yield start, len(value)


def _person(value: _Value, lexicon: Lexicon, *, strong: bool) -> bool:
    words = [word for word in value.words if len(word) > 1 and word not in _PARTICLES]
    if not words or len(words) > _MOST_WORDS or any(word in THINGS or word in PRODUCTS for word in words):
        return False
    unusual = [word for word in words if word not in ORDINARY]
    known = any(word in lexicon.names for word in unusual)
    capital = value.shown[0].isupper()
    if strong:
        return bool(unusual) and (known or capital) and (known or len(unusual) == len(words))
    return known and (len(words) > 1 or (capital and words[0] in lexicon.given))


def _place(value: _Value, lexicon: Lexicon, *, strong: bool) -> bool:
    joined = " ".join(value.words).replace("-", " ")
    if joined in WELL_KNOWN_PLACES or joined in lexicon.places:
        return True
    if not strong or not value.shown[0].isupper() or len(value.words) > 3:
        return False
    return not any(
        word in ORDINARY or word in THINGS or word in PRODUCTS or word in CALENDAR for word in value.words
    )
