"""No kind of log carries a secret, whichever way it got in; and what is harmless stays readable."""

import logging
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.observability.conftest import Lines

from deskmind.keyring import Keyring, MemoryKeySource
from deskmind.observability import bind, logger, masked, observed

SECRET = "hunter2ZQ"
log = logger("deskmind.test")

_FIELDS = [
    "password",
    "db_password",
    "userpassword",
    "passwd",
    "passphrase",
    "client_secret",
    "clientSecret",
    "token",
    "access_token",
    "accessToken",
    "refresh_tokens",
    "Authorization",
    "proxy-authorization",
    "api_key",
    "apiKey",
    "X-API-Key",
    "cookie",
    "credentials",
    "private_key",
    "signing_key",
    "pwd",
    "dsn",
    "conninfo",
]

_TEXTS = [
    f"postgresql://ana:{SECRET}@db:5432/x",
    f"postgresql://ana:pa/{SECRET}@ss@db:5432/x",
    f"redis://:{SECRET}@cache",
    f"https://{SECRET}@git.example.com/x",
    f"host=db password={SECRET} user=ana",
    f"host=db password='it''s {SECRET}' user=ana",
    rf"host=db password='it\'s {SECRET}' user=ana",
    f'{{"password": "a\\" {SECRET}", "user": "ana"}}',
    rf"{{\"token\": \"a {SECRET}\"}}",
    f"{{'api_key': '{SECRET}'}}",
    f"password: {SECRET}",
    f"PASSWORD = {SECRET}",
    f'password="{SECRET} never closed',
    f"GET /x?access_token={SECRET}&b=1",
    f"GET /x?next=%3Faccess_token%3D{SECRET}",
    f"GET /x?next=%253Faccess_token%253D{SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"Authorization: Digest username=ana, response={SECRET}",
    f"Cookie: a=b; session={SECRET}",
    f"sent Bearer {SECRET}",
    f"client_secret_value={SECRET}",
    f"sk-live-{SECRET}0123456789",
    f"dk_abcdefgh234567_abcdefgh234567_{'0a' * 24}{SECRET}"[: 36 + 48],
    f"-----BEGIN RSA PRIVATE KEY-----\nMII{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\nMII{SECRET}",
    "x" * 1990 + f" password={SECRET}",
    "x" * 1990 + f" postgresql://ana:{SECRET}@db",
]


class _Config:
    def __repr__(self) -> str:
        return f"Config(password='{SECRET}')"


def _inside(value: object) -> Iterator[object]:
    yield value
    yield [value]
    yield {"deep": ({"deeper": {"value": value}},)}


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest, configured: Callable[..., Lines]) -> Lines:
    return configured(format=request.param, level="debug")


@pytest.mark.parametrize("name", _FIELDS)
def test_a_field_with_a_telling_name_is_masked_at_any_depth(written: Lines, name: str) -> None:
    for value in (SECRET, [SECRET], {"x": SECRET}):
        log.info("x", **{name: value})
        log.info("x", headers={name: value}, items=[{"deep": {name: value}}])
        with bind(**{name: value}):
            log.info("bound")
            logging.getLogger("theirs").warning("bound")
    assert written.text.count("***") == 15
    assert SECRET not in written.text


@pytest.mark.parametrize("text", _TEXTS)
def test_a_secret_in_a_text_is_masked_wherever_it_stands(written: Lines, text: str) -> None:
    for value in _inside(text):
        log.info("x", value=value)
    log.info(text)
    logging.getLogger("theirs").error(text)
    logging.getLogger("theirs").error("%s", text)
    log.info("x", **{text: 1})
    log.info("x", value={text: 1})
    assert SECRET not in written.text
    assert SECRET[:-1] not in written.text


