"""Names of people without a model: by what introduces them, by words known to be names, by how family names end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from deskmind.governance.redaction._ordinary import CALENDAR, ORDINARY
from deskmind.governance.redaction.detector import Prepared, Word
from deskmind.governance.redaction.detectors._candidates import Candidate
from deskmind.governance.redaction.detectors._small import SMALL_TITLES, small_name
from deskmind.governance.redaction.detectors._things import COMPANIES
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding
from deskmind.governance.redaction.lexicon import Lexicon, shipped_lexicon

__all__ = ["NameDetector"]

_TITLE = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "professor",
        "herr",
        "frau",
        "madame",
        "monsieur",
        "mme",
        "sir",
        "dame",
        "lord",
        "lady",
        "senor",
        "senora",
        "sra",
        "hr",
        "sgt",
        "mister",
        "madam",
        "mlle",
        "signora",
        "familie",
        "mag",
        "dipl",
        "ing",
        "dott",
        "sig",
    }
)
_PARTICLES = frozenset(
    "de da do dos das del della di du des la le les van von der den ten ter te zu zur el al bin ibn abu ben bar st san mc mac o y e af av".split()
)
_GAP = frozenset({" ", "  ", ". ", ".", "\u00a0"})
_ABBREVIATED = frozenset({"st", "jr", "sr"})
_ORDINALS = frozenset({"II", "III", "IV", "JR", "SR"})
_MOST_WORDS = 5
_SURE = 0.65
_ARTICLE = re.compile(r"(?:al|el|ad|an|ar|as|ash|at|az|ur|ul|d|l|de)[-'’][^\W\d_a-z]")
_SPEAKS = re.compile(
    r" (?:said|says|told|asked|asks|replied|wrote|writes|shouted|lives|lived|married|was born|grew up|wants|thinks|works (?:in|at|for))\b"
)


class NameDetector:
    """Finds people's names.

    A run of capitalised words is a name when a word for people stands before it, when one of its words is a known name and
    nothing speaks against it, or when a word ends as family names do beside a known given name. Ordinary words
    that are names too (*Mark*, *May*, *Will*) need such a neighbour. O(words).
    """

    name = "names"

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """With the shipped lexicon unless another is given."""
        self._lexicon = lexicon

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """People's names, and their parts wherever they stand again."""
        found = list(self._introduced(prepared, self._lexicon or shipped_lexicon()))
        yield from found
        yield from self._again(prepared, found)

    def _again(self, prepared: Prepared, found: list[Finding]) -> Iterator[Finding]:
        """A part of a whole name, alone elsewhere in the text, is the same person."""
        parts = {
            word.folded
            for finding in found
            if finding.score >= _SURE
            for word in Prepared(prepared.text[finding.start : finding.end]).words
            if len(word.text) > 2 and word.folded not in ORDINARY and word.text not in _PARTICLES
        }
        for word in prepared.words if parts else ():
            if word.folded in parts and not (word.capitals and len(word.text) < 5):
                yield Finding(
                    word.start, word.end, EntityType.PERSON, 0.55, "part of a name found elsewhere", self.name
                )

    def _introduced(self, prepared: Prepared, lexicon: Lexicon) -> Iterator[Finding]:
        words = prepared.words
        place = 0
        while place < len(words):
            word = words[place]
            if not word.text[0].isupper():
                if word.folded in lexicon.names or word.folded in SMALL_TITLES:
                    yield from self._small(prepared.text, words, place, lexicon)
                place += 1
                continue
            run = _run(prepared.text, words, place)
            following = words[place + len(run)] if place + len(run) < len(words) else None
            if following is None or following.folded not in COMPANIES or not following.text[0].isupper():
                yield from self._judged(prepared.text, words, place, run, lexicon)
            place += len(run)

    def _judged(
        self, text: str, words: list[Word], place: int, run: list[Word], lexicon: Lexicon
    ) -> Iterator[Finding]:
        run, titled = _trimmed(run, lexicon)
        names = [word for word in run if len(word.text) > 1 and word.text not in _PARTICLES]
        if not names or any(word.folded in COMPANIES for word in run):
            return
        start, end = run[0].start, run[-1].end
        if text[end : end + 1] in {"@", "\\"}:
            return
        score, reason = Candidate(names, lexicon, text[max(0, start - 40) : start]).judge(titled=titled)
        if not score and _acts(text, run):
            score, reason = 0.5, "does what people do"
        if score:
            dotted = len(run[-1].text) == 1 and text[end : end + 1] == "."
            yield Finding(start, end + dotted, EntityType.PERSON, score, reason, self.name)

    def _small(self, text: str, words: list[Word], place: int, lexicon: Lexicon) -> Iterator[Finding]:
        found = small_name(text, words, place, lexicon)
        if found is not None:
            end = words[place + found.length - 1].end
            yield Finding(words[place].start, end, EntityType.PERSON, found.score, found.reason, self.name)


def _run(text: str, words: list[Word], place: int) -> list[Word]:
    """The longest run of capitalised words from here, with particles and initials between them."""
    first = words[place]
    run = [first]
    pending: list[Word] = []
    for word in words[place + 1 : place + 1 + 2 * _MOST_WORDS]:
        if not _joined(text, pending[-1] if pending else run[-1], word):
            break
        if word.text[0].isupper() or _ARTICLE.match(word.text):
            if _other_manner(first, word) or len(run) > _MOST_WORDS:
                break
            run += [*pending, word]
            pending = []
        elif word.text in _PARTICLES and len(pending) < 2:
            pending.append(word)
        else:
            break
    return run


def _joined(text: str, previous: Word, word: Word) -> bool:
    gap = text[previous.end : word.start]
    abbreviated = len(previous.text) == 1 or previous.folded in _TITLE or previous.folded in _ABBREVIATED
    return gap in _GAP and ("." not in gap or abbreviated)


def _other_manner(first: Word, word: Word) -> bool:
    """Whether one of two words is all capitals and the other is not."""
    both_long = len(word.text) > 1 and len(first.text) > 1
    return both_long and word.capitals != first.capitals and word.text not in _ORDINALS


def _trimmed(run: list[Word], lexicon: Lexicon) -> tuple[list[Word], bool]:
    """A run without forms of address and ordinary words around the name, and whether there was a form of address."""
    titled = False
    while run and (
        run[0].folded in _TITLE
        or (len(run) > 1 and run[0].folded in ORDINARY and not _first_of_two(run, lexicon))
    ):
        if titled and run[0].text in _PARTICLES:
            break
        titled = titled or run[0].folded in _TITLE
        run = run[1:]
    while len(run) > 1 and run[-1].folded in ORDINARY and run[-1].folded not in lexicon.family:
        run = run[:-1]
    return run, titled


def _first_of_two(run: list[Word], lexicon: Lexicon) -> bool:
    """Whether an ordinary first word is a given name here, as in *Mark Jensen*."""
    first, following = run[0].folded, run[1].folded
    return (
        first in lexicon.given
        and first not in CALENDAR
        and len(first) > 2
        and ((following in lexicon.family and following not in ORDINARY) or len(following) == 1)
    )


def _acts(text: str, run: list[Word]) -> bool:
    return (
        len(run) <= 3
        and not run[0].capitals
        and _SPEAKS.match(text, run[-1].end) is not None
        and not any(word.folded in ORDINARY for word in run)
    )
