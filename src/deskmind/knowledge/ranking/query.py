"""What a question asks, apart from how the answer should be written.

People add instructions to a question ("Answer with the full number, in the format …"). They say nothing about
the subject and pull the embedding away from it, so the search goes by the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Query", "analyse"]

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+(?=\s|$)|[.!?](?=\S)[^.!?\n]*)*[.!?]*")
_INSTRUCTION = re.compile(
    r"^\W*(?:please\s+|kindly\s+)?(?:(?:your|the)\s+(?:answer|response|reply)\b"
    r"|(?:answer|respond|reply|write|format|express|state|specify|provide|give|use|include|list|return|present|keep|limit)\b"
    r"(?!.*\?\s*$))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the part of it that names its subject."""

    text: str
    focus: str


def analyse(question: str) -> Query:
    """Separate the subject from instructions on the answer's form.

    Sentences after the first that begin with an imperative about the answer are left out of ``focus``; a
    question that is nothing but such a sentence stays whole.
    """
    text = " ".join(question.split())
    sentences = [found[0].strip() for found in _SENTENCE.finditer(text) if found[0].strip()]
    asked = [sentence for sentence in sentences if sentence.rstrip().endswith("?")]
    if not asked and len(sentences) < 2:
        return Query(text, text)
    kept = [
        sentence
        for number, sentence in enumerate(sentences)
        if sentence.rstrip().endswith("?") or not _INSTRUCTION.match(sentence) or (number == 0 and not asked)
    ]
    return Query(text, " ".join(kept) or text)
