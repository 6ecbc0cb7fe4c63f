"""Check an exported bundle, or the proof of one event, offline: no database, no other part of Deskmind.

    python -m deskmind.governance.audit.verify BUNDLE --key PUB [--checkpoint NOTE]

``PUB`` is a public key (``name+id+base64``) or a file of such, one a line; ``NOTE`` is a file with a checkpoint that
was kept elsewhere. Both come from outside of the database that wrote the bundle: what only the bundle says proves
nothing. Ends with 0 when everything holds, 1 with findings, 2 when it cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from deskmind.governance.audit.bundle import BundleHead, read_head
from deskmind.governance.audit.canonical import tenant_prefixes
from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey, origin_of
from deskmind.governance.audit.proof import PROOF_START, Proof
from deskmind.governance.audit.tree import Frontier, leaf_hash

__all__ = ["Finding", "Report", "Verification", "main", "read_keys", "verify_bundle", "verify_proof"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold.

    Attributes:
        kind: ``unsigned``, ``key``, ``origin``, ``fork``, ``root``, ``missing``, ``count``, ``foreign`` or ``unsealed``;
            of a log in its database also ``columns`` and ``ledger``, of witnesses ``unwitnessed``.
        message: what was found, one sentence; no content of events.
    """

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a bundle showed.

    Attributes:
        origin: which log.
        events: how many it holds.
        covered: of them, by the newest checkpoint that holds.
        kept: checkpoints from elsewhere that it was compared with.
        findings: what does not hold; none when all does.
        whole: whether a log was looked at, and not the proof of one event.
    """

    origin: str
    events: int
    covered: int
    kept: int
    findings: tuple[Finding, ...]
    whole: bool = True

    @property
    def holds(self) -> bool:
        """Whether everything does."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"holds": self.holds, **asdict(self)}

    def __str__(self) -> str:
        """For a person."""
        lines = [f"{self.origin}: {self.events} events, {self.covered} of them under a checkpoint that holds"]
        if self.whole and not self.kept:
            lines.append(
                "No checkpoint kept elsewhere was given: a history rewritten whole would not be noticed."
            )
        lines += [f"{finding.kind}: {finding.message}" for finding in self.findings]
        lines.append("Everything holds." if self.holds else "This log does not hold.")
        return "\n".join(lines)


def verify_bundle(
    lines: Iterable[bytes], keys: Sequence[VerifyKey], *, kept: Sequence[Checkpoint] = ()
) -> Report:
    """Compare a bundle with what is known from elsewhere. Reads it once; memory O(log events).

    Args:
        lines: of the bundle.
        keys: that are trusted; those in the bundle are not.
        kept: checkpoints that were stored outside of the database.

    Raises:
        ValueError: it is not a bundle.
    """
    head, events = read_head(iter(lines))
    verification = Verification(head, keys, kept=kept)
    for event in events:
        verification.add(event)
    return verification.report()


