"""Check an exported bundle offline: no database, no other part of Deskmind.

    python -m deskmind.governance.audit.verify BUNDLE --key PUB [--checkpoint NOTE]

``PUB`` is a public key (``name+id+base64``) or a file of such, one a line; ``NOTE`` is a file with a checkpoint that
was kept elsewhere. Both come from outside of the database that wrote the bundle: what only the bundle says proves
nothing. Ends with 0 when everything holds, 1 with findings, 2 when it cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from deskmind.governance.audit.bundle import BundleHead, read_head
from deskmind.governance.audit.canonical import tenant_prefix
from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey, origin_of
from deskmind.governance.audit.tree import Frontier, leaf_hash

__all__ = ["Finding", "Report", "main", "verify_bundle"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold.

    Attributes:
        kind: ``unsigned``, ``key``, ``origin``, ``fork``, ``root``, ``missing``, ``count`` or ``foreign``.
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
    """

    origin: str
    events: int
    covered: int
    kept: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether everything does."""
        return not self.findings


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
    findings: list[Finding] = []
    believed = _believed(head, keys, kept, findings)
    size, covered = _compare(head, events, believed, findings)
    if not believed:
        findings.append(Finding("unsigned", "No checkpoint is signed with a key that was given."))
    if size != head.events:
        findings.append(Finding("count", f"The bundle announces {head.events} events and holds {size}."))
    return Report(origin_of(head.tenant_id), size, covered, len(kept), tuple(findings))


def _believed(
    head: BundleHead, keys: Sequence[VerifyKey], kept: Sequence[Checkpoint], findings: list[Finding]
) -> list[Checkpoint]:
    """The checkpoints of this log that a trusted key signed, smallest first; findings for all others."""
    believed: dict[tuple[int, bytes], Checkpoint] = {}
    for checkpoint in (*head.checkpoints, *kept):
        what = f"The checkpoint over {checkpoint.size} events"
        if checkpoint.signed_by(keys) is None:
            findings.append(Finding("key", f"{what} is not signed with a key that was given."))
        elif checkpoint.origin != origin_of(head.tenant_id):
            findings.append(Finding("origin", f"{what} is of another log."))
        else:
            believed.setdefault((checkpoint.size, checkpoint.root), checkpoint)
    ordered = sorted(believed.values(), key=lambda checkpoint: checkpoint.size)
    for one, next_one in pairwise(ordered):
        if one.size == next_one.size:
            findings.append(Finding("fork", f"Two signed checkpoints over {one.size} events differ."))
    return ordered


def _compare(
    head: BundleHead, events: Iterator[bytes], believed: list[Checkpoint], findings: list[Finding]
) -> tuple[int, int]:
    """How many events there are, and how many of them the newest checkpoint that holds covers."""
    tree, foreign, covered = Frontier(), 0, 0
    prefix = tenant_prefix(head.tenant_id)
    waiting = list(reversed(believed))

    def meet() -> None:
        nonlocal covered
        while waiting and waiting[-1].size == tree.size:
            if waiting.pop().root == tree.root():
                covered = tree.size
            else:
                message = f"The first {tree.size} events are not those that were sealed."
                findings.append(Finding("root", message))

    meet()
    for event in events:
        foreign += not event.startswith(prefix)
        tree.append(leaf_hash(event))
        if waiting and waiting[-1].size == tree.size:
            meet()
    if foreign:
        findings.append(
            Finding("foreign", f"{foreign} events are not of this tenant, or of an unknown form.")
        )
    if waiting:
        message = f"{waiting[0].size} events were sealed, and the bundle holds {tree.size}."
        findings.append(Finding("missing", message))
    return tree.size, covered


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deskmind.governance.audit.verify",
        description="Check an exported audit bundle without a database.",
    )
    parser.add_argument("bundle", type=Path, help="the exported file")
    parser.add_argument("--key", action="append", required=True, help="a public key, or a file of them")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, help="one kept elsewhere")
    parser.add_argument("--json", action="store_true", help="write the report as JSON")
    given = parser.parse_args(arguments)
    try:
        keys = [key for text in given.key for key in _keys(text)]
        kept = [Checkpoint.parse(path.read_text("utf-8")) for path in given.checkpoint]
        with given.bundle.open("rb") as lines:
            report = verify_bundle(lines, keys, kept=kept)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The bundle cannot be checked: {error}\n")
        return 2
    sys.stdout.write(json.dumps(asdict(report)) + "\n" if given.json else _told(report))
    return 0 if report.holds else 1


def _keys(text: str) -> list[VerifyKey]:
    path = Path(text)
    lines = path.read_text("utf-8").splitlines() if path.is_file() else [text]
    return [VerifyKey.parse(line) for line in lines if line.strip()]


def _told(report: Report) -> str:
    lines = [
        f"{report.origin}: {report.events} events, {report.covered} of them under a checkpoint that holds"
    ]
    if not report.kept:
        lines.append(
            "Compared with no checkpoint kept elsewhere: events cut off at the end would not be noticed."
        )
    lines += [f"{finding.kind}: {finding.message}" for finding in report.findings]
    lines.append("Everything holds." if report.holds else "This log does not hold.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
