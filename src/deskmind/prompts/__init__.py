"""Prompts: templates, versions and labels, experiments, conversations, and what fits a model's context window.

Templates, files and the context window work without a database::

    from deskmind.prompts import ContextWindow, PromptTemplate, Variable
"""

from __future__ import annotations

from deskmind.prompts.decision import Dropped, PartName, WindowDecision
from deskmind.prompts.files import prompt_from_file, prompt_to_file
from deskmind.prompts.fitted import FittedContext, NumberedPassage
from deskmind.prompts.messages import Message, Role
from deskmind.prompts.shared import shared_prompts
from deskmind.prompts.summary import DropMarker, FirstSentences, Summariser
from deskmind.prompts.templates import PromptTemplate, TemplateRole
from deskmind.prompts.tokens import BytePairCounter, Estimate, TokenCounter, TokenizerCounter, token_counter
from deskmind.prompts.variables import Variable, VariableType
from deskmind.prompts.window import DEFAULT_SHARES, ContextWindow, Share

__all__ = [
    "DEFAULT_SHARES",
    "BytePairCounter",
    "ContextWindow",
    "DropMarker",
    "Dropped",
    "Estimate",
    "FirstSentences",
    "FittedContext",
    "Message",
    "NumberedPassage",
    "PartName",
    "PromptTemplate",
    "Role",
    "Share",
    "Summariser",
    "TemplateRole",
    "TokenCounter",
    "TokenizerCounter",
    "Variable",
    "VariableType",
    "WindowDecision",
    "prompt_from_file",
    "prompt_to_file",
    "shared_prompts",
    "token_counter",
]
