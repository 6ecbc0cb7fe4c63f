"""What authentication, redaction, privacy and the audit log do."""

from __future__ import annotations

from deskmind.observability._instrument import Instrument, Label
from deskmind.observability.instruments._labels import CODE

__all__ = [
    "AUDIT_BACKLOG",
    "AUDIT_EVENTS",
    "AUDIT_OLDEST",
    "AUDIT_UNWITNESSED",
    "AUTHENTICATION_REFUSED",
    "PRIVACY_REMOVED",
    "REDACTIONS",
]

AUTHENTICATION_REFUSED = Instrument(
    "deskmind.authentication.refused",
    "counter",
    "{attempt}",
    "keys, tokens and signatures that were not accepted, of known tenants and of none",
    (
        Label(
            "deskmind.reason",
            CODE,
            ("malformed", "unknown", "secret", "expired", "revoked", "user", "token", "signature"),
        ),
    ),
)
REDACTIONS = Instrument(
    "deskmind.redactions",
    "counter",
    "{value}",
    "personal and secret values: replaced on the way to models, put back into replies, refused, masked before storing",
    (
        Label("deskmind.entity", "the types of redaction", most=22),
        Label("deskmind.direction", CODE, ("sent", "restored", "refused", "stored")),
    ),
)
PRIVACY_REMOVED = Instrument(
    "deskmind.privacy.removed",
    "counter",
    "{row}",
    "rows that erasures deleted, masked or pseudonymised, and that retention policies removed",
    (Label("deskmind.removal", CODE, ("erased", "masked", "pseudonymised", "expired")),),
)
AUDIT_EVENTS = Instrument(
    "deskmind.audit.events",
    "counter",
    "{event}",
    "audit events written, those of transactions that were rolled back included",
    (Label("deskmind.outcome", CODE, ("allowed", "denied", "done", "failed")),),
)
AUDIT_BACKLOG = Instrument(
    "deskmind.audit.backlog",
    "gauge",
    "{event}",
    "events without a place in the sealed log, as the sealers saw them last",
    across="max",
    observed=True,
)
AUDIT_OLDEST = Instrument(
    "deskmind.audit.oldest_unsealed_age",
    "gauge",
    "s",
    "since the oldest event that is not sealed; 0 when none waits",
    across="max",
    observed=True,
)
AUDIT_UNWITNESSED = Instrument(
    "deskmind.audit.oldest_unwitnessed_age",
    "gauge",
    "s",
    "since the first checkpoint was signed that a witness lacks; 0 when none lacks any",
    across="max",
    observed=True,
)
