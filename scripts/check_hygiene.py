"""Look for what must not be in the repository: index addresses, machine paths, secrets, large files, conflicts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_MAX_BYTES = 500_000
_LOCKS = {"requirements.lock", "requirements-dev.lock"}
_UNVERSIONED = {"__pycache__", "build", "dist", "htmlcov"}
_FORBIDDEN = {
    "a package index's address": re.compile(
        r"python" + r"hosted\.org|py" + r"pi\.org/simple|registry\.npm" + r"js|deb\.debian" + r"\.org"
    ),
    "a path of one machine": re.compile(r"(?<![\w.~/-])/(?:root|work|(?:home|Users)/[\w.-]+)/[\w.-]"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "an access token": re.compile(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{20,}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|sk-(?:ant-|proj-)?[A-Za-z0-9_-]{40,})\b"
    ),
    "an API key of ours": re.compile(r"\bdk_[a-z2-7]{26}_[a-z2-7]{26}_[0-9a-f]{48}\b"),
    "an unresolved merge": re.compile(r"^(?:<{7}|>{7}) ", re.M),
}
_ADDRESS = re.compile(r"[a-z+]+://|(?:^|\s)-{1,2}(?:i|f|index-url|extra-index-url|find-links)\b", re.M)


def files(root: Path) -> list[Path]:
    """What is or would be versioned; where git cannot say, everything but hidden folders and build results."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=root, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return [path for path in _walk(root) if path.is_symlink() or path.is_file()]
    paths = [root / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_symlink() or path.is_file()]


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if not path.is_dir() or path.is_symlink():
            found.append(path)
        elif path.name not in _UNVERSIONED and (path.name == ".ci" or not path.name.startswith(".")):
            found += _walk(path)
    return found


def problems(root: Path) -> list[str]:
    """One line for each finding."""
    return [f"{path.relative_to(root)}: {what}" for path in files(root) for what in findings(path)]


def findings(path: Path) -> list[str]:
    """What is wrong with one file, or a link: it may only lead to a file of the repository."""
    if path.is_symlink() and not (path.is_file() and path.resolve().is_relative_to(_ROOT)):
        return ["a link out of the repository"]
    lock = path.name in _LOCKS
    found: list[str] = []
    if path.stat().st_size > _MAX_BYTES and not lock:
        found.append(f"larger than {_MAX_BYTES:,} bytes")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return found
    found += [
        f"{what} (line {text.count(chr(10), 0, match.start()) + 1})"
        for what, pattern in _FORBIDDEN.items()
        if (match := pattern.search(text))
    ]
    if lock and (match := _ADDRESS.search(text)):
        found.append(f"an address or index option ({match[0].strip()})")
    return found


if __name__ == "__main__":
    listing = problems(_ROOT)
    print("\n".join(listing) or "nothing found that should not be here")
    sys.exit(bool(listing))
