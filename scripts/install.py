"""Install locks, and the checkout itself, into the environment of the interpreter that runs this.

The pinned uv does it, in a tenth of pip's time and asking the indexes that pip is configured to ask; where uv cannot be
had or does not succeed, pip does. Every package is checked against the hash its lock states, either way. Only wheels
are installed, but for the packages named with ``--sdist``: they are built, with what the lock itself holds.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
_ROOT = Path(__file__).resolve().parents[1]
_UV_PIN = re.compile(r"^uv==(?P<version>\S+).*\n(?:[ \t]+.*\n)*", re.M)


def pip_settings(listing: str) -> dict[str, list[str]]:
    """The settings that ``pip config list`` prints, the strongest of each name, split into their values.

    A setting of the ``install`` command is stronger than a global one, and the environment than both.
    """
    strength = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, list[str]]] = {}
    for line in listing.splitlines():
        section, dot, setting = line.partition(".")
        name, equals, value = setting.partition("=")
        if not (dot and equals) or section not in strength:
            continue
        if strength[section] >= found.get(name, (0, []))[0]:
            found[name] = (strength[section], str(ast.literal_eval(value)).split())
    return {name: values for name, (_, values) in found.items()}


def uv_environment(settings: dict[str, list[str]]) -> dict[str, str]:
    """What makes uv ask where pip asks. In variables, because addresses may hold passwords and arguments are public."""
    wanted = {
        "UV_DEFAULT_INDEX": " ".join(settings.get("index-url", [])),
        "UV_INDEX": " ".join(settings.get("extra-index-url", [])),
        "UV_FIND_LINKS": ",".join(settings.get("find-links", [])),
        "UV_INSECURE_HOST": " ".join(settings.get("trusted-host", [])),
        "SSL_CERT_FILE": " ".join(settings.get("cert", [])),
        "ALL_PROXY": " ".join(settings.get("proxy", [])),
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    return {name: value for name, value in wanted.items() if value and name not in os.environ}


def uv_program(development_lock: Path) -> Path | None:
    """The pinned uv beside this interpreter, installed by pip if need be; None where it cannot be had."""
    pin = _UV_PIN.search(development_lock.read_text("utf-8"))
    program = Path(sys.executable).parent / "uv"
    if pin is None:
        return None
    if program.exists() and pin["version"] in _output([program, "--version"]).split():
        return program
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "uv.lock"
        lock.write_text(pin[0], "utf-8")
        installed = _run([*_PIP, "install", "--quiet", *_locked(lock)], quiet=True)
    return program if installed else None


class Wanted(NamedTuple):
    """Locks, the packages of them that have no wheel, and the checkout."""

    locks: list[Path]
    sdists: list[str]
    editable: Path | None

    def steps(self, installer: list[str | Path]) -> Iterator[list[str | Path]]:
        """The commands that install it all with `installer`: what has a wheel first, because it builds the rest."""
        for lock in self.locks:
            with tempfile.TemporaryDirectory() as folder:
                if self.sdists:
                    wheels = Path(folder) / lock.name
                    wheels.write_text(without(lock.read_text("utf-8"), self.sdists), "utf-8")
                    yield [*installer, *_locked(wheels)]
                yield [*installer, *_locked(lock, self.sdists)]
        if self.editable:
            yield [*installer, "--no-deps", "--no-build-isolation", "--editable", str(self.editable)]


def without(lock: str, names: list[str]) -> str:
    """The text of a lock but for the packages of these names."""
    for name in names:
        lock = re.sub(rf"^{re.escape(name)}==.*\n(?:[ \t]+.*\n)*", "", lock, flags=re.M)
    return lock


def install_with_uv(program: Path, wanted: Wanted) -> bool:
    """Whether uv installed everything."""
    settings = pip_settings(_output([*_PIP, "config", "list"]))
    environment = {**os.environ, **uv_environment(settings)}
    command: list[str | Path] = [program, "pip", "install", "--quiet", "--python", sys.executable]
    command.append("--compile-bytecode")
    if settings.get("no-index", ["0"])[0].lower() in {"1", "true", "yes", "on"}:
        command.append("--no-index")
    return all(_run(step, environment) for step in wanted.steps(command))


def install_with_pip(wanted: Wanted) -> bool:
    """Whether pip installed everything."""
    return all(_run(step) for step in wanted.steps([*_PIP, "install", "--quiet"]))


def _locked(lock: Path, sdists: Sequence[str] = ()) -> list[str]:
    built = ["--no-build-isolation", *(f"--no-binary={name}" for name in sdists)] if sdists else []
    return ["--no-deps", "--require-hashes", "--only-binary", ":all:", *built, "--requirement", str(lock)]


def _run(
    command: list[str | Path], environment: dict[str, str] | None = None, *, quiet: bool = False
) -> bool:
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, env=environment, stderr=errors, check=False).returncode == 0


def _output(command: list[str | Path]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main() -> int:
    """Install what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK")
    parser.add_argument(
        "--editable", type=Path, metavar="FOLDER", help="the checkout, installed after the locks"
    )
    parser.add_argument(
        "--sdist", action="append", default=[], metavar="NAME", help="a package without a wheel, to be built"
    )
    arguments = parser.parse_args()
    wanted = Wanted(arguments.locks, arguments.sdist, arguments.editable)
    uv = uv_program(_ROOT / "requirements-dev.lock")
    if uv and install_with_uv(uv, wanted):
        return 0
    print("uv did not install the packages; pip does it now, which takes longer")
    return 0 if install_with_pip(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
