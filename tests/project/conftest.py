"""What tests that start many programs share."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.project.warm_process import CLIENT

Warm = Callable[..., AbstractContextManager[Path]]


@contextmanager
def _warm(name: str, *modules: str, options: tuple[str, ...] = ()) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address = str(Path(folder) / "socket")
        client = Path(folder) / name
        client.write_text(CLIENT.format(python=sys.executable, address=address), "utf-8")
        client.chmod(0o755)
        program = Path(__file__).with_name("warm_process.py")
        with subprocess.Popen(
            [sys.executable, "-P", *options, str(program), address, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "warm\n"
            yield client
        assert process.returncode == 0


@pytest.fixture(scope="session")
def warm() -> Warm:
    """Starts a process that has imported modules; gives the program that has it run what it is given: see ``warm_process``."""
    return _warm
