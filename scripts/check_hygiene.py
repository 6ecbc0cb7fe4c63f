"""Look for what must not be in the repository: index addresses, machine paths, secrets, large files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_MAX_BYTES = 500_000
_LOCKS = {"requirements.lock", "requirements-dev.lock"}
_FORBIDDEN = {
    "a package index's address": re.compile(
        r"python" + r"hosted\.org|py" + r"pi\.org/simple|registry\.npm" + r"js|deb\.debian" + r"\.org"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "an access token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|sk-[A-Za-z0-9]{40,})\b"),
    "an API key of ours": re.compile(r"\bdk_[a-z2-7]{26}_[a-z2-7]{26}_[0-9a-f]{48}\b"),
}
_ADDRESS = re.compile(r"https?://|file://")


def problems() -> list[str]:
    """One line for each finding."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=True)
    found: list[str] = []
    machine = str(_ROOT.parent) + "/"
    for name in filter(None, listed.stdout.split("\0")):
        path = _ROOT / name
        if not path.is_file():
            continue
        if path.stat().st_size > _MAX_BYTES and name not in _LOCKS:
            found.append(f"{name}: larger than {_MAX_BYTES:,} bytes")
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found.extend(f"{name}: {what}" for what, pattern in _FORBIDDEN.items() if pattern.search(text))
        if len(machine) > 3 and machine in text:
            found.append(f"{name}: a path of this machine")
        if name in _LOCKS and _ADDRESS.search(text):
            found.append(f"{name}: an address")
    return found


if __name__ == "__main__":
    listing = problems()
    print("\n".join(listing) or "nothing found that should not be here")
    sys.exit(bool(listing))
