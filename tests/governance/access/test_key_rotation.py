"""API keys get new secrets: the old one is taken for a while, and nothing else changes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, InvalidRequestError, NotFoundError, PermissionDeniedError


async def test_both_secrets_are_taken_until_the_overlap_is_over(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("robot")
    first = await operator.keys.create("robot", name="nightly")
    second = await operator.keys.rotate(first.key_id)
    assert (second.key_id, second.user) == (first.key_id, "robot")
    assert second.secret != first.secret
    assert second.secret not in repr(second)
    for secret in (first.secret, second.secret):
        assert (await app.authenticate(secret)).scope.key_id == first.key_id
    (listed,) = await operator.keys.all()
    assert listed.rotated_at is not None
    assert listed.previous_until is not None
    assert timedelta(hours=23) < listed.previous_until - datetime.now(UTC) < timedelta(hours=25)
    assert listed.last_used_at is not None

    third = await operator.keys.rotate(first.key_id)
    await _refused(app, first.secret)  # only one secret before the newest counts
    for secret in (second.secret, third.secret):
        await app.authenticate(secret)
    events = [event.details for event in await operator.audit() if event.details.get("rotated")]
    assert [event["overlap_hours"] for event in events] == [24, 24]
    assert not any(secret in str(events) for secret in (first.secret, second.secret, third.secret))


async def test_a_secret_that_has_leaked_ends_at_once_where_it_was_believed(
    operator: Desk, app: Deskmind
) -> None:
    await operator.principals.add_user("robot")
    first = await operator.keys.create("robot")
    await app.authenticate(first.secret)
    second = await operator.keys.rotate(first.key_id, overlap_hours=0)
    await _refused(app, first.secret)
    await app.authenticate(second.secret)
    await operator.keys.revoke(first.key_id)
    await _refused(app, second.secret)


async def test_the_old_secret_ends_with_the_overlap(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("robot")
    first = await operator.keys.create("robot")
    second = await operator.keys.rotate(first.key_id, overlap_hours=1e-6)
    while True:
        app.forget_authentication()
        try:
            await app.authenticate(first.secret)
        except AuthenticationError:
            break
        await asyncio.sleep(0.01)
    await app.authenticate(second.secret)


async def test_roles_and_expiry_stay_with_the_key(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("robot", role="operator")
    until = datetime.now(UTC) + timedelta(days=3)
    first = await operator.keys.create("robot", expires_at=until)
    await operator.access.grant("auditor", key=first.key_id)
    second = await operator.keys.rotate(first.key_id)
    assert second.expires_at == until
    for secret in (first.secret, second.secret):
        desk = await app.authenticate(secret)
        await desk.keys.all()
        with pytest.raises(PermissionDeniedError):
            await desk.principals.add_group("x")


async def test_only_live_keys_are_rotated_and_only_by_those_who_may_make_them(
    operator: Desk, app: Deskmind
) -> None:
    await operator.principals.add_user("boss", role="operator")
    await operator.principals.add_user("admin")
    await operator.access.grant("admin", user="admin")
    admin = await app.desk(tenant=operator.scope.tenant, user="admin")
    key = await operator.keys.create("boss")
    with pytest.raises(PermissionDeniedError):
        await admin.keys.rotate(key.key_id)  # an owner's, who has more than an admin
    for hours in (-1, 721, float("nan")):
        with pytest.raises(InvalidRequestError):
            await operator.keys.rotate(key.key_id, overlap_hours=hours)
    await app.authenticate(key.secret)
    await operator.keys.revoke(key.key_id)
    ended = await operator.keys.create("boss", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for gone in (key.key_id, ended.key_id):
        with pytest.raises(NotFoundError):
            await operator.keys.rotate(gone)


async def test_a_key_is_rotated_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, operator: Desk, app: Deskmind, desk_home: Path
) -> None:
    monkeypatch.setenv("DESKMIND_HOME", str(desk_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "none")
    await operator.principals.add_user("robot")
    first = await operator.keys.create("robot")
    words = ["key", "rotate", str(first.key_id), "--overlap-hours", "0", "--tenant", operator.scope.tenant]
    done = await asyncio.to_thread(lambda: CliRunner().invoke(command, [*words, "--json"]))
    assert done.exit_code == 0, done.output
    app.forget_authentication()
    await _refused(app, first.secret)
    assert (await app.authenticate(json.loads(done.stdout)["key"])).scope.principal == "robot"


async def _refused(app: Deskmind, secret: str) -> None:
    with pytest.raises(AuthenticationError):
        await app.authenticate(secret)
