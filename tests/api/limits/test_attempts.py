"""Who tries credentials that are not valid is slowed down; colleagues at the same address are not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.api.limits.attempts import Attempts
from deskmind.api.limits.limiter import HEADERS
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, LimitExceededError

LATER = "retry-after 20, refused"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_guessing_is_slowed_down_by_address_and_goes_on_later() -> None:
    clock = Clock()
    attempts = Attempts("3/minute", clock=clock)
    asked: list[str] = []

    async def ask(credential: str) -> str:
        asked.append(credential)
        if credential.startswith("good"):
            return "ann"
        raise AuthenticationError("The API key is not valid.")

    async def tries(credential: str, address: str = "192.0.2.1") -> str:
        scope: dict[str, Any] = {"client": (address, 1)}
        try:
            return await attempts.of(scope, credential, ask)
        except LimitExceededError as error:
            ((name, value),) = scope[HEADERS]
            return f"{name.decode()} {value.decode()}, {error.details['limit']}"
        except AuthenticationError:
            return "refused"

    assert await tries("good 1") == "ann"
    assert [await tries(f"bad {number}") for number in range(5)] == ["refused"] * 3 + [LATER] * 2
    assert asked == ["good 1", "bad 0", "bad 1", "bad 2"]
    assert await tries("good 1") == "ann"  # it was valid a moment ago
    assert await tries("good 2") == LATER
    assert await tries("good 2", "192.0.2.2") == "ann"
    clock.now += 20
    assert await tries("bad 5") == "refused"
    assert await tries("bad 6") == LATER
    clock.now += 600
    assert await tries("good 3") == "ann"


async def test_without_a_limit_each_is_asked_about() -> None:
    attempts = Attempts("")

    async def ask(_: str) -> str:
        raise AuthenticationError("The API key is not valid.")

    for _ in range(200):
        with pytest.raises(AuthenticationError):
            await attempts.of({"client": ("192.0.2.1", 1)}, "bad", ask)


async def test_the_service_answers_429_and_says_when_to_try_again(
    app: Deskmind, operator: Desk, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = app.settings.limits.model_copy(update={"refused": "2/hour"})
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"limits": limits}))
    await operator.principals.add_user("ann")
    good = (await operator.keys.create("ann")).secret
    async with serving(create_app(app=app)) as address, httpx.AsyncClient(base_url=address) as client:

        async def get(key: str, **more: str) -> httpx.Response:
            return await client.get("/v1/documents", headers={"Authorization": f"Bearer {key}", **more})

        assert (await get(good)).status_code == 200
        assert [(await get(f"{good}{number}")).status_code for number in range(3)] == [401, 401, 429]
        refused = await get("dk_x")
        assert refused.json()["type"] == "urn:deskmind:problem:limit-exceeded"
        assert 0 < int(refused.headers["retry-after"]) <= 1800
        assert (await get(good)).status_code == 200
        repeated = {"Authorization": "Bearer dk_y", "Idempotency-Key": "one"}
        assert (await client.post("/v1/memories", json={"text": "x"}, headers=repeated)).status_code == 429
        assert (await client.get("/v1/documents")).status_code == 401  # nothing was tried
