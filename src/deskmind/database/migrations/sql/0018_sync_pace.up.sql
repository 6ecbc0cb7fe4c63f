-- The pace of a connection is kept with it, so that all workers together keep to the vendor's limit, those that are killed included.
-- paced_until: when an allowance that is not used further will be whole again; held_until: before then the vendor wants no request.
ALTER TABLE connections ADD COLUMN paced_until timestamptz, ADD COLUMN held_until timestamptz;

-- The status asks for the few files that could not be taken in, again and again.
CREATE INDEX ingest_files_failed ON ingest_files (tenant_id, ingest_id) WHERE state = 'failed';

-- Across tenants, for metrics and readiness: how connections fare, by vendor. Numbers only.
CREATE POLICY sync_passes_health ON sync_passes FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY sync_problems_health ON sync_problems FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (vendor, kinds, error, created_at) ON connections TO <prefix>_system;
GRANT SELECT (tenant_id, connection_id, kind, finished_at, complete_at, notes) ON sync_passes TO <prefix>_system;
GRANT SELECT (tenant_id, connection_id) ON sync_problems TO <prefix>_system;
CREATE FUNCTION sync_health() RETURNS TABLE (vendor text, state text, connections bigint, lag double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT s.vendor, s.state, count(*), max(s.lag) FROM (
        SELECT c.vendor,
               CASE WHEN c.every_seconds > 0 THEN
                    extract(epoch FROM now() - CASE WHEN p.whole THEN p.complete_at ELSE c.created_at END)::double precision END AS lag,
               CASE WHEN c.error <> '' THEN 'failing'
                    WHEN c.every_seconds > 0 AND now() - coalesce(p.ended_at, c.created_at)
                         > greatest(make_interval(secs => 4 * c.every_seconds), interval '1 hour') THEN 'lagging'
                    WHEN p.whole IS NOT TRUE OR p.noted OR EXISTS (SELECT FROM <schema>.sync_problems x
                         WHERE x.tenant_id = c.tenant_id AND x.connection_id = c.connection_id) THEN 'incomplete'
                    ELSE 'ok' END AS state
          FROM <schema>.connections c LEFT JOIN LATERAL (
               SELECT min(k.complete_at) AS complete_at, bool_and(k.complete_at IS NOT NULL) AS whole,
                      CASE WHEN bool_and(k.finished_at IS NOT NULL) THEN min(k.finished_at) END AS ended_at,
                      bool_or(k.notes <> '{}') AS noted
                 FROM <schema>.sync_passes k WHERE k.tenant_id = c.tenant_id AND k.connection_id = c.connection_id
                  AND (c.kinds = '{}' OR k.kind = ANY (c.kinds))) p ON true
         WHERE <schema>.scope_act() = 'directory') s GROUP BY 1, 2 $$;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION sync_health() OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION sync_health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync_health() TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
