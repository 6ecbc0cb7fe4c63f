"""Write ``tests/longest.txt``, the test files that begin first, from the reports of what ran.

make test ARGS="--junitxml=.reports/tests.xml" (the other suites alike) && .venv/bin/python scripts/longest_tests.py .reports/*.xml
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

LIST = Path(__file__).parents[1] / "tests" / "longest.txt"
_LEAST_SECONDS = 12.0


def longest(reports: list[Path]) -> list[str]:
    """Files below ``tests`` whose tests took longest together, and are worth beginning early."""
    seconds = Counter[str]()
    for report in reports:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            _, *parts = case.attrib["classname"].split(".")
            depth = next(place for place, part in enumerate(parts) if part.startswith("test_")) + 1
            seconds["/".join(parts[:depth]) + ".py"] += float(case.attrib["time"])
    return [name for name, taken in seconds.most_common() if taken >= _LEAST_SECONDS]


def main() -> None:
    """Write the list."""
    LIST.write_text("\n".join(longest([Path(one) for one in sys.argv[1:]])) + "\n")


if __name__ == "__main__":
    main()
