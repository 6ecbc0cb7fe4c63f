"""The questions put to the catalogue. Each takes named parameters and reads ``pg_catalog`` alone."""

from __future__ import annotations

from typing import LiteralString

__all__ = [
    "CACHE_AND_AGE",
    "DEAD_ROWS",
    "FOREIGN_KEYS",
    "LONG_TRANSACTIONS",
    "STATEMENTS",
    "UNUSED_INDEXES",
    "WHOLE_TABLE_READS",
]

# statements that change rows or read them; others (CREATE ROLE …) are not normalised and may hold a secret
STATEMENTS: LiteralString = r"""
SELECT s.query, r.rolname, s.calls, s.total_exec_time, s.mean_exec_time, s.max_exec_time, s.rows,
       s.shared_blks_hit::float8 / nullif(s.shared_blks_hit + s.shared_blks_read, 0)
  FROM {statistics} s JOIN pg_roles r ON r.oid = s.userid
 WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND r.rolname = ANY (%(logins)s)
   AND s.query ~* '^\s*(--[^\n]*\n\s*)*(select|insert|update|delete|with|merge)\M'
 ORDER BY s.total_exec_time DESC LIMIT %(statements)s
"""

# of three columns or more, an index on all but one narrows enough
FOREIGN_KEYS: LiteralString = """
SELECT t.relname, c.conname, (SELECT array_agg(a.attname::text ORDER BY k.n)
         FROM unnest(c.conkey) WITH ORDINALITY k(number, n)
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number)
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid,
       LATERAL (SELECT cardinality(c.conkey) - (cardinality(c.conkey) > 2)::int AS enough)
 WHERE c.contype = 'f' AND c.conparentid = 0 AND t.relnamespace = %(schema)s::regnamespace
   AND NOT EXISTS (
     SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
      WHERE i.indrelid = c.conrelid AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
        AND i.indnkeyatts >= enough AND c.conkey @> (i.indkey::int2[])[0:enough - 1])
 ORDER BY 1, 2
"""

# partitions count as the table they are part of
WHOLE_TABLE_READS: LiteralString = """
SELECT coalesce(p.relname, s.relname), sum(s.seq_scan)::bigint, sum(s.seq_tup_read)::bigint,
       sum(coalesce(s.idx_scan, 0))::bigint, sum(s.n_live_tup)::bigint
  FROM pg_stat_all_tables s LEFT JOIN pg_class p ON p.oid = pg_partition_root(s.relid) AND p.oid <> s.relid
 WHERE s.schemaname = %(schema)s
 GROUP BY 1
HAVING max(s.n_live_tup) >= %(rows)s AND sum(s.seq_scan) >= %(scans)s
   AND sum(s.seq_tup_read) > sum(coalesce(s.idx_tup_fetch, 0))
 ORDER BY 3 DESC
"""

UNUSED_INDEXES: LiteralString = """
SELECT coalesce(p.relname, s.indexrelname), min(s.relname), sum(pg_relation_size(s.indexrelid))::bigint
  FROM pg_stat_all_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
  LEFT JOIN pg_class p ON p.oid = pg_partition_root(s.indexrelid) AND p.oid <> s.indexrelid
 WHERE s.schemaname = %(schema)s AND NOT i.indisunique AND NOT i.indisexclusion
 GROUP BY 1
HAVING sum(s.idx_scan) = 0 AND sum(pg_relation_size(s.indexrelid)) >= %(index_bytes)s
 ORDER BY 3 DESC
"""

DEAD_ROWS: LiteralString = """
SELECT s.relname, s.n_live_tup, s.n_dead_tup,
       s.n_dead_tup::float8 / nullif(s.n_live_tup + s.n_dead_tup, 0) AS share,
       (pg_table_size(s.relid) * (s.n_dead_tup::float8 / nullif(s.n_live_tup + s.n_dead_tup, 0)))::bigint,
       extract(epoch FROM now() - greatest(s.last_vacuum, s.last_autovacuum))::float8
  FROM pg_stat_all_tables s
 WHERE s.schemaname = %(schema)s AND s.n_live_tup + s.n_dead_tup >= %(rows)s AND s.n_dead_tup > 0
 ORDER BY 5 DESC NULLS LAST
"""

LONG_TRANSACTIONS: LiteralString = """
SELECT pid, usename::text, state, extract(epoch FROM clock_timestamp() - xact_start)::float8
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
   AND xact_start < clock_timestamp() - make_interval(secs => %(transaction_seconds)s)
 ORDER BY xact_start
"""

CACHE_AND_AGE: LiteralString = """
SELECT s.blks_hit, s.blks_read, pg_database_size(d.oid), age(d.datfrozenxid), s.stats_reset, s.deadlocks, s.temp_bytes,
       (SELECT min(greatest(t.last_vacuum, t.last_autovacuum)) FROM pg_stat_all_tables t WHERE t.schemaname = %(schema)s),
       current_setting('server_version')
  FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid
 WHERE d.datname = current_database()
"""
