"""The dashboards, one a module."""

from __future__ import annotations

from deploy.boards import database, governance, health, jobs, knowledge, models, tenants
from deploy.panels import Board

__all__ = ["BOARDS"]

BOARDS: tuple[Board, ...] = (
    health.BOARD,
    models.BOARD,
    knowledge.BOARD,
    tenants.BOARD,
    governance.BOARD,
    database.BOARD,
    jobs.BOARD,
)
