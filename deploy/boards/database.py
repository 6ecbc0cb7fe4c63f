"""Database and cache: connections, transactions, and what the cache saves."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, quantile, rate, series

_POOL = "db_client_connection_count"
_TIMES = "db_client_operation_duration_seconds"
_CACHE = "deskmind_cache_requests_total"
_HIT = 'deskmind_result="hit"'
_TRANSACTION = 'db_operation_name="transaction"'

BOARD = Board(
    "database",
    "Deskmind: database and cache",
    "Connections, transactions, and what the cache saves. `deskmind database slow` tells more.",
    (
        Section(
            "Connections",
            (
                Panel(
                    "Connections",
                    "Of the pools of all processes: in use, idle, and the most there may be.",
                    "none",
                    (
                        q(
                            f"sum by (db_client_connection_state) ({series(_POOL)})",
                            "{{db_client_connection_state}}",
                        ),
                        q(f"sum({series('db_client_connection_max')})", "most"),
                    ),
                ),
                Panel(
                    "Share of connections in use",
                    "Of the most that there may be. At 1 requests wait.",
                    "percentunit",
                    (
                        q(
                            f"""sum({series(_POOL, 'db_client_connection_state="used"')})"""
                            f" / sum({series('db_client_connection_max')})",
                            "in use",
                        ),
                    ),
                    thresholds=((0.7, WARN), (0.95, BAD)),
                    most=1,
                ),
                Panel(
                    "Requests waiting for a connection",
                    "More than none for long: raise database.pool_max, or find what holds connections.",
                    "none",
                    (q(f"sum({series('db_client_connection_pending_requests')})", "waiting"),),
                    thresholds=((1, WARN), (10, BAD)),
                ),
            ),
        ),
        Section(
            "Work",
            (
                Panel(
                    "Transactions",
                    "Transactions a second; one or two belong to each request, more to background work.",
                    "ops",
                    (q(rate(f"{_TIMES}_count", _TRANSACTION), "transactions"),),
                ),
                Panel(
                    "Time of a transaction",
                    "From begin to commit. Long ones hold a connection that others wait for.",
                    "s",
                    tuple(
                        q(quantile(share, _TIMES, _TRANSACTION), f"p{share * 100:g}")
                        for share in (0.5, 0.95, 0.99)
                    ),
                    thresholds=((0.5, WARN), (2, BAD)),
                ),
                Panel(
                    "95th percentile by operation",
                    "Public operations, whoever calls them; `deskmind database slow` names the statements.",
                    "s",
                    (
                        q(
                            quantile(0.95, "deskmind_operation_duration_seconds", by="deskmind_operation"),
                            "{{deskmind_operation}}",
                        ),
                    ),
                    thresholds=((1, WARN), (5, BAD)),
                ),
                Panel(
                    "Time of a batch of the ledger",
                    "95th percentile by outcome. Calls do not wait for it.",
                    "s",
                    (
                        q(
                            quantile(0.95, "deskmind_ledger_flush_duration_seconds", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                        ),
                    ),
                    thresholds=((1, WARN), (4, BAD)),
                ),
            ),
        ),
        Section(
            "Cache",
            (
                Panel(
                    "Hit ratio",
                    "Share of questions that each use of the cache answered.",
                    "percentunit",
                    (
                        q(
                            f"({rate(_CACHE, _HIT, by='deskmind_cache, deskmind_tier')}"
                            f" or 0 * {rate(_CACHE, by='deskmind_cache, deskmind_tier')})"
                            f" / {rate(_CACHE, by='deskmind_cache, deskmind_tier')}",
                            "{{deskmind_cache}} {{deskmind_tier}}",
                        ),
                    ),
                    most=1,
                ),
                Panel(
                    "Questions to the cache",
                    "Questions a second, by use and result.",
                    "ops",
                    (
                        q(
                            rate(_CACHE, by="deskmind_cache, deskmind_result"),
                            "{{deskmind_cache}} {{deskmind_result}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Size in memory",
                    "Estimated, of all processes; bounded in each, so that it levels off.",
                    "bytes",
                    (q(f"sum({series('deskmind_cache_size_bytes')})", "size"),),
                ),
                Panel(
                    "Entries in memory",
                    "Of all processes. Near the limit with few hits, values are put out before they are asked for again.",
                    "none",
                    (q(f"sum({series('deskmind_cache_entries')})", "entries"),),
                ),
            ),
        ),
    ),
)
