"""GDPR Article 30: the record of processing activities, as far as the software knows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from deskmind.governance.evidence.bundle import Part
from deskmind.governance.evidence.tables import json_part, sheet
from deskmind.governance.privacy import Holding
from deskmind.governance.privacy.erasures import Erasure
from deskmind.governance.privacy.holds import Hold
from deskmind.governance.privacy.retention import Expired, policies
from deskmind.settings import ControllerSettings, Settings

__all__ = ["controller_of", "missing_of", "record_parts"]

_WANTED = {
    "name": "Article 30(1)(a): name of the controller",
    "contact": "Article 30(1)(a): contact details",
    "purposes": "Article 30(1)(b): purposes beyond those of each store",
    "subjects": "Article 30(1)(c): categories of data subjects",
    "recipients": "Article 30(1)(d): categories of recipients",
    "transfers": "Article 30(1)(e): transfers to third countries; state that there are none",
    "measures": "Article 30(1)(g): organisational measures beyond the technical ones listed",
}


def controller_of(settings: Settings, tenant: str) -> ControllerSettings:
    """What the settings say of a tenant's controller: its own, else ``default``."""
    known = settings.evidence.controllers
    return known.get(tenant) or known.get("default") or ControllerSettings()  # pyright: ignore[reportCallIssue]


def missing_of(controller: ControllerSettings) -> list[str]:
    """What the settings leave unsaid of what the article asks for."""
    return [
        f"{what} (set evidence.controllers.NAME.{field})"
        for field, what in _WANTED.items()
        if not getattr(controller, field)
    ]


def record_parts(
    settings: Settings,
    tenant: str,
    *,
    holdings: Sequence[Holding],
    ran: Sequence[Expired],
    holds: Sequence[Hold],
    erasures: Sequence[Erasure],
) -> list[Part]:
    """The parts of the record."""
    limits = [
        {"store": policy.store, "days": policy.days or None} for policy in policies(settings.privacy, tenant)
    ]
    controller = asdict_of(controller_of(settings, tenant))
    processing = [asdict(holding) for holding in holdings if holding.personal != "none"]
    return [
        json_part(
            "article30/controller.json", controller, "Who is responsible, as the settings say.", "settings"
        ),
        *sheet(
            "article30/processing",
            processing,
            "Each store with personal data: which, why, for how long, how exported and erased.",
            "the data map",
        ),
        *sheet(
            "article30/time-limits", limits, "After how many days rows go; empty for no limit.", "settings"
        ),
        *sheet(
            "article30/retention-runs",
            [one.as_dict() for one in ran],
            "When each limit last ran.",
            "privacy_retention",
        ),
        *sheet("article30/holds", [hold.as_dict() for hold in holds], "Legal holds.", "privacy_holds"),
        *sheet(
            "article30/erasures",
            _erasures(erasures),
            "Erasures in the period; they name nobody.",
            "privacy_erasures",
        ),
        json_part("article30/measures.json", _measures(settings), "Technical measures in force.", "settings"),
    ]


def asdict_of(controller: ControllerSettings) -> dict[str, Any]:
    """For JSON."""
    return controller.model_dump(mode="json")


def _erasures(erasures: Iterable[Erasure]) -> list[dict[str, Any]]:
    return [
        {
            "erasure_id": str(one.erasure_id),
            "state": one.state,
            "requested_at": one.requested_at.isoformat(),
            "completed_at": one.completed_at.isoformat() if one.completed_at else None,
        }
        for one in sorted(erasures, key=lambda one: (one.requested_at, str(one.erasure_id)))
    ]


def _measures(settings: Settings) -> dict[str, Any]:
    redaction = settings.redaction
    return {
        "separation of tenants": "row-level security, enabled and forced, under signed scopes",
        "redaction of what goes to models": redaction.enabled,
        "redaction of what is stored": redaction.ingest,
        "names found by a model as well": redaction.ner,
        "audit log": "append-only, sealed in a Merkle tree with signed checkpoints",
        "personal fields of the audit log": "encrypted under a key for each person",
        "content in traces": settings.telemetry.capture_content,
        "questions kept in stories": settings.explain.keep_questions,
    }
