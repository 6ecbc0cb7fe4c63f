"""Answering: the few sentences or steps that answer a question, each with its citation, or an honest "not found"."""

from deskmind.knowledge.answering.extractive import ExtractiveAnswerer
from deskmind.knowledge.answering.protocol import Answerer, AnswerEvent

__all__ = ["AnswerEvent", "Answerer", "ExtractiveAnswerer"]
