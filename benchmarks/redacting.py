"""What redaction costs: of a text alone, with the model, of texts made to be slow; and what it adds to a chat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import statistics
import subprocess
import sys
import time
from typing import Any

from deskmind.errors import DeskmindError
from deskmind.gateway import Gateway, MemoryLedger, RedactionShield
from deskmind.governance.redaction import DirectoryDetector, DirectoryEntry, NerDetector, Redactor
from deskmind.governance.redaction.rules import RedactionRules
from deskmind.settings import RedactionSettings

_SENTENCES = (
    "The laptop {asset} does not wake up after the update of last night, and the docking station is not found.",
    "{name} from the finance team cannot open the shared calendar any more; her number is {phone}.",
    "Please reset the token of {mail} before the meeting with the auditors on Thursday morning.",
    "The printer on the third floor says that its tray is empty although it has been filled twice today.",
    "The VPN client reports error 809 from 10.20.{octet}.7 and the certificate seems to have expired.",
    "When the cable is plugged in again the screen flickers, the fan is loud and the battery stays at 80 percent.",
)
_NAMES = ("Anna Kowalska", "John Smith", "Maria Fernandez", "Wei Zhang", "Olga Petrova", "Peter Jansen")
_CHARS = 500
_HOSTILE = (
    "a", "A ", "1", "1 ", "a.", "A-", "x@", ",A", "name: ", "a:b;", "12 Main ", "password is ", "to: Bo Li, ", "Anna, ", "mr ", "::", "..", "( 1",
    "\\\\a", "Aa Bb Cc, 12 ", "10115 Aa, ", "AccountKey=", "-u a:", "geb ", "Apt 1, ", "user a_", "DE89 3704 ", "ABC-1-", "Aa am der ",
)  # fmt: skip


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows: milliseconds of processor time a call, and of the wall clock at the median."""
    calls = 200 if quick else 2_000
    people = [DirectoryEntry(f"{name} {number}") for name in _NAMES for number in range(200)]
    redactor = RedactionRules.of(RedactionSettings()).redactor(DirectoryDetector(people))
    server = subprocess.Popen(
        [sys.executable, "-m", "deskmind.sandbox.models"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        known = json.loads(server.stdout.readline())
        models = {"fast": {"model": "echo", "base_url": f"{known['base_url']}/v1", "api_key": known["key"]}}
        async with (
            Gateway(models, ledger=MemoryLedger()) as plain,
            Gateway(models, ledger=MemoryLedger(), shield=RedactionShield(redactor)) as shielded,
        ):
            chats = await _in_turns({"without redaction": plain, "with redaction": shielded}, calls)
        return [*chats, *_alone(redactor, 200 if quick else 2_000), *_hostile(50_000 if quick else 1_000_000)]
    finally:
        server.terminate()
        server.wait()


def _alone(redactor: Redactor, texts: int) -> list[dict[str, Any]]:
    """Milliseconds of processor time for a text, none like another."""
    chance = random.Random(6)
    cases = {"without the model": (redactor, texts)}
    with contextlib.suppress(DeskmindError):  # no package carries it here
        cases["with the model"] = (redactor.with_detector(NerDetector()), texts // 20)
    rows: list[dict[str, Any]] = []
    for name, (asked, number) in cases.items():
        asked.find(_message(chance))
        used: list[float] = []
        for _ in range(number):
            text = _message(chance)
            started = time.thread_time()
            asked.find(text)
            used.append((time.thread_time() - started) * 1_000)
        rows.append(
            {"case": f"{_CHARS} characters, {name}", "p50 ms of CPU": round(statistics.median(used), 3),
             "p95 ms of CPU": round(statistics.quantiles(used, n=20)[-1], 3)}
        )  # fmt: skip
    return rows


def _hostile(characters: int) -> list[dict[str, Any]]:
    """The slowest of texts that repeat what patterns begin with, and how much more twice the length takes."""
    redactor = Redactor()
    redactor.find("A first text.")
    slowest, worst = 0.0, ""
    for piece in _HOSTILE:
        seconds = _seconds(redactor, piece, characters // 2)
        if seconds > slowest:
            slowest, worst = seconds, piece
    whole = _seconds(redactor, worst, characters)
    case = f"{characters:,} characters of {worst!r}, the slowest of {len(_HOSTILE)}"
    return [
        {"case": case, "seconds of CPU": round(whole, 2), "times that of half": round(whole / slowest, 2)}
    ]


def _seconds(redactor: Redactor, piece: str, characters: int) -> float:
    text = (piece * (characters // len(piece) + 1))[:characters]
    started = time.thread_time()
    redactor.find(text)
    return time.thread_time() - started


async def _in_turns(gateways: dict[str, Gateway], calls: int) -> list[dict[str, Any]]:
    chance = random.Random(5)
    cpu: dict[str, list[float]] = {name: [] for name in gateways}
    wall: dict[str, list[float]] = {name: [] for name in gateways}
    for turn in range(calls + 20):
        ask = [{"role": "user", "content": _message(chance)}]
        for name, gateway in gateways.items():
            started, used = time.perf_counter(), time.process_time()
            await gateway.chat("fast", ask)
            if turn >= 20:
                wall[name].append((time.perf_counter() - started) * 1_000)
                cpu[name].append((time.process_time() - used) * 1_000)
            await asyncio.sleep(0)
    return [
        {
            "case": f"a chat of {_CHARS} characters, {name}",
            "p50 ms of CPU": round(statistics.median(cpu[name]), 3),
            "p50 ms": round(statistics.median(wall[name]), 3),
            "p95 ms": round(statistics.quantiles(wall[name], n=20)[-1], 3),
        }
        for name in gateways
    ]


def _message(chance: random.Random) -> str:
    """No two alike: what was looked at before must not help."""
    text = ""
    while len(text) < _CHARS:
        text += chance.choice(_SENTENCES).format(
            name=chance.choice(_NAMES),
            phone=f"+44 7700 9{chance.randrange(10**5):05}",
            mail=f"user{chance.randrange(10**6)}@example.com",
            asset=f"WS-{chance.randrange(10**5):05}",
            octet=chance.randrange(250),
        )
        text += " "
    return text[:_CHARS]
