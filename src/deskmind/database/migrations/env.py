"""Alembic's entry point; configured by ``runner`` only, never from a file."""

from __future__ import annotations

from alembic import context

_attributes = context.config.attributes

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql",
        version_table_schema=_attributes["schema"],
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    context.configure(
        connection=_attributes["connection"],
        version_table_schema=_attributes["schema"],
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
