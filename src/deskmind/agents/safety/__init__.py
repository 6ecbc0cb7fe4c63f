"""Safety: what a run may tell whom, checks of what it writes, and blocks that outlast it.

``flow`` holds the rules of information flow, ``readers`` who may see a text, ``checks`` the pluggable guardrails of output,
``blocks`` what stays forbidden beyond a run.
"""

from deskmind.agents.safety.checks import BUILT_IN_CHECKS, Check, CheckedText, grounding, leakage

__all__ = ["BUILT_IN_CHECKS", "Check", "CheckedText", "grounding", "leakage"]
