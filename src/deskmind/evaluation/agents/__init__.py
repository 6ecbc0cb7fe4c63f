"""Evaluating agents: cases in YAML, each a small world, a scripted model, and what must have come of it.

``evaluate_agents`` runs a file of cases against a ServiceNow sandbox, a mail server and a web server of its own, in a tenant that is
thrown away; ``deskmind eval agent`` prints what came of it, beside an earlier result.
"""

from deskmind.evaluation.agents.cases import Case, CaseFile, load_cases
from deskmind.evaluation.agents.running import Outcome, evaluate_agents
from deskmind.evaluation.agents.summary import compared, summary

__all__ = ["Case", "CaseFile", "Outcome", "compared", "evaluate_agents", "load_cases", "summary"]
