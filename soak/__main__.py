"""``python -m soak [accounting|sync] …``: one of them with its options, or all."""

from __future__ import annotations

import subprocess
import sys

_PARTS = {"accounting": (("accounting",), ("accounting", "--kill")), "sync": (("sync",),)}


def main() -> None:
    """Run what is asked for; exit code 1 when one of them finds something wrong."""
    given = sys.argv[1:]
    if given and given[0] in _PARTS:
        runs = [tuple(given)] if len(given) > 1 else list(_PARTS[given[0]])
    else:
        runs = [run for runs in _PARTS.values() for run in runs]
    done = [
        subprocess.run([sys.executable, "-m", f"soak.{part}", *more], check=False) for part, *more in runs
    ]
    sys.exit(max(one.returncode for one in done))


if __name__ == "__main__":
    main()