async def test_objects_bytes_and_exceptions_do_not_carry_one(written: Lines) -> None:
    ring = Keyring.open(MemoryKeySource())
    key = ring.current("api-key")
    error = ValueError(f"password is {SECRET}")
    for value in (_Config(), SECRET.encode(), bytearray(SECRET.encode()), error):
        for shown in _inside(value):
            log.info("x", value=shown)
    log.info("x", key=key, ring=ring, secret=key.secret, raw=key.secret)
    with pytest.raises(ValueError, match=SECRET):
        async with observed("work", password=SECRET):
            raise error
    for write in (log.exception, logging.getLogger("theirs").exception):
        try:
            raise error
        except ValueError:
            write("failed")
    assert SECRET not in written.text
    assert repr(key.secret)[2:-1] not in written.text


@given(secret=st.text(string.ascii_letters + string.digits + "!#$%/:?+*^~|", min_size=8, max_size=40))
@example("postgres")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_password_gets_through_a_url_or_a_connection_string(secret: str) -> None:
    for form in ("postgresql://ana:{}@db:5432/x", "host=db password={}", "token: {}"):
        assert masked(form.format(secret)) == form.format("***")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("passages", 4),
        ("passed", 3),
        ("input_tokens", 512),
        ("max_tokens", 100),
        ("token_count", 7),
        ("token_type", "input"),
        ("tokenizer", "wordpiece"),
        ("key_id", "abc"),
        ("api_key_id", "abc"),
        ("secretary", "x"),
        ("has_password", True),
        ("password", None),
        ("author", "x"),
        ("ratio", 0.5),
        ("url", "https://example.com:8080/a?b=c"),
        ("text", "Password reset took 5 passes: all good, see ticket INC0010001"),
        ("text", "basic authentication is off"),
        ("at", "2026-01-01T10:00:00Z"),
    ],
)
def test_harmless_fields_stay_readable(lines: Lines, name: str, value: object) -> None:
    log.info("x", **{name: value})
    assert lines.last()[name] == value


def test_values_that_json_has_not_are_readable(lines: Lines) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    log.info(
        "x", when=datetime(2026, 1, 1, tzinfo=UTC), many={1, 2}, raw=b"1234", odd=Broken(), inf=float("inf")
    )
    line = lines.last()
    assert "2026" in line["when"]
    assert sorted(line["many"]) == [1, 2]
    assert (line["raw"], line["odd"], line["inf"]) == ("<4 bytes>", "<Broken>", "inf")


def test_long_and_deep_values_are_cut(lines: Lines) -> None:
    deep: list[object] = []
    for _ in range(100):
        deep = [deep, {"x": deep}]
    log.info("x", text="a" * 1_000_000, many=list(range(10_000)), deep=deep)
    line = lines.last()
    assert line["text"].endswith("(1000000 characters)")
    assert len(line["many"]) == 50
    assert len(lines.text) < 10_000


@pytest.mark.parametrize(
    "hostile",
    ["://a:" * 1600, "password" * 1000, "token=\\'" * 1000, "a" * 8000, "-----BEGIN PRIVATE KEY-----" * 290],
)
def test_hostile_text_is_masked_all_the_same(lines: Lines, hostile: str) -> None:
    log.info("x", text=f"password={SECRET} {hostile}")
    assert SECRET not in lines.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bounced: ann.lee+it@mail.example.com refused", "bounced: *** refused"),
        ("dialled +44 7700 900318 twice", "dialled *** twice"),
        ("card 4111 1111 1111 1111 declined", "card *** declined"),
        ("SSN 524-71-9083 in row 7", "SSN *** in row 7"),
        ("2026-11-28T21:07:21+00:00 took 12 ms", "2026-11-28T21:07:21+00:00 took 12 ms"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 123e4567-e89b-12d3-a456-426614174000"),
        ("10.0.0.1 speaks HTTP/1.1, build 2026-11-28", "10.0.0.1 speaks HTTP/1.1, build 2026-11-28"),
    ],
)
def test_personal_data_is_masked_whoever_logs_it(text: str, shown: str) -> None:
    assert masked(text) == shown
