"""Recorded HTTP of real accounts, and what their answers consist of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def entries(path: Path) -> Iterator[tuple[str, str, Any, int, Any, set[str]]]:
    """Method, path with query, request body, status, answer (JSON, else text), names of the answer's headers."""
    for entry in json.loads(path.read_text("utf-8"))["log"]["entries"]:
        request, response = entry["request"], entry["response"]
        address = urlsplit(request["url"])
        where = address.path + (f"?{address.query}" if address.query else "")
        sent = request.get("postData", {}).get("text")
        text = response["content"].get("text", "")
        told = json.loads(text) if "json" in response["content"].get("mimeType", "") and text else text
        headers = {each["name"].lower() for each in response["headers"]}
        yield request["method"], where, json.loads(sent) if sent else None, response["status"], told, headers


def missing(recorded: Any, ours: Any, path: str = "") -> set[str]:
    """Paths of keys that a recorded answer has and ours has not; of lists the first items that say something."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        found = {f"{path}/{key}" for key in recorded if key not in ours}
        return found.union(
            *(missing(recorded[key], ours[key], f"{path}/{key}") for key in recorded if key in ours)
        )
    if isinstance(recorded, list) and isinstance(ours, list) and recorded and ours:
        return missing(recorded[0], ours[0], f"{path}/*")
    return set()


def kinds(recorded: Any, ours: Any, path: str = "") -> set[str]:
    """Paths of values whose JSON type differs from the recorded one; null agrees with everything."""
    if recorded is None or ours is None:
        return set()
    if isinstance(recorded, dict) and isinstance(ours, dict):
        return set().union(
            *(kinds(recorded[key], ours[key], f"{path}/{key}") for key in recorded if key in ours)
        )
    if isinstance(recorded, list) and isinstance(ours, list):
        return kinds(recorded[0], ours[0], f"{path}/*") if recorded and ours else set()
    number = isinstance(recorded, (int, float)) and isinstance(ours, (int, float))
    return set() if number or type(recorded) is type(ours) else {path}
