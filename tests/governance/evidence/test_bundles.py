"""Bundles: what is in them, that they can be made again, that every change of one shows, who may make them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, PermissionDeniedError
from deskmind.governance.evidence import Bundle, EvidenceKey, Part, verify_bundle, write_bundle
from deskmind.governance.evidence.configuration import configuration, fingerprint
from deskmind.governance.evidence.installation import intervals, settled
from deskmind.prompts import PromptTemplate
from deskmind.readiness import run
from deskmind.settings import Settings

KEY = EvidenceKey(bytes(range(32)))
DAY = datetime(2026, 1, 31, tzinfo=UTC)
BUNDLE = Bundle("soc2", "acme", "5e1c", DAY - timedelta(days=30), DAY, DAY, "1.0", ("backups",))
PARTS = [Part("cc6/a.json", b"[1]\n", "A.", "a"), Part("cc7/b.csv", b"x\n", "B.", "b")]


def parts_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read(content: bytes, name: str) -> Any:
    return json.loads(parts_of(content)[name])


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_the_same_inputs_give_the_same_bytes_in_whatever_order() -> None:
    content = write_bundle(BUNDLE, PARTS, KEY)
    assert content == write_bundle(BUNDLE, PARTS[::-1], KEY)
    report = verify_bundle(content, [KEY.public])
    assert (report.holds, report.key) == (True, KEY.public)
    assert report.as_dict()["not_assessed"] == ["backups"]
    assert "no statement" not in str(report)
    assert "does not say that anybody complies" in report.manifest["promise"]


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}\.json", fullmatch=True), st.binary(max_size=64)))
def test_any_parts_hold(contents: dict[str, bytes]) -> None:
    parts = [Part(name, content, "", "") for name, content in contents.items()]
    assert verify_bundle(write_bundle(BUNDLE, parts, KEY), [KEY.public]).holds


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda files: {**files, "cc6/a.json": b"[2]\n"}, "cc6/a.json is not what was signed"),
        (lambda files: {name: files[name] for name in files if name != "cc7/b.csv"}, "cc7/b.csv is missing"),
        (lambda files: {**files, "cc6/more.json": b"1"}, "cc6/more.json is not in the manifest"),
        (
            lambda files: {**files, "manifest.json": files["manifest.json"].replace(b"acme", b"evil")},
            "not signed",
        ),
        (lambda files: {**files, "signature.json": b"{}"}, "not signed"),
    ],
)
def test_every_change_of_a_bundle_shows(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], finding: str
) -> None:
    changed = change(parts_of(write_bundle(BUNDLE, PARTS, KEY)))
    report = verify_bundle(zipped(list(changed.items())), [KEY.public])
    assert not report.holds
    assert finding in str(report)


def test_a_name_twice_shows_whichever_a_reader_would_take() -> None:
    files = list(parts_of(write_bundle(BUNDLE, PARTS, KEY)).items())
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped([("cc6/a.json", b"other"), *files])
    assert "more than once" in str(verify_bundle(twice, [KEY.public]))


def test_another_key_is_not_believed_and_no_zip_is_no_bundle() -> None:
    content = write_bundle(BUNDLE, PARTS, KEY)
    assert not verify_bundle(content, [EvidenceKey(bytes(32)).public]).holds
    for wrong in (
        b"",
        b"PK",
        zipped([("a", b"")]),
        zipped([("manifest.json", b"[]"), ("signature.json", b"")]),
    ):
        with pytest.raises(ValueError, match="it"):
            verify_bundle(wrong, [KEY.public])
    with pytest.raises(ValueError, match="own"):
        write_bundle(BUNDLE, [Part("manifest.json", b"", "", "")], KEY)


def test_the_verifier_needs_no_database(tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(write_bundle(BUNDLE, PARTS, KEY))
    command = [sys.executable, "-X", "importtime", "-m", "deskmind.governance.evidence.verify", str(file)]
    done = subprocess.run([*command, "--key", str(KEY.public)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("The bundle holds")) == (0, True), done.stderr[-500:]
    assert not any(name in done.stderr for name in ("psycopg", "sqlalchemy", "deskmind.database"))
    other = EvidenceKey(bytes(32)).public
    assert subprocess.run([*command, "--key", str(other)], capture_output=True, check=False).returncode == 1


async def test_a_soc2_bundle_has_access_refusals_and_changes_and_is_made_again_alike(
    app: Deskmind, operator: Desk
) -> None:
    begun = datetime.now(UTC)
    tenant = operator.scope.tenant
    await operator.principals.add_user("ann")
    await operator.access.grant("auditor", user="ann", reason="audit 2026")
    await operator.prompts.save(PromptTemplate("greeting", [("user", "Hello!")]), label="production")
    ann = await app.desk(tenant=tenant, user="ann")
    with pytest.raises(PermissionDeniedError):
        await ann.principals.add_user("ben")
    await run(app)
    await app.sealing.seal()
    until = datetime.now(UTC)
    more = await app.evidence.parts(begun, until, tenant=tenant)
    made = await operator.evidence.make("soc2", begun, until, dated=until, installation=more)
    assert verify_bundle(made.content, await operator.evidence.public_keys()).holds

    review = read(made.content, "cc6/access-review.json")
    assert [(line["holder"], line["role"]) for line in review if line["reason"]] == [("ann", "auditor")]
    assert {"access.grant", "principals.write"} <= {
        row["action"] for row in read(made.content, "cc6/changes.json")
    }
    assert [row["principal"] for row in read(made.content, "cc7/denials.json")] == ["ann"]
    assert read(made.content, "cc7/audit-verification.json")["holds"] is True
    assert [row["label"] for row in read(made.content, "cc8/prompt-labels.json")] == ["production"]
    assert read(made.content, "cc7/readiness.json")[-1]["green"] > 10
    assert read(made.content, "cc8/deployments.json")[-1]["settings"] == fingerprint(app.settings)
    assert read(made.content, "cc8/schema.json")["migrations"]

    await app.sealing.seal()
    more = await app.evidence.parts(begun, until, tenant=tenant)
    again = await operator.evidence.make("soc2", begun, until, dated=until, installation=more)
    assert again.content == made.content
    (event, *_) = [one for one in await operator.audit(limit=5) if one.action == "evidence.make"]
    assert event.details["parts"] == len(made.parts)


async def test_a_bundle_says_nothing_of_other_tenants(app: Deskmind, operator: Desk) -> None:
    begun = datetime.now(UTC)
    await app.tenants.create("rival-of-theirs")
    parts = await app.evidence.parts(begun, datetime.now(UTC), tenant=operator.scope.tenant)
    assert all(b"rival-of-theirs" not in part.content for part in parts)
    own = await app.evidence.parts(begun, datetime.now(UTC), tenant="rival-of-theirs")
    assert any(b"rival-of-theirs" in part.content for part in own)


async def test_an_article_30_record_has_stores_limits_and_says_what_is_missing(
    app: Deskmind, operator: Desk
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    await operator.privacy.retain()
    await operator.privacy.erase("zilpha.quorn@example.com")
    made = await operator.evidence.make("article30", since)
    stores = {row["store"] for row in read(made.content, "article30/processing.json")}
    assert {"principals", "conversations", "audit_events"} <= stores
    assert "scope_keys" not in stores
    limits = {row["store"]: row["days"] for row in read(made.content, "article30/time-limits.json")}
    assert limits["conversations"] == app.settings.privacy.conversation_days
    assert [row["state"] for row in read(made.content, "article30/erasures.json")] == ["done"]
    assert b"zilpha" not in made.content
    assert any("30(1)(a)" in what for what in made.bundle.not_assessed)


async def test_auditors_make_bundles_and_others_do_not(app: Deskmind, operator: Desk) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    for name, role in (("olga", "auditor"), ("rex", "technician")):
        await operator.principals.add_user(name)
        await operator.access.grant(role, user=name)
    olga = await app.desk(tenant=operator.scope.tenant, user="olga")
    for about in ("soc2", "article30"):
        made = await olga.evidence.make(about, since)
        assert made.file.startswith(about)
    assert any(
        "installation's" in what for what in (await olga.evidence.make("soc2", since)).bundle.not_assessed
    )
    rex = await app.desk(tenant=operator.scope.tenant, user="rex")
    with pytest.raises(PermissionDeniedError):
        await rex.evidence.make("soc2", since)


async def test_a_period_has_to_be_over(operator: Desk) -> None:
    now = datetime.now(UTC)
    for since, until, dated in (
        (now, now - timedelta(days=1), None),
        (now, now + timedelta(days=1), None),
        (now - timedelta(days=2), now - timedelta(days=1), now + timedelta(days=1)),
        (now.replace(tzinfo=None) - timedelta(days=1), now, None),
    ):
        with pytest.raises(InvalidRequestError):
            await operator.evidence.make("soc2", since, until, dated=dated)


def test_the_configuration_shows_changes_and_no_secret(tmp_path: Path) -> None:
    database = {"url": "postgresql://app:hunter2@db.example/desk"}
    plain = Settings(home=tmp_path, database=database)  # pyright: ignore[reportArgumentType]
    posted = plain.model_copy(
        update={"audit": plain.audit.model_copy(update={"witness_url": "https://me:hunter2@w.example"})}
    )
    assert "hunter2" not in json.dumps(configuration(posted))
    assert "w.example" in json.dumps(configuration(posted))
    assert fingerprint(plain) != fingerprint(posted)
    assert fingerprint(plain) == fingerprint(plain.model_copy(update={"home": tmp_path / "other"}))


def test_outages_and_deployments_follow_from_runs() -> None:
    def one(at: str, release: str, *red: str) -> dict[str, Any]:
        return {"at": at, "red": list(red), "release": release, "schema": "0001", "settings": "ab"}

    runs = [
        one("1", "1.0"),
        one("2", "1.0", "metrics"),
        one("3", "1.1", "metrics", "disk"),
        one("4", "1.1", "disk"),
    ]
    assert intervals(runs) == [
        {"check": "metrics", "from": "2", "until": "4"},
        {"check": "disk", "from": "3", "until": None},
    ]
    assert [(row["seen_at"], row["release"]) for row in settled(runs)] == [("1", "1.0"), ("3", "1.1")]
