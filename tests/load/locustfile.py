"""What Locust runs: users who send every kind of request, as many as the plan says at each moment.

The plan is a JSON file named by ``LOAD_PLAN``: ``phases`` (name, seconds, users), ``keys``, ``staff`` (an operator's key),
``questions``, ``model``, ``agent`` and ``results``, the file that takes one line for each request: seconds since the start, kind,
milliseconds, error.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from uuid import uuid4

from locust import FastHttpUser, LoadTestShape, constant_pacing, events, task

PLAN = json.loads(Path(os.environ["LOAD_PLAN"]).read_text("utf-8"))
_rows: list[tuple[float, str, float, str]] = []
_AT_ONCE = 1000.0  # users a second that come or go
_draw = random.Random(20)
_started: list[float] = []


class Technician(FastHttpUser):
    """One request a second, of every kind; half of them search and ask. The kinds are those of ``profiles.KINDS``."""

    wait_time = constant_pacing(1.0)
    network_timeout = 60.0
    connection_timeout = 60.0

    def on_start(self) -> None:
        self.key = _draw.choice(PLAN["keys"])
        self._headers = {"Authorization": f"Bearer {self.key}"}
        self._staff = {"Authorization": f"Bearer {PLAN['staff']}"}
        time.sleep(_draw.random())  # users do not send in step

    @task(5)
    def search(self) -> None:
        self._post("search", "/v1/search", {"query": self._words()})

    @task(3)
    def ask(self) -> None:
        self._post("ask", "/v1/ask", {"question": self._words()})

    @task(2)
    def ask_streamed(self) -> None:
        self._post("ask, streamed", "/v1/ask", {"question": self._words()}, accept="text/event-stream")

    @task(2)
    def chat(self) -> None:
        self._post("chat", "/v1/chat/completions", self._chat())

    @task(1)
    def chat_streamed(self) -> None:
        self._post("chat, streamed", "/v1/chat/completions", {**self._chat(), "stream": True})

    @task(2)
    def read(self) -> None:
        self.client.get("/v1/documents?limit=20", headers=self._headers, name="read")

    @task(1)
    def write(self) -> None:
        self._post("write", "/v1/conversations", {"title": "load"}, idempotency_key=str(uuid4()))

    @task(1)
    def agent(self) -> None:
        body = {"prompt": self._words(), "wait": True}
        path = f"/v1/agents/{PLAN['agent']}/runs"
        self.client.post(path, json=body, headers=self._staff, name="agent run")

    @task(1)
    def approvals(self) -> None:
        self.client.get("/v1/approvals", headers=self._staff, name="approvals")

    @task(1)
    def sync_status(self) -> None:
        self.client.get("/v1/connectors", headers=self._staff, name="sync status")

    @task(1)
    def mcp(self) -> None:
        call = {"name": "search", "arguments": {"query": self._words()}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        self._post("mcp", "/mcp", message, accept="application/json, text/event-stream")

    def _chat(self) -> dict[str, object]:
        return {"model": PLAN["model"], "messages": [{"role": "user", "content": self._words()}]}

    def _words(self) -> str:
        return _draw.choice(PLAN["questions"])

    def _post(self, kind: str, path: str, body: dict[str, object], **more: str) -> None:
        headers = {**self._headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        self.client.post(path, json=body, headers=headers, name=kind)


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
