"""A model that is learned once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.triage.tickets import tickets

from deskmind.triage import TriageModel, learn


@pytest.fixture(scope="session")
def model() -> TriageModel:
    return learn(tickets(), release="test", now=datetime(2026, 4, 1, tzinfo=UTC))
