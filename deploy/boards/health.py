"""Service health: rate, errors, duration by route; what is saturated; how much of each objective's budget is left."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, quantile, rate, series

_COUNT = "http_server_request_duration_seconds_count"
_DURATION = "http_server_request_duration_seconds"
_FAILED = 'http_response_status_code=~"5.."'
_V1 = 'http_route=~"/v1/.*"'

BOARD = Board(
    "health",
    "Deskmind: service health",
    "Is it healthy, is it fast, what is it short of.",
    (
        Section(
            "Objectives",
            (
                Panel(
                    "Error budget burn, last hour",
                    "How many times faster than allowed each objective's error budget is used. 1 uses it up exactly in its"
                    " 30 days; above 14.4 somebody is paged. The alerts have a runbook each.",
                    "none",
                    (q("deskmind:slo_burn:rate1h", "{{slo}}"),),
                    "bars",
                    ((1, WARN), (14.4, BAD)),
                    12,
                    decimals=2,
                ),
                Panel(
                    "Error budget left, last three days",
                    "What three days' share of each objective's error budget still holds. Below zero, releases wait.",
                    "percentunit",
                    (q("clamp_min(1 - deskmind:slo_burn:rate3d, 0)", "{{slo}}"),),
                    "bars",
                    ((0, BAD), (0.25, WARN), (0.5, "green")),
                    12,
                    most=1,
                ),
            ),
        ),
        Section(
            "Rate, errors, duration",
            (
                Panel(
                    "Requests by route",
                    "Answered requests a second. A fall without a reason outside is an outage in front of the service.",
                    "reqps",
                    (q(rate(_COUNT, by="http_route"), "{{http_route}}"),),
                    stacked=True,
                ),
                Panel(
                    "Errors by route",
                    "Share of requests that the service failed (5xx). Find the request id of one in the log, then"
                    " `deskmind explain` it.",
                    "percentunit",
                    (
                        q(
                            f"({rate(_COUNT, _FAILED, by='http_route')} or 0 * {rate(_COUNT, by='http_route')})"
                            f" / {rate(_COUNT, by='http_route')}",
                            "{{http_route}}",
                        ),
                    ),
                    thresholds=((0.001, WARN), (0.01, BAD)),
                ),
                Panel(
                    "95th percentile by route",
                    "One request in twenty takes longer. Look at the pool, the event loop and the models next.",
                    "s",
                    (q(quantile(0.95, _DURATION, by="http_route"), "{{http_route}}"),),
                    thresholds=((1, WARN), (2.5, BAD)),
                ),
                Panel(
                    "Percentiles of all of /v1",
                    "The whole API. A gap that grows between the 50th and the 99th percentile is queueing.",
                    "s",
                    tuple(
                        q(quantile(share, _DURATION, _V1), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)
                    ),
                    thresholds=((1, WARN), (2.5, BAD)),
                ),
                Panel(
                    "Responses by status",
                    "All statuses. Many 401 are a lost or an expired key, 403 a missing permission, 429 a used budget.",
                    "reqps",
                    (q(rate(_COUNT, by="http_response_status_code"), "{{http_response_status_code}}"),),
                    stacked=True,
                ),
                Panel(
                    "Requests under way",
                    "At this moment, in all processes. Requests that only gather wait for something: pool, models, processor.",
                    "none",
                    (q(f"sum({series('http_server_active_requests')})", "under way"),),
                    thresholds=((100, WARN), (500, BAD)),
                ),
                Panel(
                    "Requests not admitted",
                    "By a limit of the tenant, the user or the key (429), or because too many were under way (503: load). Load"
                    " wants more processes; a tenant at its limit wants a talk.",
                    "reqps",
                    (
                        q(
                            rate("deskmind_api_refused_total", by="deskmind_limit"),
                            "{{deskmind_limit}}",
                            empty="no limit refused a request",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Tools called over MCP",
                    "By clients of the Model Context Protocol. A tool that fails more than others has an answer that a model"
                    " cannot use; see its outcome.",
                    "reqps",
                    (
                        q(
                            rate(
                                "deskmind_mcp_call_duration_seconds_count",
                                by="deskmind_mcp_tool, deskmind_outcome",
                            ),
                            "{{deskmind_mcp_tool}} {{deskmind_outcome}}",
                            empty="no client called a tool",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "MCP sessions",
                    "That are open in all processes. Each holds two tasks and some 50 kB; mcp.max_sessions bounds them.",
                    "none",
                    (q(f"sum({series('deskmind_mcp_sessions')})", "open", empty="no client has opened one"),),
                ),
            ),
        ),
        Section(
            "Saturation",
            (
                Panel(
                    "Processor",
                    "Cores in use by all processes of an instance. Near the number of cores, add processes or machines.",
                    "none",
                    (q(rate("process_cpu_time_seconds_total", by="instance"), "{{instance}}"),),
                    decimals=2,
                ),
                Panel(
                    "Memory",
                    "Resident memory of all processes of an instance; the embedding model is about 130 MB of each.",
                    "bytes",
                    (q(f"sum by (instance) ({series('process_memory_usage_bytes')})", "{{instance}}"),),
                ),
                Panel(
                    "Event loop lag",
                    "How late the loop ran what was due, at worst. Above 100 ms something blocks it: every request waits.",
                    "s",
                    (q(f"max by (instance) ({series('deskmind_event_loop_lag_seconds')})", "{{instance}}"),),
                    thresholds=((0.1, WARN), (0.5, BAD)),
                ),
                Panel(
                    "Requests waiting for a connection",
                    "Of the database pool. More than none for long: raise database.pool_max or find what holds them.",
                    "none",
                    (q(f"sum({series('db_client_connection_pending_requests')})", "waiting"),),
                    thresholds=((1, WARN), (10, BAD)),
                ),
                Panel(
                    "Open files",
                    "Of all processes; sockets count. It must not only grow.",
                    "none",
                    (
                        q(
                            f"sum by (instance) ({series('process_unix_file_descriptor_count')})",
                            "{{instance}}",
                        ),
                    ),
                    thresholds=((4000, WARN), (16000, BAD)),
                ),
                Panel(
                    "Processes",
                    "Living processes of an instance. A number that falls and rises is a process that dies.",
                    "none",
                    (q(f"sum by (instance) ({series('deskmind_processes')})", "{{instance}}"),),
                    decimals=0,
                ),
                Panel(
                    "What runs",
                    "Release, interpreter and schema of each instance. Two releases for long are a stuck rollout.",
                    "none",
                    (
                        q(
                            f"max by (instance, deskmind_version, deskmind_python)"
                            f" ({series('deskmind_build_info')})",
                            "{{instance}} {{deskmind_version}}",
                        ),
                    ),
                    "table",
                    width=12,
                ),
                Panel(
                    "Telemetry given up",
                    "Spans, points and log lines that found no room or no collector, a second. The service goes on without.",
                    "none",
                    (
                        q(
                            rate("deskmind_telemetry_dropped_total", by="deskmind_signal"),
                            "{{deskmind_signal}}",
                        ),
                    ),
                    thresholds=((0.001, WARN),),
                    width=6,
                ),
                Panel(
                    "Collectors that fail",
                    "1 while a collector does not take what a process exports by OTLP.",
                    "none",
                    (
                        q(
                            f"max by (instance, deskmind_signal) ({series('deskmind_telemetry_failing')})",
                            "{{instance}} {{deskmind_signal}}",
                            empty="nothing is exported by OTLP",
                        ),
                    ),
                    "stat",
                    ((1, BAD),),
                    6,
                    decimals=0,
                ),
            ),
        ),
    ),
)
