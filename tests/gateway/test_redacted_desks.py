"""Personal data through every call of a desk, with redaction on: where it must not be, and where it must."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.cache.conftest import Valkey, shared_valkey, valkey  # noqa: F401

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ConfigurationError, ContentBlockedError
from deskmind.governance.redaction import DirectoryEntry, EntityType
from deskmind.governance.redaction.rules import RedactionRules
from deskmind.governance.redaction.tenants import TenantRedactors
from deskmind.observability import configure_logging, correlation
from deskmind.observability.content import capture_content, use_redaction
from deskmind.observability.masking import masked
from deskmind.observability.metering import start_metrics
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox
from deskmind.settings import RedactionSettings, TelemetrySettings

NewTenant = Callable[[], Awaitable[str]]

MAIL = "canary.person@canary-mail.example"
NAME = "Zorblax Quillfeather"
PHONE = "+44 7700 900318"
BADGE = "EMP-004711"
CANARIES = (MAIL, "zorblax", "quillfeather", "900318", BADGE.lower())
_SOUGHT = {"900318": r"7700900318|(?<![\w.])900318(?!\w)"}
"""What is looked for: digits inside of a duration or an id are those of chance."""
SAID = f"{NAME} ({BADGE}, {MAIL}, {PHONE}) cannot print"


class Wire:
    """A relay before a server: keeps every byte that is sent to it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.sent = b""
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._copy(reader, back, keep=True), self._copy(there, writer, keep=False))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool) -> None:
        try:
            while data := await reader.read(65_536):
                if keep:
                    self.sent += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def wire(sandbox: ModelSandbox) -> AsyncIterator[Wire]:
    """Between the gateway and the models."""
    async with Wire(int(sandbox.base_url.rpartition(":")[2])) as relay:
        yield relay


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Every line that is logged, at the most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(format="json", level="debug", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


OpenApp = Callable[..., Awaitable[Deskmind]]


@pytest.fixture
async def open_app(desk_home: Path, app: Deskmind, wire: Wire) -> AsyncIterator[OpenApp]:
    """Applications on the session's home, whose models are redacted for though they are on this machine."""
    del app  # keeps the home's server running
    opened: list[Deskmind] = []

    async def make(
        redaction: dict[str, Any] | None = None, *, home: Path = desk_home, **more: Any
    ) -> Deskmind:
        deployment = {"base_url": f"http://127.0.0.1:{wire.port}/v1", "api_key": DEFAULT_KEY}
        patterns = {"badge": {"regex": "EMP-[0-9]{6}", "type": "EMPLOYEE_ID"}}
        started = Deskmind.open(
            home=home,
            knowledge={"embedder": "hashing"},
            answer={"threshold": 0.0, "model": "fast"},
            models={
                name: {"deployments": [{"model": model, **deployment}], "retries": 0}
                for name, model in (("fast", "echo"), ("e", "echo-embed"), ("r", "echo-rerank"))
            },
            redaction={"local_models": True, "patterns": patterns, **(redaction or {})},
            **more,
        )
        await started.start()
        opened.append(started)
        return started

    yield make
    for each in opened:
        await each.close()


_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "unlock",
            "parameters": {
                "type": "object",
                "properties": {"user": {"type": "string"}},
                "required": ["user"],
            },
        },
    }
]


async def _drive(desk: Desk) -> list[str]:
    """Every call that goes to a model; what came back of those that say something."""
    ask = [{"role": "user", "content": SAID}]
    said = [
        (await desk.models.chat("fast", ask)).text,
        (await desk.models.chat("fast", ask, temperature=0)).text,
    ]
    async with await desk.models.stream("fast", ask) as stream:
        said.append("".join([piece.text async for piece in stream]))
    called = await desk.models.chat("fast", [{"role": "user", "content": f"unlock {SAID}"}], tools=_TOOLS)
    assert called.tool_calls
    call = {
        "id": called.tool_calls[0].id,
        "type": "function",
        "function": {"name": "unlock", "arguments": json.dumps({"user": SAID})},
    }
    turns = [
        *ask,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": f"{NAME} is unlocked"},
    ]
    await desk.models.chat("fast", turns, tools=_TOOLS)
    await desk.models.embed("e", [SAID, "printer"])
    await desk.models.rerank("r", SAID, ["printer", SAID])
    return said


