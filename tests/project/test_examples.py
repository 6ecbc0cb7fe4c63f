"""Every example runs as its own program, twice where it keeps a home, and prints what it is there to show.

Those that begin with the application are forked from a process that has imported it; those of a part alone import
what they need themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.project.conftest import Warm

pytestmark = pytest.mark.documentation

EXAMPLES = Path(__file__).parents[2] / "examples"
SHOWN = {
    "quickstart.py": ["approval of two finance managers", "I found nothing in your knowledge"],
    "notebook_style.py": ["1 documents, 1 chunks, 0 failures", "open tray 3"],
    "client.py": [
        "open the self-service portal",
        "quoted from VPN access",
        "documents: ['VPN access']",
        "(request req_…)",
    ],
    "parts/client.py": [
        "renamed to 'VPN tokens', done 1 time",
        "not waited for: Try again in 120 s. (req_0001)",
    ],
    "parts/access.py": [
        "allowed because role bookkeeper granted to group accounts until 2027-04-01 00:00 UTC",
        "no role of bot includes invoice:approve",
        "ann's invoice: forbidden by four-eyes",
    ],
    "parts/audit_in_your_database.py": [
        "kept elsewhere: 2 events under one signature",
        "untouched: holds",
        "changed: The columns of 2 events are not what was sealed of them.",
    ],
    "parts/audit.py": [
        "kept elsewhere: 5 events",
        "untouched: holds",
        "edited: The first 5 events are not those that were sealed.",
        "swapped: The first 5 events are not those that were sealed.",
        "cut off: 5 events were sealed, and 3 are there.",
    ],
    "parts/evidence.py": [
        "made again: the same bytes",
        "The bundle holds: soc2 of harbour",
        "by a stranger's key: The manifest is not signed with a key that was given.",
    ],
    "parts/embedder.py": ["hashing: 512 dimensions", "0.00 The canteen opens at noon."],
    "parts/cache.py": ["1 loader call for 1000 callers", "after the invalidation: None"],
    "parts/gateway.py": ["second: Where is the nearest printer?", "is used up", "settled 5 5"],
    "parts/shield.py": [
        'told: "Write to <EMAIL_ADDRESS_1>, please."',
        "reads: I wrote to ann@example.com.",
        "refused: The text holds data of the type CREDIT_CARD",
    ],
    "parts/loading.py": ["Laptops (text/html)", "refused: empty.md is empty."],
    "parts/redaction.py": [
        "this is <PERSON_1> from <LOCATION_1>",
        "with <CREDIT_CARD>.",
        "Dear Anna Kowalska, I call +48 58 555 01 42 and tell LINDQVIST Bo.",
    ],
    "parts/redaction_model.py": [
        "the pw of <PERSON_1>, his badge is <EMPLOYEE_ID_1>",
        "recognised by the model",
    ],
    "parts/agents.py": [
        "by itself: waiting, written: []",
        "approved by ben: done, written: ['INC0042: restarted the spooler']",
        "ordered by a ticket: waiting",
    ],
    "parts/workflows.py": [
        "yes: done laptop-yes delivered",
        "no: failed None",
        "laptop-yes reserved, tried, tried, laptop-no reserved, laptop-no free again",
    ],
    "service_desk_workflows.py": [
        "triage wants to change assignment_group",
        "assigned: True, notes: 2",
        "resolve: done",
    ],
    "parts/memory.py": [
        "of 100: My printer is HP-40.",
        "history: ['My printer is HP-40.', 'My printer is HP-22.']",
        "ben sees 0 memories",
        "from a ticket: This text may not become a memory.",
        "forgotten: 2",
    ],
    "parts/agent_safety.py": [
        "proposed, once the check had refused the first: Restarted at ten.",
        "corrected by ben: done, written: ['INC0042: Restarted at noon.']",
        "blocked from now on: note, an injected order",
    ],
    "parts/triage.py": [
        "My VPN tunnel drops, please help! -> Network, because of: drops",
        "Canteen menu, Friday? -> a person decides",
        "one incident? 5 tickets: mail, server",
    ],
    "parts/privacy.py": [
        "(erased) ((erased), (erased)) has no VPN token. J. de Vries has one.",
        "kept: 17 marks",
    ],
    "parts/connector.py": ["480 tickets", "proposed: work_notes", "applied, version 0 -> 1"],
    "parts/prompts.py": ["Why does {{ this }} fail?", "line 2: '.__class__'", "a summary stands for"],
    "parts/sandbox.py": [
        "admin 200 sees all articles",
        "lena.fisk 200 sees some articles",
        "403 Data Policy Exception",
        "200 state 6",
        "429 200",
    ],
    "parts/stories.py": ["order-17: ok", "fetch stock in prepare", "'outcome': 'miss'"],
    "mcp_client.py": [
        "15 tools, 15 of them only read",
        "characters written",
        "choose Security, then Reset token.",
        "deskmind: To reset your VPN token",
        "no role of tom includes audit:read",
    ],
    "explain.py": [
        "knowledge.ask by ann of facilities: ok",
        "cited as [1]",
        "ben: There is no such request.",
    ],
    "parts/keyring.py": ["altered: False", "the old signature still verifies: True"],
    "parts/embedded_server.py": ["distance: 2.0", "stopped"],
    "parts/webhook_receiver.py": [
        "approval.requested event-1: /v1/approvals/p1",
        "approval.requested event-1: known already",
        "refused: No signature is that of the secret over this body.",
        "refused: It was signed more than 300 seconds ago, or ahead.",
    ],
    "parts/router_in_your_app.py": [
        "401 You are not signed in.",
        "200 ",
        "reception",
        "not mounted: 404",
    ],
}


_STRICT = ("-W", "error")
_APPLICATION = ("deskmind.app", "deskmind.database.embedded", "fastapi", "pydantic_ai")

Run = Callable[[str, Path], str]


@pytest.fixture(scope="module")
def application(warm: Warm) -> Iterator[Path]:
    """The program that runs an example where the application is imported already."""
    with warm("example", *_APPLICATION, options=_STRICT) as client:
        yield client


@pytest.fixture(scope="module")
def run(running_home: Path, application: Path) -> Run:
    """Runs an example in a folder; gives what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKMIND_")}
    environment = {
        **kept,
        "DESKMIND_HOME": str(running_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_ANSWER_THRESHOLD": "0.05",
    }

    def shown(example: str, folder: Path) -> str:
        file = EXAMPLES / example
        whole = "\nfrom deskmind import " in file.read_text("utf-8")
        done = subprocess.run(
            [application, file] if whole else [sys.executable, *_STRICT, file],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env=environment,
            cwd=folder,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    return shown


@pytest.mark.parametrize("example", [name for name in SHOWN if name != "quickstart.py"])
def test_an_example_runs_and_shows_its_point(example: str, run: Run, tmp_path: Path):
    output = run(example, tmp_path)
    assert [text for text in SHOWN[example] if text not in output] == []


def test_the_quickstart_can_be_run_again_in_the_same_home(run: Run, tmp_path: Path):
    output = run("quickstart.py", tmp_path)
    assert [text for text in SHOWN["quickstart.py"] if text not in output] == []
    assert run("quickstart.py", tmp_path) == output


def test_every_example_is_tested():
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")}
    assert found == set(SHOWN)
