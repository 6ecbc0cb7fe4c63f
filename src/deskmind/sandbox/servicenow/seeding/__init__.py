"""Filling an instance with the demo company."""

from deskmind.sandbox.servicenow.seeding.fill import fill

__all__ = ["fill"]
