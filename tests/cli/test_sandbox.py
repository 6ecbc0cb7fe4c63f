"""`deskmind sandbox`: the first line tells where it is and how to get in."""

from __future__ import annotations

import base64
import json
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.parametrize("tls", [False, True])
def test_the_first_line_is_enough_to_ask(tls: bool, tmp_path: Path):
    authority = tmp_path / "ca.pem"
    secured = ["--tls", "--ca-file", str(authority)] if tls else []
    command = [sys.executable, "-m", "deskmind.cli", "sandbox", "servicenow", "--seed", "5", *secured]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        assert set(told) == {"base_url", "username", "password"} | ({"ca_file"} if tls else set())
        secret = base64.b64encode(f"{told['username']}:{told['password']}".encode()).decode()
        request = urllib.request.Request(
            f"{told['base_url']}/api/now/table/incident?sysparm_limit=1",
            headers={"Authorization": f"Basic {secret}"},
        )
        context = ssl.create_default_context(cafile=str(authority)) if tls else None
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            assert json.load(answer)["result"][0]["number"].startswith("INC")
            assert int(answer.headers["X-Total-Count"]) > 300
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        process.stdout.close()


@pytest.mark.parametrize(
    ("vendor", "user", "password", "path", "shown"),
    [
        ("jira", "email", "token", "/rest/api/3/myself", "emailAddress"),
        ("freshservice", "api_key", "password", "/api/v2/agents/me", "agent"),
    ],
)
def test_the_first_line_of_other_vendors(vendor: str, user: str, password: str, path: str, shown: str):
    command = [sys.executable, "-m", "deskmind.cli", "sandbox", vendor]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        assert set(told) == {"base_url", user, password}
        secret = base64.b64encode(f"{told[user]}:{told[password]}".encode()).decode()
        request = urllib.request.Request(
            told["base_url"] + path, headers={"Authorization": f"Basic {secret}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert shown in json.load(answer)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        process.stdout.close()


def test_an_unknown_size_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "deskmind.cli", "sandbox", "servicenow", "--size", "huge"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "small, medium, large" in done.stderr
