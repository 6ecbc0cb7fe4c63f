"""The command line. Heavy parts are imported by the command that needs them, so that help is instant."""

from __future__ import annotations

from deskmind.cli.root import main

__all__ = ["main"]
