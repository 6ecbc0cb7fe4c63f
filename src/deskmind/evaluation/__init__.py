"""Measuring the product on question files, in a throw-away tenant."""

from deskmind.evaluation.retrieval import evaluate_retrieval

__all__ = ["evaluate_retrieval"]