async def test_canaries_reach_no_model_log_span_metric_story_or_cache_key(
    open_app: OpenApp,
    wire: Wire,
    sandbox: ModelSandbox,
    operator: Desk,
    logged: io.StringIO,
    traced: InMemorySpanExporter,
    valkey: Valkey,  # noqa: F811
) -> None:
    await operator.principals.add_user("zorblax.quillfeather", display_name=NAME)
    start_metrics(TelemetrySettings(), release="test")
    app = await open_app(redis={"url": valkey.url}, telemetry={"capture_content": True})
    capture_content(True)
    try:
        desk = await app.desk(tenant=operator.scope.tenant)
        document = f"# Printing\n\n{SAID}: restart the spooler of the printer."
        await desk.knowledge.add("printing.md", document.encode())
        with correlation("canary-walk"):
            for reply in await _drive(desk):
                assert reply == SAID
            sandbox.script(["<PERSON_1> must restart the spooler of the printer [1]."])
            answer = await desk.ask(f"How does {NAME} print?")
        assert answer.found
        assert "Zorblax" in answer.text
        found = await desk.requests.explain("canary-walk")
        told = json.dumps(found.as_dict())
        counts: dict[str, int] = {}
        for part in found.parts:
            for entity, count in part.redactions.items():
                counts[entity] = counts.get(entity, 0) + count
        assert {"PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "EMPLOYEE_ID"} <= counts.keys()
    finally:
        capture_content(False)
        use_redaction(masked)
    spans = traced.get_finished_spans()
    assert any((span.attributes or {}).get("deskmind.redactions") for span in spans)
    with valkey.client as client:
        keys = b"\n".join(client.keys("*")).decode(errors="replace")  # type: ignore[arg-type]
    provider = start_metrics(TelemetrySettings(), release="test")
    assert provider is not None
    metrics = provider.exposed()[0].decode()
    counted = [line for line in metrics.splitlines() if line.startswith("deskmind_redactions_")]
    for direction in ("sent", "restored"):
        assert any("EMPLOYEE_ID" in line and f'"{direction}"' in line for line in counted), counted
    places = {
        "wire": wire.sent.decode(errors="replace"),
        "log": logged.getvalue(),
        "spans": "\n".join(span.to_json(indent=None) for span in spans),
        "keys": keys,
        "metrics": metrics,
        "story": told,
    }
    assert keys
    assert "EMPLOYEE_ID_1" in places["wire"]
    leaks = {
        name: [one for one in CANARIES if re.search(_SOUGHT.get(one, re.escape(one)), text.lower())]
        for name, text in places.items()
    }
    assert not any(leaks.values()), leaks


async def test_a_refusal_is_in_the_audit_log_without_what_was_refused(
    open_app: OpenApp, wire: Wire, operator: Desk
) -> None:
    app = await open_app({"actions": {"CREDIT_CARD": "block"}})
    desk = await app.desk(tenant=operator.scope.tenant)
    with pytest.raises(ContentBlockedError) as refused:
        await desk.models.chat("fast", [{"role": "user", "content": "pay with 4111 1111 1111 1111"}])
    assert refused.value.status == 400
    assert not wire.sent
    event = next(event for event in await desk.audit() if event.action == "redaction.block")
    assert (event.resource, event.outcome, event.details) == ("fast", "denied", {"type": "CREDIT_CARD"})


async def test_the_directories_of_two_tenants_do_not_mix(
    open_app: OpenApp, wire: Wire, new_tenant: NewTenant, app: Deskmind
) -> None:
    shielded = await open_app()
    names = {await new_tenant(): "Zorblax Quillfeather", await new_tenant(): "Mirelda Oftenstone"}
    for tenant, name in names.items():
        await (await app.desk(tenant=tenant)).principals.add_user("u-4711", display_name=name)
    for tenant in names:
        wire.sent = b""
        desk = await shielded.desk(tenant=tenant)
        await desk.models.chat("fast", [{"role": "user", "content": " and ".join(names.values()).lower()}])
        sent = wire.sent.decode().lower()
        assert [name.lower() in sent for name in names.values()] == [other != tenant for other in names]


async def test_a_directory_follows_its_people(app: Deskmind, operator: Desk) -> None:
    now = [0.0]
    rules = RedactionRules.of(RedactionSettings())
    redactors = TenantRedactors(
        app.database, rules, lambda tenant: tenant.bytes * 2, seconds=5, clock=lambda: now[0]
    )
    tenant = operator.scope.tenant_id
    text = "ask quillfeather, zorblax and then support"
    assert (await redactors.of(tenant)).redact(text).text == text
    await operator.principals.add_user("support", display_name=NAME)
    assert (await redactors.of(tenant)).redact(text).text == text
    now[0] = 5.0
    known = await redactors.of(tenant)
    assert known.redact(text).text == "ask <PERSON_1> and then support"
    now[0] = 10.0
    assert await redactors.of(tenant) is known  # nothing has changed
    assert (await redactors.of(UUID(int=0))).redact(text).text == text


async def test_models_on_this_machine_see_texts_as_they_are_unless_the_settings_say_otherwise(
    open_app: OpenApp, wire: Wire, operator: Desk
) -> None:
    app = await open_app({"local_models": False})
    desk = await app.desk(tenant=operator.scope.tenant)
    await desk.models.chat("fast", [{"role": "user", "content": MAIL}])
    assert MAIL.encode() in wire.sent


async def test_texts_are_masked_before_they_are_stored_where_that_is_wanted(
    open_app: OpenApp, desk_home: Path
) -> None:
    """In a home of its own, where no worker of another test takes the job without knowing this one's patterns."""
    home = desk_home.parent / f"{desk_home.name}-masked"
    plain = await open_app(home=home)
    await plain.tenants.create("masked")
    operator = await plain.desk(tenant="masked")
    await operator.principals.add_user("zorblax.quillfeather", display_name=NAME)
    text = f"# Printer of {NAME}\n\n{SAID}.\n\n## Call {PHONE}\n\nRestart the spooler, says {MAIL}.\n"
    await operator.knowledge.add("printing.md", text.encode())
    masking = await open_app({"ingest": True}, home=home)
    desk = await masking.desk(tenant="masked")
    report = await desk.knowledge.add("printing.md", text.encode())
    assert report.count("stored") == 1  # not taken for unchanged
    async with plain.database.transaction(operator.scope) as connection:
        rows = await (
            await connection.execute(
                "SELECT d.title, d.body, c.headings, c.body = substr(d.body, c.start_offset + 1, c.end_offset - c.start_offset)"
                " FROM documents d JOIN chunks c USING (tenant_id, document_id) WHERE tenant_id = %s",
                (operator.scope.tenant_id,),
            )
        ).fetchall()
    assert rows
    assert all(row[3] for row in rows)
    stored = repr(rows).lower()
    assert not [canary for canary in CANARIES if canary in stored]
    assert "<person> (<employee_id>, <email_address>, <phone_number>) cannot print." in stored
    (passage, *_) = await desk.knowledge.search("restart the spooler")
    assert "Restart the spooler" in passage.text


async def test_a_worker_with_other_settings_masks_what_was_taken_in_to_be_masked(
    open_app: OpenApp, app: Deskmind, operator: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    masking = await open_app({"ingest": True})
    desk = await masking.desk(tenant=operator.scope.tenant)
    monkeypatch.setattr(masking.jobs, "drain", app.jobs.drain)
    await operator.redaction.add_pattern("desk-badge", "QX-[0-9]{4}")
    await operator.redaction.know([DirectoryEntry("KX-PRN-9", EntityType.HOST)])
    await desk.knowledge.add(
        "printing.md", f"# Printer\n\nRestart kx-prn-9, says {MAIL} (QX-4711).\n".encode()
    )
    (passage, *_) = await desk.knowledge.search("restart")
    assert "Restart <HOST_NAME>, says <EMAIL_ADDRESS> (<EMPLOYEE_ID>)." in passage.text


async def test_what_a_tenant_says_of_redaction_holds_for_its_models(
    open_app: OpenApp, wire: Wire, operator: Desk
) -> None:
    desk = await (await open_app()).desk(tenant=operator.scope.tenant)
    await desk.redaction.add_pattern("desk-badge", "QX-[0-9]{4}")
    await desk.redaction.know([DirectoryEntry("KX-PRN-9", EntityType.HOST)])
    await desk.redaction.set_action("CREDIT_CARD", "block")
    ask = [{"role": "user", "content": "QX-4711 cannot print on kx-prn-9"}]
    async with await desk.models.stream("fast", ask) as stream:
        said = "".join([piece.text async for piece in stream])
    assert said == "QX-4711 cannot print on kx-prn-9"
    assert b"<EMPLOYEE_ID_1> cannot print on <HOST_NAME_1>" in wire.sent
    assert b"4711" not in wire.sent
    with pytest.raises(ContentBlockedError):
        await desk.models.chat("fast", [{"role": "user", "content": "card 4111 1111 1111 1111"}])
    assert b"4111" not in wire.sent


async def test_a_tenant_cannot_allow_what_the_installation_blocks(open_app: OpenApp, operator: Desk) -> None:
    app = await open_app({"actions": {"CREDIT_CARD": "block", "EMAIL_ADDRESS": "mask"}})
    desk = await app.desk(tenant=operator.scope.tenant)
    for entity in ("CREDIT_CARD", "EMAIL_ADDRESS"):
        await desk.redaction.set_action(entity, "allow")
    assert (await desk.redaction.redact(MAIL)).text == MAIL
    with pytest.raises(ContentBlockedError):
        await desk.redaction.redact("card 4111 1111 1111 1111")


@pytest.mark.parametrize(
    ("redaction", "named"),
    [
        ({"actions": {"NOBODY": "mask"}}, "NOBODY"),
        ({"patterns": {"p": {"regex": "(a+)+b"}}}, "'p'"),
        ({"patterns": {"p": {"regex": "(a|a)*b"}}}, "'p'"),
        ({"patterns": {"p": {"regex": "a", "type": "THING"}}}, "THING"),
    ],
)
def test_wrong_rules_are_refused_at_the_start(redaction: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        RedactionRules.of(RedactionSettings.model_validate(redaction))
