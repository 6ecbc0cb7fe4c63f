"""What Locust runs: users who ask, search and chat, as many as the plan says at each moment.

The plan is a JSON file named by ``LOAD_PLAN``: ``phases`` (name, seconds, users), ``keys``, ``questions``, ``model`` and
``results``, the file that takes one line for each request: seconds since the start, path, milliseconds, error.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

from locust import FastHttpUser, LoadTestShape, constant_pacing, events, task

PLAN = json.loads(Path(os.environ["LOAD_PLAN"]).read_text("utf-8"))
_rows: list[tuple[float, str, float, str]] = []
_AT_ONCE = 1000.0  # users a second that come or go
_draw = random.Random(20)
_started: list[float] = []


class Technician(FastHttpUser):
    """One request a second: four in ten search, four ask, two chat."""

    wait_time = constant_pacing(1.0)
    network_timeout = 60.0
    connection_timeout = 60.0

    def on_start(self) -> None:
        self.key = _draw.choice(PLAN["keys"])
        self._headers = {"Authorization": f"Bearer {self.key}"}
        time.sleep(_draw.random())  # users do not send in step

    @task(4)
    def search(self) -> None:
        self._post("/v1/search", {"query": _draw.choice(PLAN["questions"])})

    @task(4)
    def ask(self) -> None:
        self._post("/v1/ask", {"question": _draw.choice(PLAN["questions"])})

    @task(2)
    def chat(self) -> None:
        words = _draw.choice(PLAN["questions"])
        self._post(
            "/v1/chat/completions", {"model": PLAN["model"], "messages": [{"role": "user", "content": words}]}
        )

    def _post(self, path: str, body: dict[str, object]) -> None:
        self.client.post(path, json=body, headers=self._headers, name=path)


class Plan(LoadTestShape):
    """The phases one after another, then the end."""

    def tick(self) -> tuple[int, float] | None:
        elapsed = self.get_run_time()
        for phase in PLAN["phases"]:
            if elapsed < phase["seconds"]:
                return phase["users"], _AT_ONCE
            elapsed -= phase["seconds"]
        return None


@events.test_start.add_listener
def _begin(**_: object) -> None:
    _started.append(time.time())


@events.request.add_listener
def _note(name: str, response_time: float, exception: object, start_time: float, **_: object) -> None:
    _rows.append(
        (
            round(start_time - _started[0], 3),
            name,
            round(response_time, 2),
            repr(exception) if exception else "",
        )
    )


@events.quitting.add_listener
def _write(**_: object) -> None:
    with Path(PLAN["results"]).open("w", encoding="utf-8") as file:
        file.write(json.dumps({"started": _started[0]}) + "\n")
        file.writelines(json.dumps(row) + "\n" for row in _rows)
