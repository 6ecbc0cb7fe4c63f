"""Governance: what is recorded, refused, and not yet sealed."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, rate, series

_EVENTS = "deskmind_audit_events_total"
_OPERATIONS = "deskmind_operation_duration_seconds_count"
_HTTP = "http_server_request_duration_seconds_count"

BOARD = Board(
    "governance",
    "Deskmind: governance",
    "What is recorded, what is refused, and whether the audit log keeps up.",
    (
        Section(
            "Audit",
            (
                Panel(
                    "Audit events by outcome",
                    "Events a second. None at all while people work is a reason to look.",
                    "none",
                    (q(rate(_EVENTS, by="deskmind_outcome"), "{{deskmind_outcome}}"),),
                    stacked=True,
                ),
                Panel(
                    "Events without a place in the sealed log",
                    "What a database administrator could still change unseen.",
                    "none",
                    (q(f"max({series('deskmind_audit_backlog')})", "events"),),
                    thresholds=((10000, WARN), (100000, BAD)),
                ),
                Panel(
                    "Age of the oldest unsealed event",
                    "The seal's lag. Above a quarter of an hour the sealer does not run.",
                    "s",
                    (q(f"max({series('deskmind_audit_oldest_unsealed_age_seconds')})", "oldest"),),
                    thresholds=((300, WARN), (900, BAD)),
                ),
                Panel(
                    "Age of the oldest checkpoint that a witness lacks",
                    "Until it is kept elsewhere, what it seals is proved to nobody.",
                    "s",
                    (
                        q(
                            f"max({series('deskmind_audit_oldest_unwitnessed_age_seconds')})",
                            "oldest",
                            empty="no witness is configured",
                        ),
                    ),
                    thresholds=((600, WARN), (3600, BAD)),
                ),
            ),
        ),
        Section(
            "Redaction",
            (
                Panel(
                    "Personal and secret values replaced",
                    "A second, by type: on the way to models, in replies, and before storing.",
                    "none",
                    (
                        q(
                            rate("deskmind_redactions_total", by="deskmind_entity,deskmind_direction"),
                            "{{deskmind_entity}} {{deskmind_direction}}",
                            empty="every model is on this machine",
                        ),
                    ),
                    stacked=True,
                ),
            ),
        ),
        Section(
            "Privacy",
            (
                Panel(
                    "Rows erased and expired",
                    "A second: what erasures of people deleted, masked or pseudonymised, and what retention removed.",
                    "none",
                    (
                        q(
                            rate("deskmind_privacy_removed_total", by="deskmind_removal"),
                            "{{deskmind_removal}}",
                            empty="nobody was erased and nothing expired",
                        ),
                    ),
                    stacked=True,
                ),
            ),
        ),
        Section(
            "Access",
            (
                Panel(
                    "Operations that were refused",
                    "A second, by operation: somebody tried what their role does not include. Each is in the audit log.",
                    "reqps",
                    (
                        q(
                            rate(_OPERATIONS, 'deskmind_outcome="refused"', by="deskmind_operation"),
                            "{{deskmind_operation}}",
                            empty="nothing was refused",
                        ),
                    ),
                    thresholds=((0.1, WARN), (1, BAD)),
                    width=6,
                ),
                Panel(
                    "Requests without a valid key",
                    "A second (401). A burst is a key that expired, or somebody who tries.",
                    "reqps",
                    (q(rate(_HTTP, 'http_response_status_code="401"'), "401", empty="every key was valid"),),
                    thresholds=((0.5, WARN), (5, BAD)),
                    width=6,
                ),
                Panel(
                    "Credentials that were refused",
                    "A second, by reason. Those that concern a tenant are in its audit log, counted by the minute and longer.",
                    "reqps",
                    (
                        q(
                            rate("deskmind_authentication_refused_total", by="deskmind_reason"),
                            "{{deskmind_reason}}",
                            empty="every key, token and signature was valid",
                        ),
                    ),
                    thresholds=((0.5, WARN), (5, BAD)),
                    width=6,
                ),
                Panel(
                    "Requests without the permission",
                    "A second (403): the key is valid and its user may not do this.",
                    "reqps",
                    (q(rate(_HTTP, 'http_response_status_code="403"'), "403", empty="nothing was refused"),),
                    thresholds=((0.1, WARN), (1, BAD)),
                    width=6,
                ),
                Panel(
                    "Operations",
                    "What people and programs do, a second, by operation.",
                    "reqps",
                    (q(rate(_OPERATIONS, by="deskmind_operation"), "{{deskmind_operation}}"),),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Operations that failed",
                    "A second, by operation; refusals do not count.",
                    "reqps",
                    (
                        q(
                            rate(_OPERATIONS, 'deskmind_outcome="error"', by="deskmind_operation"),
                            "{{deskmind_operation}}",
                            empty="nothing failed",
                        ),
                    ),
                    thresholds=((0.01, WARN), (0.1, BAD)),
                    width=12,
                ),
            ),
        ),
    ),
)