class Verification:
    """A log on its way through: each event once, in the order of positions.

    Args:
        head: what is said of the log.
        keys: that are trusted.
        kept: checkpoints that were stored elsewhere.
    """

    def __init__(
        self, head: BundleHead, keys: Sequence[VerifyKey], *, kept: Sequence[Checkpoint] = ()
    ) -> None:
        self._head = head
        self._origin = origin_of(head.tenant_id)
        self._prefixes = tenant_prefixes(head.tenant_id)
        self._kept = len(kept)
        self._findings: list[Finding] = []
        self._tree = Frontier()
        self._foreign = self._covered = 0
        believed = self._believed((*head.checkpoints, *kept), keys)
        if not believed:
            self._find("unsigned", "No checkpoint is signed with a key that was given.")
        self._waiting = believed[::-1]
        self._compare()

    def add(self, event: bytes) -> None:
        """The next event's canonical bytes."""
        self._foreign += not event.startswith(self._prefixes)
        self._tree.append(leaf_hash(event))
        if self._waiting and self._waiting[-1].size == self._tree.size:
            self._compare()

    def report(self, *more: Finding) -> Report:
        """What was found when all events went through, and what else was."""
        size, findings = self._tree.size, [*self._findings]
        if self._foreign:
            message = f"{self._foreign} events are not of this tenant, or of an unknown form."
            findings.append(Finding("foreign", message))
        if self._waiting:
            message = f"{self._waiting[0].size} events were sealed, and {size} are there."
            findings.append(Finding("missing", message))
        if size != self._head.events:
            findings.append(Finding("count", f"{self._head.events} events are announced, {size} are there."))
        if self._covered < size and not findings:  # else what was found says why
            message = f"The last {size - self._covered} events are under no checkpoint: nothing shows who added them."
            findings.append(Finding("unsealed", message))
        return Report(self._origin, size, self._covered, self._kept, (*findings, *more))

    def _believed(self, given: Iterable[Checkpoint], keys: Sequence[VerifyKey]) -> list[Checkpoint]:
        """The checkpoints of this log that a trusted key signed, smallest first; findings for all others."""
        believed: dict[tuple[int, bytes], Checkpoint] = {}
        for checkpoint in given:
            what = f"The checkpoint over {checkpoint.size} events"
            if checkpoint.signed_by(keys) is None:
                self._find("key", f"{what} is not signed with a key that was given.")
            elif checkpoint.origin != self._origin:
                self._find("origin", f"{what} is of another log.")
            else:
                believed.setdefault((checkpoint.size, checkpoint.root), checkpoint)
        ordered = sorted(believed.values(), key=lambda checkpoint: checkpoint.size)
        for one, other in pairwise(ordered):
            if one.size == other.size:
                self._find("fork", f"Two signed checkpoints over {one.size} events differ.")
        return ordered

    def _compare(self) -> None:
        """Hold the checkpoints over so many events against them."""
        while self._waiting and self._waiting[-1].size == self._tree.size:
            if self._waiting.pop().root == self._tree.root():
                self._covered = self._tree.size
            else:
                self._find("root", f"The first {self._tree.size} events are not those that were sealed.")

    def _find(self, kind: str, message: str) -> None:
        self._findings.append(Finding(kind, message))


def read_keys(given: Iterable[str]) -> tuple[VerifyKey, ...]:
    """Public keys, each written out or in a file of them, one a line.

    Raises:
        ValueError: one cannot be read.
    """
    keys: list[VerifyKey] = []
    for text in given:
        path = Path(text)
        lines = path.read_text("utf-8").splitlines() if path.is_file() else [text]
        keys += [VerifyKey.parse(line) for line in lines if line.strip()]
    return tuple(keys)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deskmind.governance.audit.verify",
        description="Check an exported audit bundle, or the proof of one event, without a database.",
    )
    parser.add_argument("bundle", type=Path, help="the exported file, or a proof")
    parser.add_argument("--key", action="append", required=True, help="a public key, or a file of them")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, help="one kept elsewhere")
    parser.add_argument("--json", action="store_true", help="write the report as JSON")
    given = parser.parse_args(arguments)
    try:
        kept = [Checkpoint.parse(path.read_text("utf-8")) for path in given.checkpoint]
        report = _checked(given.bundle, read_keys(given.key), kept)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The file cannot be checked: {error}\n")
        return 2
    sys.stdout.write(f"{json.dumps(report.as_dict()) if given.json else report}\n")
    return 0 if report.holds else 1


def _checked(path: Path, keys: Sequence[VerifyKey], kept: Sequence[Checkpoint]) -> Report:
    with path.open("rb") as lines:
        if not lines.readline().startswith(PROOF_START):
            lines.seek(0)
            return verify_bundle(lines, keys, kept=kept)
    return verify_proof(Proof.parse(path.read_text("utf-8")), keys)


def verify_proof(proof: Proof, keys: Sequence[VerifyKey]) -> Report:
    """Whether the event of a proof is in a log that one of these keys signed."""
    findings = (
        () if proof.holds(keys) else (Finding("root", "The event is not shown to be in a signed log."),)
    )
    return Report(proof.checkpoint.origin, 1, 0 if findings else 1, 0, findings, whole=False)


if __name__ == "__main__":
    sys.exit(main())
