"""Writes what is generated: ``python -m deploy.generate``, or ``--check`` to say what is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy import rules
from deploy.boards import BOARDS
from deploy.grafana_form import as_json

__all__ = ["generated", "stale"]

ROOT = Path(__file__).parent


def generated() -> dict[Path, str]:
    """Every generated file with its content."""
    boards = {ROOT / "grafana" / "dashboards" / f"{board.name}.json": as_json(board) for board in BOARDS}
    return {**boards, **{ROOT / "prometheus" / name: text for name, text in rules.files().items()}}


def stale() -> list[Path]:
    """Files that are not as they would be made."""
    return [
        path for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text
    ]


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 when something is stale"
    )
    if parser.parse_args().check:
        for path in (outdated := stale()):
            sys.stdout.write(f"{path.relative_to(ROOT.parent)} is stale: make dashboards\n")
        sys.exit(1 if outdated else 0)
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
