"""Setting up: locks are installed with their hashes checked, by uv where it works and else by pip."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install_script", ROOT / "scripts" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSTALL = script()


def wheel(folder: Path, name: str, text: str) -> str:
    """Make a wheel with one module; returns the line that locks it."""
    files = {
        f"{name}.py": f"text = {text!r}\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{name}-1.0.dist-info/RECORD"] = f"{record}{name}-1.0.dist-info/RECORD,,\n"
    archive = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}\n"


def digest(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip: a copy of ours, which is compiled already, where we have one."""
    folder = tmp_path_factory.mktemp("environment")
    pip = importlib.util.find_spec("pip")
    venv.create(folder, with_pip=pip is None, symlinks=True)
    if pip is not None and pip.origin is not None:
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        shutil.copytree(Path(pip.origin).parent, packages / "pip")
    return folder


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder of wheels that pip is configured to use, instead of any index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


def install(environment: Path, wheels: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    configuration = wheels.parent / "pip.conf"
    configuration.write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n", "utf-8")
    return subprocess.run(
        [environment / "bin" / "python", ROOT / "scripts" / "install.py", *arguments],
        env={
            **inherited,
            "PIP_CONFIG_FILE": str(configuration),
            "UV_CACHE_DIR": str(wheels.parent / "cache"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def imported(environment: Path, name: str) -> str:
    done = subprocess.run(
        [environment / "bin" / "python", "-c", f"import {name}; print({name}.text)"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, environment: Path) -> str:
    """With uv beside the interpreter, or where none can be had."""
    program = environment / "bin" / "uv"
    program.unlink(missing_ok=True)
    if request.param == "uv":
        if not UV.exists():
            pytest.skip("the development environment has no uv")
        shutil.copy(UV, program)
    return request.param


def test_a_lock_is_installed_from_where_pip_would_look(installer: str, environment: Path, wheels: Path):
    name = f"greeting_by_{installer}"
    lock = wheels.parent / "some.lock"
    lock.write_text(wheel(wheels, name, "good morning"), "utf-8")
    done = install(environment, wheels, lock)
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(environment, name) == "good morning"
    assert ("pip does it now" in done.stdout) == (installer == "pip")


def test_a_package_that_differs_from_its_hash_is_refused(installer: str, environment: Path, wheels: Path):
    name = f"altered_for_{installer}"
    lock = wheels.parent / "some.lock"
    lock.write_text(wheel(wheels, name, "as it was locked"), "utf-8")
    wheel(wheels, name, "as somebody changed it")
    done = install(environment, wheels, lock)
    assert done.returncode == 1
    assert "hash" in done.stderr.lower()
    assert imported(environment, name) == ""


def test_pip_finishes_what_uv_cannot(environment: Path, wheels: Path):
    broken = environment / "bin" / "uv"
    broken.unlink(missing_ok=True)
    broken.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "uv {pinned()}" || exit 2\n', "utf-8")
    broken.chmod(0o755)
    lock = wheels.parent / "some.lock"
    lock.write_text(wheel(wheels, "finished", "by pip"), "utf-8")
    done = install(environment, wheels, lock)
    broken.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(environment, "finished") == "by pip"


BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = {name!r}
    tag = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    told = f"{{name}}-1.0.dist-info"
    with zipfile.ZipFile(f"{{folder}}/{{name}}-1.0-py3-none-any.whl", "w") as packed:
        packed.writestr(f"{{name}}.py", "text = 'built'\\n")
        packed.writestr(f"{{told}}/METADATA", f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: 1.0\\n")
        packed.writestr(f"{{told}}/WHEEL", tag)
        packed.writestr(f"{{told}}/RECORD", f"{{name}}.py,,\\n{{told}}/METADATA,,\\n{{told}}/WHEEL,,\\n{{told}}/RECORD,,\\n")
    return f"{{name}}-1.0-py3-none-any.whl"
"""


def sdist(folder: Path, name: str) -> str:
    """Make a source distribution that needs nothing to be built; returns the line that locks it."""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "backend.py": BACKEND.format(name=name),
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{name}"\nversion = "1.0"\n'
        ),
    }
    archive = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(content.encode())
            packed.addfile(entry, io.BytesIO(content.encode()))
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}\n"


def test_only_a_package_that_is_named_is_built(installer: str, environment: Path, wheels: Path):
    name = f"source_for_{installer}"
    lock = wheels.parent / "some.lock"
    beside = wheel(wheels, f"beside_{installer}", "a wheel")
    lock.write_text(beside + sdist(wheels, name), "utf-8")
    refused = install(environment, wheels, lock)
    assert refused.returncode == 1
    assert imported(environment, name) == ""
    done = install(environment, wheels, lock, "--sdist", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(environment, name) == "built"
    assert imported(environment, f"beside_{installer}") == "a wheel"


def pinned() -> str:
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    return INSTALL._UV_PIN.search(lock)["version"]


def test_the_settings_of_pip_that_uv_needs_are_read_with_their_strength():
    listing = "\n".join(
        [
            ":env:.index-url='https://strongest.example/simple'",
            "global.index-url='https://weakest.example/simple'",
            "install.index-url='https://middle.example/simple'",
            "global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'",
            "install.find-links='wheels'",
            "freeze.timeout='10'",
            "no setting at all",
        ]
    )
    assert INSTALL.pip_settings(listing) == {
        "index-url": ["https://strongest.example/simple"],
        "extra-index-url": ["https://one.example/simple", "https://two.example/simple"],
        "find-links": ["wheels"],
    }


def test_uv_is_told_nothing_that_its_own_environment_states(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("UV_") or name == "SSL_CERT_FILE"]:
        monkeypatch.delenv(name)
    settings = {"index-url": ["https://a.example/simple"], "cert": ["ca.pem"], "find-links": ["x", "y"]}
    told = INSTALL.uv_environment(settings)
    assert told["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    assert told["UV_FIND_LINKS"] == "x,y"
    assert told["SSL_CERT_FILE"] == "ca.pem"
    assert "UV_INDEX" not in told
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://b.example/simple")
    assert "UV_DEFAULT_INDEX" not in INSTALL.uv_environment(settings)
