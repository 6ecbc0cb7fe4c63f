"""Checking a bundle without a database: ``python -m deskmind.governance.evidence.verify FILE --key KEY``.

It holds when a key that was given signed the manifest, and the bundle consists of the parts that the manifest names, with
the hashes that it names, and of nothing else.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from deskmind.governance.audit.checkpoint import VerifyKey
from deskmind.governance.audit.verify import read_keys
from deskmind.governance.evidence.bundle import KIND, MANIFEST, SIGNATURE

__all__ = ["Report", "main", "signer_of", "verify_bundle"]

_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        manifest: as the bundle has it; not to be believed unless the report holds.
        key: the key that signed it; None when none that was given did.
        findings: what is wrong, in sentences.
    """

    manifest: Mapping[str, Any]
    key: VerifyKey | None
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = ("about", "tenant", "since", "until", "dated", "release", "not_assessed")
        return {
            "holds": self.holds,
            "key": str(self.key) if self.key else None,
            **{name: self.manifest.get(name) for name in facts},
            "parts": len(self.manifest.get("parts", ())),
            "findings": list(self.findings),
        }

    def __str__(self) -> str:
        if not self.holds:
            return "\n".join(["The bundle does not hold.", *self.findings])
        found = self.as_dict()
        return (
            f"The bundle holds: {found['about']} of {found['tenant']}, {found['since']} to {found['until']},"
            f" {found['parts']} parts, dated {found['dated']}."
        )


def verify_bundle(content: bytes, keys: Iterable[VerifyKey]) -> Report:
    """Check a bundle against keys that are trusted.

    Raises:
        ValueError: this is no bundle.
    """
    names, files = _files(content)
    manifest = _manifest(files)
    key = signer_of(files[MANIFEST], files[SIGNATURE], keys)
    findings = [] if key else ["The manifest is not signed with a key that was given."]
    listed: dict[str, dict[str, Any]] = {str(part["file"]): part for part in manifest["parts"]}
    findings += [
        f"{name} is in the bundle more than once." for name in sorted({*names}) if names.count(name) > 1
    ]
    findings += [f"{name} is missing." for name in listed if name not in files]
    findings += [
        f"{name} is not in the manifest." for name in files if name not in {*listed, MANIFEST, SIGNATURE}
    ]
    findings += [
        f"{name} is not what was signed."
        for name, part in listed.items()
        if name in files and sha256(files[name]).hexdigest() != part["sha256"]
    ]
    return Report(manifest, key, tuple(findings))


def signer_of(message: bytes, signature: bytes, keys: Iterable[VerifyKey]) -> VerifyKey | None:
    """The first of these keys that signed a message, by its ``signature.json``; None when none did."""
    try:
        found: Any = json.loads(signature)
        raw = base64.b64decode(str(found["signature"]), validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
    return next((key for key in keys if len(raw) == 64 and key.verifies(message, raw)), None)


def _files(content: bytes) -> tuple[list[str], dict[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise ValueError("it unpacks to more than a gigabyte")
            return [entry.filename for entry in entries], {
                entry.filename: archive.read(entry) for entry in entries
            }
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError("it is no ZIP file, or a broken one") from error


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        found: Any = json.loads(files[MANIFEST])
        files[SIGNATURE]
        if found["kind"] != KIND or not all({"file", "sha256"} <= {*part} for part in found["parts"]):
            raise ValueError("it has another form")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("it has no manifest and signature of a bundle") from error
    return cast("dict[str, Any]", found)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit code: 0 when it holds, 1 when not, 2 when it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m deskmind.governance.evidence.verify",
        description="Check an evidence bundle, without a database.",
    )
    parser.add_argument("bundle", type=Path, help="the file")
    parser.add_argument("--key", action="append", required=True, help="a public key, or a file of them")
    parser.add_argument("--json", action="store_true", help="write the report as JSON")
    given = parser.parse_args(arguments)
    try:
        report = verify_bundle(given.bundle.read_bytes(), read_keys(given.key))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The file cannot be checked: {error}\n")
        return 2
    sys.stdout.write(f"{json.dumps(report.as_dict()) if given.json else report}\n")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
