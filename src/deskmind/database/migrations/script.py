"""What the migration scripts share: running a SQL file with the installation's names filled in."""

from __future__ import annotations

from importlib import resources
from typing import Any

from alembic import context, op
from procrastinate.schema import SchemaManager

__all__ = ["run_file", "run_procrastinate"]


def run_file(name: str) -> None:
    """Execute ``sql/{name}`` as the owner in the installation's schema."""
    _run(resources.files("deskmind.database.migrations").joinpath("sql", name).read_text("utf-8"))


def run_procrastinate() -> None:
    """Execute procrastinate's own schema; the extension it asks for is always there."""
    text = SchemaManager.get_schema()
    _run(text[text.index("-- Enums") :])


def _run(text: str) -> None:
    attributes: dict[str, Any] = context.config.attributes
    schema, prefix = attributes["schema"], attributes["prefix"]
    extension = _extension_schema() if not context.is_offline_mode() else "public"
    text = f"SET LOCAL search_path = {schema}, {extension};\n{text}"
    for name, value in {"schema": schema, "prefix": prefix, "ext": extension}.items():
        text = text.replace(f"<{name}>", str(value))
    if context.is_offline_mode():
        op.execute(text.replace(":", "\\:"))
        return
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("no database connection")
    driver.execute(text)


def _extension_schema() -> str:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("no database connection")
    row = driver.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'vector'"
    ).fetchone()
    return str(row[0]) if row else "public"
