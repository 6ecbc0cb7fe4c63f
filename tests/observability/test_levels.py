"""The log level of running services follows a file."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.observability.conftest import Lines

from deskmind.errors import ConfigurationError, InvalidRequestError
from deskmind.observability import logger
from deskmind.observability.levels import LevelFile, WantedLevel, watch_level


async def test_a_running_service_follows_the_file_and_comes_back(
    configured: Callable[..., Lines], tmp_path: Path
) -> None:
    lines = configured(format="json", level="warning")
    changes: asyncio.Queue[str] = asyncio.Queue()
    watching = asyncio.create_task(
        watch_level(tmp_path, "warning", interval=0.01, on_change=changes.put_nowait)
    )
    file, log = LevelFile(tmp_path), logger("deskmind.test")
    log.debug("before")
    file.write(WantedLevel("debug"))
    assert await changes.get() == "debug"
    log.debug("meanwhile")
    logging.getLogger("psycopg").debug("the values of a statement")
    file.write(WantedLevel("debug", time.time() - 1))
    assert await changes.get() == "warning"
    log.info("after")
    file.write(WantedLevel("info"))
    assert await changes.get() == "info"
    file.clear()
    assert await changes.get() == "warning"
    watching.cancel()
    changed = [(line["old"], line["new"]) for line in lines.all() if line["event"] == "log.level_changed"]
    assert changed == [("warning", "debug"), ("debug", "warning"), ("warning", "info"), ("info", "warning")]
    assert [line["event"] for line in lines.all() if line["event"] != "log.level_changed"] == ["meanwhile"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '"debug"',
        '{"level": "loud"}',
        '{"level": 3}',
        '{"level": "debug", "until": "soon"}',
        "\x00\xff",
    ],
)
def test_a_file_that_is_not_ours_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "log-level.json").write_text(content, "latin-1")
    assert LevelFile(tmp_path).read() is None


def test_a_level_that_does_not_exist_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="'loud' is not a log level"):
        LevelFile(tmp_path).write(WantedLevel("loud"))
    assert not list(tmp_path.iterdir())


def test_a_level_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        LevelFile(tmp_path / "missing").write(WantedLevel("debug"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    wanted = WantedLevel("debug", time.time() + 60)
    LevelFile(tmp_path).write(wanted)
    assert LevelFile(tmp_path).read() == wanted
    assert json.loads((tmp_path / "log-level.json").read_text())["level"] == "debug"
