"""Readiness: checks of what the product says about itself, run against this installation and collected into a report.

A check is green, red (a blocker), or "not assessed" where the product cannot know. Blockers decide, there is no score.
"""

from deskmind.readiness.page import page
from deskmind.readiness.recording import ACTION, run, run_hourly
from deskmind.readiness.report import SECTIONS, Check, Report, assess

__all__ = ["ACTION", "SECTIONS", "Check", "Report", "assess", "page", "run", "run_hourly"]
