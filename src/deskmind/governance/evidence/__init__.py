"""Evidence: what was recorded, gathered for who examines it, signed and dated. Evidence, never a statement of compliance.

``desk.evidence`` makes bundles for SOC 2 (CC6, CC7, CC8) and GDPR Article 30. ``bundle``, ``verify`` and ``release`` need
nothing but ``cryptography``, so that who checks a bundle needs no database: names load what they need on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deskmind.governance.evidence.bundle import Bundle, EvidenceKey, Part, write_bundle
    from deskmind.governance.evidence.release import ReleaseRecord, package_digest
    from deskmind.governance.evidence.service import Evidence, InstallationEvidence
    from deskmind.governance.evidence.verify import Report, verify_bundle

__all__ = [
    "Bundle",
    "Evidence",
    "EvidenceKey",
    "InstallationEvidence",
    "Part",
    "ReleaseRecord",
    "Report",
    "package_digest",
    "verify_bundle",
    "write_bundle",
]

_MODULES = {
    "bundle": ("Bundle", "EvidenceKey", "Part", "write_bundle"),
    "release": ("ReleaseRecord", "package_digest"),
    "service": ("Evidence", "InstallationEvidence"),
    "verify": ("Report", "verify_bundle"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
