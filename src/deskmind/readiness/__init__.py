"""Readiness: checks of what the product says about itself, collected into a report.

A check is green, red, or "not assessed" where the product cannot know.
"""

from deskmind.readiness.report import Check, Report, assess

__all__ = ["Check", "Report", "assess"]
