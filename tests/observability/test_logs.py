"""Lines as an operator or a log store reads them."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.observability.conftest import Lines
from tests.observability.counting import Counted

from deskmind.errors import ConfigurationError, DatabaseUnavailableError
from deskmind.observability import (
    bind,
    configure_logging,
    correlation,
    logger,
    pseudonym,
    use_pseudonym_key,
)
from deskmind.observability.instruments import TELEMETRY_DROPPED

log = logger("deskmind.test")


def test_a_line_has_its_fields_in_order(lines: Lines) -> None:
    with correlation("req-1"), bind(tenant="acme"):
        log.info("thing.done", count=2)
    line = lines.last()
    assert list(line) == ["timestamp", "level", "event", "logger", "correlation_id", "count", "tenant"]
    assert line["timestamp"].endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])) < timedelta(minutes=1)
    assert (line["level"], line["event"], line["logger"]) == ("info", "thing.done", "deskmind.test")


@pytest.mark.parametrize("name", ["some.library", "uvicorn", "uvicorn.error"])
def test_other_peoples_lines_have_the_same_form(lines: Lines, name: str) -> None:
    with correlation("req-1"), bind(user="ana"):
        logging.getLogger(name).warning("took %d ms", 5)
    line = lines.last()
    assert list(line) == ["timestamp", "level", "event", "logger", "correlation_id", "user"]
    assert (line["level"], line["event"], line["logger"]) == ("warning", "took 5 ms", name)
    assert line["user"] == pseudonym("ana")


def test_lines_of_any_structlog_logger_have_the_same_form(lines: Lines) -> None:
    structlog.get_logger("theirs").info("hello", password="hunter2")
    assert (lines.last()["event"], lines.last()["password"]) == ("hello", "***")


def test_a_foreign_line_with_wrong_arguments_is_kept(lines: Lines) -> None:
    # Handed to our handler alone: the test runner's own raises for such a record.
    (ours,) = [one for one in logging.getLogger().handlers if getattr(one, "stream", None) is lines.stream]
    ours.handle(logging.LogRecord("some.library", logging.WARNING, "", 1, "took %d ms", ("long",), None))
    assert lines.last()["event"] == "took %d ms"


def test_the_access_log_with_its_queries_stays_out(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info('%s - "%s"', "::1", "GET /v1/search?q=my+salary")
    assert lines.text == ""


def test_configuring_again_does_not_double_lines(configured: Callable[..., Lines]) -> None:
    before = configured(format="json")
    after = configured(format="json")
    log.info("once")
    assert before.text == ""
    assert len(after.all()) == 1


@pytest.mark.parametrize(("level", "seen"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_dropped(configured: Callable[..., Lines], level: str, seen: int) -> None:
    lines = configured(format="json", level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("ours")
        getattr(logging.getLogger("theirs"), name)("theirs")
    assert len(lines.all()) == 2 * seen


def test_an_unknown_level_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'loud' is not a log level.*warning"):
        configure_logging(level="loud")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("_restored")
def test_auto_is_for_people_on_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = _Terminal(), io.StringIO()
    configure_logging(stream=terminal)
    log.info("hello", count=1)
    configure_logging(stream=pipe)
    log.info("hello", count=1)
    assert "\x1b[" in terminal.getvalue()
    assert "hello" in terminal.getvalue()
    assert json.loads(pipe.getvalue())["count"] == 1


@pytest.mark.usefixtures("_restored")
def test_lines_go_to_what_is_standard_error_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that another program ran may have been given one that is closed by now."""
    given, own = io.StringIO(), io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", given)
        configure_logging(format="json")
        log.info("during")
    given.close()
    monkeypatch.setattr(sys, "stderr", own)
    log.info("after")
    assert [json.loads(line)["event"] for line in own.getvalue().splitlines()] == ["after"]


def test_on_a_terminal_a_value_cannot_send_control_sequences(configured: Callable[..., Lines]) -> None:
    lines = configured(format="console")
    logging.getLogger("theirs").warning("title \x1b]0;owned\x07 end")
    assert "\x1b" not in lines.text
    assert "\\x1b" in lines.text


