"""The redactor: detectors, a policy, and what becomes of a text."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from deskmind.errors import ContentBlockedError
from deskmind.governance.redaction.detector import Detector, Prepared
from deskmind.governance.redaction.detectors import (
    FieldDetector,
    NameDetector,
    NationalIdDetector,
    PatternDetector,
    PlaceDetector,
)
from deskmind.governance.redaction.finding import Finding, resolve
from deskmind.governance.redaction.policy import Action, RedactionPolicy
from deskmind.governance.redaction.session import Session

__all__ = ["Redacted", "Redactor"]

_PIECE = 20_000
_OVERLAP = 400
_KEY_BEGINS, _KEY_ENDS, _LONGEST_KEY = "-----BEGIN", "-----END", 20_200
_TOKEN = re.compile(r"[\w\-.=+/~]{0,12000}+")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text after redaction.

    Attributes:
        text: as it may be shown.
        findings: places in the text as it was given, none overlapping.
    """

    text: str
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Findings by type; holds nothing of the text."""
        return dict(sorted(Counter(str(finding.type) for finding in self.findings).items()))


class Redactor:
    """Finds personal and secret data and replaces it. Needs no database and no model.

    >>> from deskmind.governance.redaction import Redactor
    >>> session = Redactor().session()
    >>> session.protect("Mail ann@example.com about the card 4111 1111 1111 1111.")
    'Mail <EMAIL_ADDRESS_1> about the card <CREDIT_CARD_1>.'
    >>> session.restore("I wrote to <EMAIL_ADDRESS_1>.")
    'I wrote to ann@example.com.'
    """

    def __init__(
        self,
        detectors: Sequence[Detector] | None = None,
        *,
        policy: RedactionPolicy | None = None,
        hash_key: bytes | None = None,
    ) -> None:
        """A redactor.

        Args:
            detectors: instead of patterns, national ids, names, places and fields.
            policy: what is done with each type; placeholders by default.
            hash_key: for the action ``hash``; random by default, so that hashes agree within this object only.
        """
        self._detectors: tuple[Detector, ...] = tuple(
            detectors
            if detectors is not None
            else (PatternDetector(), NationalIdDetector(), NameDetector(), PlaceDetector(), FieldDetector())
        )
        self.policy = policy or RedactionPolicy()
        self._hash_key = hash_key or secrets.token_bytes(32)

    def with_detector(self, *further: Detector) -> Redactor:
        """One that asks further detectors, and is as this one otherwise."""
        return Redactor((*self._detectors, *further), policy=self.policy, hash_key=self._hash_key)

    @property
    def slow(self) -> bool:
        """Whether a detector is so slow that texts do not belong in an event loop."""
        return any(getattr(detector, "slow", False) for detector in self._detectors)

    def find(self, text: str) -> list[Finding]:
        """What is in a text, by position, none overlapping; scores below the policy's least are left out.

        Long texts are looked through in pieces that overlap, so that time grows with the length only.
        """
        least = self.policy.least
        found: list[Finding] = []
        for start in range(0, max(len(text), 1), _PIECE):
            piece = text[start : _end(text, start)]
            prepared = Prepared(piece)
            for detector in self._detectors:
                found += (
                    _moved(finding, start) if start else finding
                    for finding in detector.find(prepared)
                    if finding.score >= least
                )
        return resolve(found, text)

    def redact(self, text: str, *, session: Session | None = None) -> Redacted:
        """A text with what was found replaced as the policy says.

        Raises:
            ContentBlockedError: the policy refuses a type that was found.
        """
        return self.replace(text, self.find(text), session or Session(self))

    def replace(self, text: str, found: Sequence[Finding], session: Session) -> Redacted:
        """A text with these findings replaced as the policy says.

        Raises:
            ContentBlockedError: the policy refuses the type of one.
        """
        findings = tuple(finding for finding in found if self.policy.action(finding.type) is not Action.ALLOW)
        pieces: list[str] = []
        end = 0
        for finding in findings:
            pieces += (
                text[end : finding.start],
                self._replacement(finding, text[finding.start : finding.end], session),
            )
            end = finding.end
        return Redacted("".join([*pieces, text[end:]]), findings)

    def session(self) -> Session:
        """For the texts of one request or conversation."""
        return Session(self)

    def _replacement(self, finding: Finding, value: str, session: Session) -> str:
        action = self.policy.action(finding.type)
        if action is Action.PLACEHOLDER:
            return session.placeholder(finding.type, value)
        if action is Action.BLOCK:
            raise ContentBlockedError(
                f"The text holds data of the type {finding.type}, which may not be sent.",
                why="The redaction policy of this installation refuses it.",
                remedy="Remove it from the text and try again.",
                type=str(finding.type),
            )
        if action is Action.HASH:
            digest = hmac.new(self._hash_key, value.casefold().encode(), hashlib.sha256).hexdigest()[:12]
            return f"<{finding.type}#{digest}>"
        return f"<{finding.type}>"


def _end(text: str, start: int) -> int:
    """Where the piece ends that begins here: a token or a key that begins in it, and not in the next, is whole in it."""
    bound, end = start + _PIECE, start + _PIECE + _OVERLAP
    if end >= len(text):
        return len(text)
    end = cast("re.Match[str]", _TOKEN.match(text, end)).end()
    begins = text.rfind(_KEY_BEGINS, start, bound + len(_KEY_BEGINS))
    if begins >= 0 and text.find(_KEY_ENDS, begins, bound) < 0:
        end = max(end, min(begins + _LONGEST_KEY, len(text)))
    return end


def _moved(finding: Finding, by: int) -> Finding:
    return Finding(
        finding.start + by, finding.end + by, finding.type, finding.score, finding.reason, finding.detector
    )
