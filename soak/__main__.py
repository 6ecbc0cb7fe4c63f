"""``python -m soak [accounting|agents|takeover|sync|files|mirrors|limits|drain] …``: one of them with its options, or all."""

from __future__ import annotations

import os
import subprocess
import sys

_PARTS = {
    "accounting": (("soak.accounting",), ("soak.accounting", "--kill")),
    "agents": (("soak.agents",),),
    "takeover": (("soak.takeover",),),
    "sync": (("soak.sync",),),
    "files": (("soak.large_file",),),
    "limits": (("soak.limits",),),
    "drain": (("soak.drain",),),
    "mirrors": (("pytest", "-q", "--timeout=0", "tests/sync/test_permission_mirror.py"),),
}
_LONG = {**os.environ, "DESKMIND_MIRROR_EXAMPLES": "100"}


def main() -> None:
    """Run what is asked for; exit code 1 when one of them finds something wrong."""
    given = sys.argv[1:]
    if given and given[0] in _PARTS:
        chosen = _PARTS[given[0]]
        runs = [(*chosen[0], *given[1:])] if len(given) > 1 else list(chosen)
    else:
        runs = [run for runs in _PARTS.values() for run in runs]
    done = [
        subprocess.run([sys.executable, "-m", module, *options], env=_LONG, check=False)
        for module, *options in runs
    ]
    sys.exit(max(one.returncode for one in done))


if __name__ == "__main__":
    main()