@given(text=st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_logged_stays_one_line_of_json(lines: Lines, text: str) -> None:
    lines.stream.seek(0)
    lines.stream.truncate()
    log.info(text or "x", value=text, nested={text: [text]}, number=float("nan"))
    logging.getLogger("theirs").warning(text)
    assert len(lines.all()) == 2


def test_an_exception_is_told_by_type_code_and_place_never_by_its_text(lines: Lines) -> None:
    def fail() -> None:
        try:
            raise KeyError("salary of ana")
        except KeyError as error:
            raise DatabaseUnavailableError("row salary=1") from error

    for write in (log.exception, logging.getLogger("theirs").exception):
        try:
            fail()
        except DatabaseUnavailableError:
            write("failed")
    for line in lines.all():
        assert (line["level"], line["event"]) == ("error", "failed")
        assert (line["error_type"], line["error_code"]) == (
            "DatabaseUnavailableError",
            "database-unavailable",
        )
        assert ":fail:" in line["error_at"]
        assert line["error_frames"][-1] == line["error_at"]
        assert line["error_causes"] == ["KeyError"]
    assert "salary" not in lines.text


def test_exceptions_given_directly_in_groups_and_in_circles_are_told(lines: Lines) -> None:
    first, second = ValueError("a"), TypeError("b")
    first.__context__, second.__context__ = second, first
    log.warning("one", exc_info=first)
    log.warning("many", exc_info=ExceptionGroup("g", [OSError(), KeyError()]))
    log.warning("none", exc_info=True)
    one, many, none = lines.all()
    assert one["error_causes"] == ["TypeError"]
    assert "error_at" not in one
    assert many["error_causes"] == ["OSError", "KeyError"]
    assert "error_type" not in none


def test_a_stack_is_not_written(lines: Lines) -> None:
    log.warning("x", stack_info=True)
    logging.getLogger("theirs").warning("x", stack_info=True)
    assert [set(line) for line in lines.all()] == [{"timestamp", "level", "event", "logger"}] * 2


def test_a_hidden_cause_stays_hidden(lines: Lines) -> None:
    try:
        try:
            raise KeyError
        except KeyError:
            raise ValueError from None
    except ValueError:
        log.exception("failed")
    assert "error_causes" not in lines.last()


def test_people_are_pseudonyms_that_stay_the_same(lines: Lines) -> None:
    with bind(user="ana.silva@example.com"):
        log.info("a")
        log.info("b", principal="ana.silva@example.com")
    log.info("c", user=pseudonym("ana.silva@example.com"))
    a, b, c = lines.all()
    assert a["user"] == b["user"] == b["principal"] == c["user"]
    assert "ana" not in lines.text


def test_the_pseudonym_key_decides_and_nobody_is_nobody() -> None:
    use_pseudonym_key(b"")
    plain = pseudonym("ana")
    use_pseudonym_key(b"k" * 32)
    try:
        assert pseudonym("ana") == pseudonym("ana", b"k" * 32) != plain
        assert pseudonym("bob") != pseudonym("ana")
    finally:
        use_pseudonym_key(b"")
    assert pseudonym("ana") == plain
    assert pseudonym("") == ""


def test_in_a_host_that_logs_its_own_way_our_lines_are_json_too() -> None:
    script = (
        "import logging, sys;"
        "logging.basicConfig(level='INFO', format='HOST %(message)s', stream=sys.stdout);"
        "from deskmind.observability import logger; logger('deskmind.x').info('hello', api_key='hunter2')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    host, _, line = done.stdout.partition(" ")
    assert host == "HOST"
    seen: dict[str, Any] = json.loads(line)
    assert (seen["event"], seen["api_key"]) == ("hello", "***")
    assert done.stderr == ""


def test_gathered_lines_that_nobody_takes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, "deskmind.observability.logs._lost", TELEMETRY_DROPPED)
    output = io.StringIO()
    configure_logging(format="json", stream=output, gather=True)
    output.close()
    try:
        logger("deskmind.gathered").warning("now")
    finally:
        configure_logging(format="json", stream=io.StringIO())
    assert counted.values() == {("logs",): 1}


def test_gathered_lines_arrive_in_order_and_warnings_at_once() -> None:
    output = io.StringIO()
    configure_logging(format="json", stream=output, gather=True)
    try:
        log = logger("deskmind.gathered")
        for number in range(50):
            log.info("counted", number=number)
        log.warning("now")
        lines = [json.loads(line) for line in output.getvalue().splitlines()]
        assert [line.get("number") for line in lines] == [*range(50), None]
        log.info("last")
    finally:
        configure_logging(format="json", stream=io.StringIO())
    assert json.loads(output.getvalue().splitlines()[-1])["event"] == "last"
