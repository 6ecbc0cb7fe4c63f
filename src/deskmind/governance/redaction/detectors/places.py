"""Places and postal addresses without a model."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from deskmind.governance.redaction._cities import WELL_KNOWN_PLACES
from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction._products import PRODUCTS
from deskmind.governance.redaction.detector import Prepared, Word
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding
from deskmind.governance.redaction.lexicon import Lexicon, shipped_lexicon

__all__ = ["PlaceDetector"]

_STREET_WORD = (
    r"street|st|avenue|ave|road|rd|lane|ln|drive|dr|court|ct|place|pl|square|sq|boulevard|blvd|way|highway|hwy|terrace|close|crescent|parkway|pkwy"
    r"|circle|trail|alley|row|walk|grove|hill|gardens|mews|quay|wharf|rise|esplanade|plaza|route"
)
_STREET_LEAD = r"rue|rúa|avenue|boulevard|chemin|place|allée|quai|impasse|via|viale|piazza|corso|largo|calle|avenida|plaza|paseo|camino|carrer|rua|travessa|ulica|ul\.?|aleja|al\.|calea|strada|rruga|place de|cours|c/|av\.?"
_STREET_END = r"stra(?:ß|ss)e|str\.|weg|gasse|allee|platz|ring|damm|ufer|gatan|vägen|gata|vägen|gate|gaten|veien|vegen|vej|gade|straat|laan|plein|kade|dijk|tie|katu|kuja|polku|tänav|utca|út|utja|tér|körút|näs|byn|tn|holt|götu|vegur|gränd|stræde|allé"
_NAME = r"[^\W\d_][\w'’.\-]{0,30}"
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][\w'’.\-]{0,30}"
_LINK = r"(?:am|an|auf|der|den|dem|von|van|vom|zum|zur|im|in|de|het|alte[rn]?|neue[rn]?)"
_NUMBER = r"\d{1,6}(?:[ \-/]?[A-Za-z](?!\w))?"
_UNIT = r"(?:apt|apartment|suite|ste|unit|flat|room|rm|building|bldg|floor|fl)\.? ?#?\d{1,5}[A-Za-z]?"

_NUMBERED = re.compile(
    r"(?<![\w.])(?:"
    rf"(?:{_NUMBER},? ){{1,2}}(?:{_NAME} ){{1,4}}(?i:{_STREET_WORD})\b\.?(?: \d{{1,5}})?"
    rf"|{_NUMBER},? (?i:{_STREET_LEAD}) (?:{_NAME},? ){{0,4}}{_NAME},? ?(?:{_NUMBER})?"
    rf"|\d{{2,6}} (?:(?!(?i:windows|version|office)){_NAME} ){{1,3}}\d{{1,4}}(?![\w.%])"
    rf"|{_NUMBER} (?:{_NAME} ){{1,4}}\d{{1,5}}(?=[\s,]{{1,8}}(?i:apt|suite|ste|unit|flat)\b)"
    rf"|\d{{1,6}} (?:{_NAME} ){{1,4}}(?i:apt|suite|ste|unit|flat)\.? ?#?\d{{1,5}}"
    r")(?!\w)"
)
_COMPLETE = re.compile(
    rf"(?<![\w.])(?:(?:{_CAPITAL} (?:(?:{_CAPITAL}|{_LINK}) ){{0,3}})\d{{1,4}}[ ]?[a-zA-Z]?,? ?\n? ?(?:[A-Z]{{1,2}}-)?\d{{4,5}}(?: [A-Z]{{2}})? {_CAPITAL}"
    rf"|\d{{1,6}} {_CAPITAL}(?: {_CAPITAL}){{0,3}},? ?\n?{_CAPITAL}(?: {_CAPITAL}){{0,2}},? [A-Z]{{2}} \d{{5}}(?:-\d{{4}})?)(?!\w)"
)
"""Street and number, postcode and town; or number and street, town, state and postcode."""
_POSTCODED = re.compile(r"\d\d(?:[A-Z]{0,2} [^\W\d_a-z]| [A-Z]{2} [^\W\d_a-z])|[A-Z]{2} \d{5}")
"""Without it there is no complete address, and the longer expression need not be tried."""
_LED = re.compile(
    rf"(?<![\w.])(?:(?i:{_STREET_LEAD}) (?:{_NAME},? ){{0,4}}{_NAME},? ?(?:{_NUMBER})?"
    r"|(?i:p\.? ?o\.? ?box|postfach|psc|unit) \d{1,6}(?:,? (?:[Bb]ox) \d{1,6})?|(?:USS|USNS|USNV|USCGC) [A-Z]\w+)(?!\w)"
)
_SENTENCE = re.compile(r"[^\W\d_]{4}\.\Z")
_AT = re.compile(
    r"(?:Am|An|Auf|Im|Zum|Zur|Unter)(?: de[rmn])? [^\W\d_a-z][^\d,]{2,40} \d{1,4}[ ]?[a-z]?,? ?\n?(?:[A-Z]{1,2}-)?\d{4,5} "
)
"""A street that begins with a preposition, as in *Am Alten Markt 5, 1010 Wien*."""
_BEFORE_NUMBER = re.compile(r" \d")
_ENDINGS = (*_STREET_END.replace("(?:ß|ss)", "ß").replace("\\.", ".").split("|"), "strasse")
_ENDED = re.compile(
    rf"(?<![\w.])(?:{_NUMBER},? )?(?:{_CAPITAL} (?:(?:{_CAPITAL}|{_LINK}) ){{0,2}})?{_NAME}(?i:{_STREET_END}) {_NUMBER}(?!\w)"
)
_REST = re.compile(
    rf"[\s,]{{0,12}}(?:(?i:{_UNIT})|(?:(?<=[,\n])|(?<=[,\n]\s))(?:[A-Z]{{1,3}}-)?(?:\d{{4,6}}|\d{{3}} \d{{2}}) [^\W\d_a-z][\w'’.\-()]{{1,30}}|(?:[A-Z]{{1,2}}\d{{1,2}}[A-Z]? ?\d[A-Z]{{2}}|\d{{3,6}}(?:[\- ]\d{{2,4}})?(?![\d\-.()]|[ \t]{{1,2}}[\w(])|[A-Z]{{2}}\b(?: \d{{5}})?|(?:APO|FPO|DPO),? [A-Z]{{2}} \d{{5}})|[^\W\d_a-z][\w'’.\-()]{{1,30}}(?: (?!\w{{1,2}}\d)[^\W\d_a-z][\w'’.\-()]{{1,30}}| (?:de|da|do|di|la|le|of|am|an der|upon|sur|del|el) [^\W\d_a-z][\w'’\-]{{1,30}}){{0,3}})(?![\w@])"
)
_SEPARATED = re.compile(r"(?i)(?<![\w.])(?:apt|apartment|suite|flat)\.? ?#?\d{1,5}[A-Za-z]?(?!\w)")
_MILITARY = re.compile(r"\b(?:APO|FPO|DPO),? A[AEP] \d{5}\b")
_POSTCODE = re.compile(
    r"(?i:\b(?:zip(?: ?code)?|post ?code|postal code|plz|cap|codigo postal|code postal)\b(?: is)?[\s:#]{1,4})(?P<value>[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2}|\d{3,6}(?:[\- ]\d{2,4})?)(?!\w)"
)
_UK_POSTCODE = re.compile(r"(?<![\w\-])[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?![\w\-])")
_STATE_ZIP = re.compile(r"\b[A-Z]{2},? \d{5}(?:-\d{4})?(?!\w)")
_CITY_CUE = re.compile(
    r"(?i:\b(?:live[sd]?|living|moved?|moving|based|born|located|grew up|raised|travell?ing|travell?ed|travels?|trip|flight|flying|fly|visit(?:ing|ed)?|office|branch|city|town|hometown|village|stay(?:ing)?|"
    r"relocat(?:e|ed|ing)|resid(?:e|es|ing)|arriv(?:e|ed|ing)|going|went|back|here|headquartered|warehouse|datacent(?:er|re)|data cent(?:er|re)|site|plant|store|people|am|is|are|was|from)"
    r"(?: (?:back|over|up|down|here|there|out|located|now|currently))?(?: (?:in|to|from|at|near|of|for|outside|around)){1,2}(?: the (?:city|town) of)?) \Z"
)
_WEAK_CUE = re.compile(
    r"(?i:\b(?:in|from|near|at|of|to|for|around|outside)) \Z|[,/(] ?\Z|(?i:\b(?:city|country|location|town|place of birth|region|site|office):) ?\Z"
)
_COMPANY = frozenset(
    "inc ltd llc gmbh corp corporation company group plc incorporated consulting systems software technologies".split()
)
_PREPOSITIONS = frozenset("in to from at near of for outside around town city".split())
_ALSO_WORDS = ORDINARY | frozenset(
    "usa us uk turkey chile wales jersey split reading nice cork bath hull lima mobile male jordan georgia".split()
)
_LONGEST_WELL_KNOWN = 4
_MOST_REST = 8
_LONGEST_ADDRESS = 160


_POSTCODE_WORDS = ("zip", "post", "plz", "cap")


class PlaceDetector:
    """Finds places (cities, states, countries), postal addresses and their postcodes. O(words)."""

    name = "places"

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """With the shipped lexicon unless another is given."""
        self._lexicon = lexicon

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """Places and addresses."""
        yield from self._addresses(prepared)
        yield from self._places(prepared, self._lexicon or shipped_lexicon())

    def _addresses(self, prepared: Prepared) -> Iterator[Finding]:
        text = prepared.text
        if not prepared.digits:
            return
        lowered = prepared.lowered
        hinted = any(
            lowered.endswith(_ENDINGS, 0, found.start()) for found in _BEFORE_NUMBER.finditer(lowered)
        )
        ended = _ENDED.finditer(text) if hinted else ()
        complete = _COMPLETE.finditer(text) if _POSTCODED.search(text) else ()
        for match in itertools.chain(complete, _NUMBERED.finditer(text), _LED.finditer(text), ended):
            if _plausible(match[0]):
                yield Finding(
                    match.start(),
                    _extended(text, match.end()),
                    EntityType.ADDRESS,
                    0.85,
                    "form of a postal address",
                    self.name,
                )
        for expression, score, reason, words in (
            (_SEPARATED, 0.6, "part of an address", ("apt", "apartment", "suite", "flat")),
            (_MILITARY, 0.9, "military address", ("apo", "fpo", "dpo")),
        ):
            for match in expression.finditer(text) if _any(words, prepared) else ():
                yield Finding(
                    match.start(), _extended(text, match.end()), EntityType.ADDRESS, score, reason, self.name
                )
        for match in _POSTCODE.finditer(text) if _any(_POSTCODE_WORDS, prepared) else ():
            yield Finding(
                *match.span("value"), EntityType.POSTCODE, 0.9, "after a word for a postcode", self.name
            )
        for match in _UK_POSTCODE.finditer(text):
            yield Finding(*match.span(), EntityType.POSTCODE, 0.7, "form of a postcode", self.name)
        for match in _STATE_ZIP.finditer(text):
            yield Finding(*match.span(), EntityType.ADDRESS, 0.65, "state and postcode", self.name)

    def _places(self, prepared: Prepared, lexicon: Lexicon) -> Iterator[Finding]:
        words, small = prepared.words, prepared.small
        place = 0
        while place < len(words):
            word = words[place]
            if not word.text[0].isupper():
                if not small and (place == 0 or words[place - 1].folded not in _PREPOSITIONS):
                    place += 1
                    continue
                count, score, reason = _small_place(words, place), 0.5, "well-known place"
            else:
                count, score, reason = _place_at(prepared.text, words, place, lexicon)
            if count:
                yield Finding(
                    word.start, words[place + count - 1].end, EntityType.LOCATION, score, reason, self.name
                )
            place += max(count, 1)


def _plausible(street: str) -> bool:
    """Whether it has a capital and does not begin with an ordinary word, as *During 1971* does."""
    first = street.split(maxsplit=1)[0]
    ordinary = first.lower() in ORDINARY and not (first == "Via" and street[-1].isdigit())
    if ordinary and _AT.match(street):
        ordinary = False
    return (any(map(str.isupper, street)) and not ordinary) or "box" in street.lower()


def _extended(text: str, end: int) -> int:
    """Where an address ends whose street ends there: units, postcodes, cities and countries behind it belong to it."""
    start = end
    for _ in range(_MOST_REST):
        rest = _REST.match(text, end, end + 80)
        if rest is None or rest.end() - start > _LONGEST_ADDRESS or not _continues(text[end : rest.end()]):
            break
        end = rest.end()
        if _SENTENCE.search(text, start, end):
            break
    return end - (end > start and text[end - 1] == ".")


def _continues(part: str) -> bool:
    """Whether a part behind a street belongs to the address: not a sentence that begins, not an ordinary word."""
    shown = part.strip(" ,\n\t")
    return not (shown.isalpha() and shown.lower() in ORDINARY and len(shown) > 2)


def _place_at(text: str, words: list[Word], place: int, lexicon: Lexicon) -> tuple[int, float, str]:
    """How many words from here name a place, how sure that is, and why."""
    first = words[place]
    before = text[max(0, first.start - 48) : first.start]
    somewhere = (
        place > 0
        and words[place - 1].folded in _PREPOSITIONS
        and before.endswith(" ")
        and _CITY_CUE.search(before) is not None
    )
    found = _known_place(text, words, place, lexicon, before, somewhere=somewhere)
    if found[0] or not somewhere or first.folded in ORDINARY or first.folded in lexicon.names:
        return found
    count = _capitalised(text, words, place)
    following = words[place + count].folded if place + count < len(words) else ""
    if following in _COMPANY or words[place + count - 1].folded in _COMPANY:
        return found
    return count, 0.6, "capitalised after a word for being somewhere"


def _small_place(words: list[Word], place: int) -> int:
    """How many words from here, in small letters, name a well-known place."""
    joined, found = "", 0
    for count in range(1, min(_LONGEST_WELL_KNOWN, len(words) - place) + 1):
        joined = f"{joined} {words[place + count - 1].folded}".strip()
        if joined in WELL_KNOWN_PLACES and joined not in _ALSO_WORDS:
            found = count
    return found if len(joined) > 2 else 0


def _known_place(
    text: str, words: list[Word], place: int, lexicon: Lexicon, before: str, *, somewhere: bool
) -> tuple[int, float, str]:
    """The longest place of the lexicon that begins here."""
    longest = max(lexicon.place_words.get(words[place].folded, 1), _LONGEST_WELL_KNOWN)
    joined, found = "", (0, 0.0, "")
    for count in range(1, min(longest, len(words) - place) + 1):
        word = words[place + count - 1]
        if count > 1 and text[words[place + count - 2].end : word.start] not in {" ", "-", ". "}:
            break
        joined = f"{joined} {word.folded}".strip().replace("-", " ")
        if joined in WELL_KNOWN_PLACES:
            found = (count, _well_known(text, words, place, count, lexicon), "well-known place")
        elif joined in lexicon.places and (
            count > 1 or (joined not in ORDINARY and not (word.capitals and joined in PRODUCTS))
        ):
            ambiguous = count == 1 and (joined in lexicon.names or (word.capitals and len(word.text) < 5))
            if somewhere or _WEAK_CUE.search(before):
                found = (count, 0.8 if somewhere else 0.65, "known place")
            elif not ambiguous:
                found = (count, 0.42, "known place")
    return found


def _well_known(text: str, words: list[Word], place: int, count: int, lexicon: Lexicon) -> float:
    """Lower beside a given name, with which the place is a family name, and where the word is a given name itself."""
    word = words[place]
    before = words[place - 1] if place else None
    if (
        before is not None
        and text[before.end : word.start] == " "
        and before.titled
        and before.folded in lexicon.given
    ):
        return 0.45 if before.folded not in ORDINARY else 0.8
    if count == 1 and word.folded in lexicon.given:
        return 0.62 if _WEAK_CUE.search(text[max(0, word.start - 8) : word.start]) else 0.5
    return 0.8


def _capitalised(text: str, words: list[Word], place: int) -> int:
    count = 1
    while place + count < len(words) and count < 4:
        word = words[place + count]
        if (
            text[words[place + count - 1].end : word.start] != " "
            or not word.text[0].isupper()
            or word.folded in ORDINARY
        ):
            break
        count += 1
    return count


def _any(words: tuple[str, ...], prepared: Prepared) -> bool:
    """Whether one stands in the text, without which an expression need not be tried."""
    return any(word in prepared.lowered for word in words)
