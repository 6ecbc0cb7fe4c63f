"""The section on telemetry, and OpenTelemetry's own variables."""

import pytest

from deskmind.errors import ConfigurationError
from deskmind.settings import TelemetrySettings, load_settings


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> TelemetrySettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings().telemetry


def test_nothing_is_sent_or_captured_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch)
    assert (settings.traces, settings.capture_content, settings.service_name) == ("none", False, "deskmind")


def test_the_standard_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(
        monkeypatch,
        OTEL_SERVICE_NAME="desk",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4317",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=canary",
    )
    assert (settings.service_name, settings.traces, settings.protocol) == ("desk", "otlp", "grpc")
    assert settings.endpoint == "http://collector:4317"
    assert "canary" not in repr(settings)
    assert settings.headers is not None
    assert settings.headers.get_secret_value() == "authorization=canary"


def test_the_variables_for_traces_come_before_the_general_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(
        monkeypatch,
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://traces:4318/custom",
    )
    assert (settings.protocol, settings.traces_endpoint) == ("http/protobuf", "http://traces:4318/custom")
    assert settings.traces == "otlp"


@pytest.mark.parametrize(
    ("value", "captured"), [("true", True), ("SPAN_ONLY", True), ("false", False), ("no_content", False)]
)
def test_content_is_captured_when_the_variable_says_so(
    monkeypatch: pytest.MonkeyPatch, value: str, captured: bool
) -> None:
    settings = given(monkeypatch, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=value)
    assert settings.capture_content is captured


def test_our_own_variables_come_first_and_the_sdk_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = given(monkeypatch, DESKMIND_TELEMETRY_TRACES="console", OTEL_TRACES_EXPORTER="otlp")
    assert settings.traces == "console"
    monkeypatch.delenv("DESKMIND_TELEMETRY_TRACES")
    assert given(monkeypatch, OTEL_SDK_DISABLED="true").traces == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("DESKMIND_TELEMETRY_SAMPLE_RATIO", "2"),
    ],
)
def test_what_we_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match="telemetry"):
        given(monkeypatch, **{name: value})
