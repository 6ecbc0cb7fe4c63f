"""The import contract: every floor of the house is in it, and an import from a lower to an upper one breaks it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONFIGURATION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
    "importlinter"
]
FLOORS = [re.findall(r"\w+", layer) for layer in CONFIGURATION["contracts"][0]["layers"]]
UPWARD = [pair for upper, lower in itertools.pairwise(FLOORS) for pair in itertools.product(lower, upper)]
SIDEWAYS = [pair for floor in FLOORS for pair in itertools.permutations(floor, 2)]

# The house as the architecture draws it, from top to ground.
HOUSE = [
    {"cli", "api", "console"},
    {"readiness"},
    {"app", "desk"},
    {"agents"},
    {"knowledge", "connectors"},
    {"prompts"},
    {"gateway"},
    {"governance"},
    {"cache", "jobs"},
    {"database", "observability", "keyring"},
    {"settings", "scope", "errors"},
]


def house(folder: Path, imports: list[tuple[str, str]], *, absent: frozenset[str] = frozenset()) -> Path:
    """A package with a module for each name of the contract, and the given imports between them."""
    package = folder / "deskmind"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in itertools.chain.from_iterable(FLOORS):
        if name not in absent:
            lines = [f"import deskmind.{target}" for source, target in imports if source == name]
            (package / f"{name}.py").write_text("\n".join([*lines, ""]), "utf-8")
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    return folder


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(output: str) -> set[tuple[str, str]]:
    return set(re.findall(r"deskmind\.(\w+) is not allowed to import deskmind\.(\w+)", output))


def test_imports_from_top_to_ground_are_permitted(tmp_path: Path):
    downward = [
        pair for upper, lower in itertools.combinations(FLOORS, 2) for pair in itertools.product(upper, lower)
    ]
    done = check(house(tmp_path, downward))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_import_of_the_floor_above_is_refused(tmp_path: Path):
    done = check(house(tmp_path, UPWARD))
    assert done.returncode == 1, done.stdout + done.stderr
    assert refused(done.stdout) >= set(UPWARD)


def test_every_import_of_a_neighbour_is_refused(tmp_path: Path):
    done = check(house(tmp_path, SIDEWAYS))
    assert done.returncode == 1, done.stdout + done.stderr
    assert refused(done.stdout) == set(SIDEWAYS)


def test_an_import_through_another_package_is_refused_too(tmp_path: Path):
    done = check(house(tmp_path, [("errors", "database"), ("database", "knowledge")]))
    assert done.returncode == 1
    assert {("errors", "database"), ("database", "knowledge")} <= refused(done.stdout)


def test_a_package_that_has_no_floor_is_refused(tmp_path: Path):
    folder = house(tmp_path, [])
    (folder / "deskmind" / "utilities.py").touch()
    done = check(folder)
    assert done.returncode == 1
    assert "utilities" in done.stdout


def test_packages_of_later_releases_may_be_absent(tmp_path: Path):
    present = {path.stem for path in (ROOT / "src" / "deskmind").iterdir()}
    later = frozenset(itertools.chain.from_iterable(FLOORS)) - present
    assert later <= {"console", "agents", "connectors", "sandbox", "prompts", "gateway", "cache"}
    assert check(house(tmp_path, [], absent=later)).returncode == 0


def test_the_contract_draws_the_house_of_the_architecture():
    heights = {name: height for height, floor in enumerate(FLOORS) for name in floor}
    for upper, lower in itertools.combinations(HOUSE, 2):
        for pair in itertools.product(upper, lower):
            assert heights[pair[0]] < heights[pair[1]], pair


def test_the_stand_ins_for_vendors_share_nothing_with_the_connectors():
    assert ("sandbox", "connectors") in SIDEWAYS
    assert ("connectors", "sandbox") in SIDEWAYS
