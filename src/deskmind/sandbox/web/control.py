"""A sandbox's own paths, under /_sandbox/, which need no credentials: faults, clock, index lag, log, changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from deskmind.sandbox.web.exchange import Call, Reply
from deskmind.sandbox.web.faults import Fault

if TYPE_CHECKING:
    from deskmind.sandbox.web.server import SandboxServer

__all__ = ["control"]


def control(call: Call, sandbox: SandboxServer) -> Reply:
    """Answers one request to the sandbox itself; 400 and `{"error": …}` if it cannot be understood.

    - GET, POST, DELETE `/_sandbox/faults`: those that are on; switch one or several on; all off
    - GET, DELETE `/_sandbox/log` (`?after=ID`): what was asked; forget it
    - POST `/_sandbox/clock` `{"advance": seconds}`; POST `/_sandbox/lag` `{"seconds": seconds}`
    - POST `/_sandbox/churn` `{"tickets": n}`: the vendor's users change `n` tickets now
    """
    try:
        return Reply.json(200, _answer(call, sandbox))
    except LookupError as error:
        return Reply.json(404, {"error": str(error)})
    except (ValueError, TypeError) as error:
        return Reply.json(400, {"error": str(error)})


def _answer(call: Call, sandbox: SandboxServer) -> dict[str, Any]:
    match call.method, call.path.removeprefix("/_sandbox/"):
        case "POST", "faults":
            for one in _many(call):
                sandbox.faults.add(Fault.from_json({"seed": sandbox.faults.seed, **one}))
        case "DELETE", "faults":
            sandbox.faults.clear()
        case "GET", "faults":
            pass
        case "GET", "log":
            return sandbox.log.to_json(int(call.query.get("after", "0")))
        case "DELETE", "log":
            sandbox.log.clear()
            return {"requests": 0}
        case "POST", "clock":
            sandbox.clock.advance(float(_object(call)["advance"]))
            return {"now": sandbox.clock.now().isoformat()}
        case "POST", "lag":
            sandbox.lag.seconds = float(_object(call)["seconds"])
            return {"seconds": sandbox.lag.seconds}
        case "POST", "churn":
            return {"changed": sandbox.churn(int(_object(call)["tickets"]))}
        case _:
            raise LookupError(f"there is no {call.method} {call.path}")
    return {"faults": [fault.to_json() for fault in sandbox.faults]}


def _object(call: Call) -> Mapping[str, Any]:
    data = json.loads(call.content)
    if not isinstance(data, dict):
        raise TypeError("a JSON object is expected")
    return _Given(cast("dict[str, Any]", data))


class _Given(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        raise ValueError(f"{key} is missing")


def _many(call: Call) -> list[Mapping[str, Any]]:
    data = json.loads(call.content)
    found = cast("list[Any]", data) if isinstance(data, list) else [data]
    if not all(isinstance(one, dict) for one in found):
        raise TypeError("a JSON object, or an array of them, is expected")
    return cast("list[Mapping[str, Any]]", found)
