-- ---------------------------------------------------------------- what works in the background, for the operators of its tenant

-- The job system's rows are read by its own login alone; these two functions show a tenant's operators the jobs that name their
-- tenant, and let them cancel one that has not begun. Identifiers, states and times; jobs that are done are not kept.
CREATE INDEX procrastinate_jobs_tenant ON procrastinate_jobs ((args->>'tenant_id'), id);
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
CREATE FUNCTION tenant_jobs(wanted bigint, in_state text, of_task text, before bigint, most integer)
RETURNS TABLE (job_id bigint, queue text, task text, state text, attempts integer, queued_at timestamptz, begun_at timestamptz,
               due_at timestamptz, arguments jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT f.id, f.queue_name, f.task_name, f.state, f.attempts, e.queued_at, e.begun_at, f.scheduled_at, f.args
        FROM (SELECT j.id, j.queue_name::text, j.task_name::text, j.attempts, j.scheduled_at, j.args,
                     CASE j.status WHEN 'todo' THEN 'waiting' WHEN 'doing' THEN 'running' ELSE 'failed' END AS state
                FROM <schema>.procrastinate_jobs j
               WHERE j.args->>'tenant_id' = (SELECT <schema>.scope_tenant())::text
                 AND (SELECT <schema>.scope_act()) = 'operate' AND j.status <> 'succeeded'
                 AND (wanted IS NULL OR j.id = wanted) AND (before IS NULL OR j.id < before)
                 AND (of_task IS NULL OR j.task_name = of_task)
                 AND (in_state IS NULL OR in_state =
                      CASE j.status WHEN 'todo' THEN 'waiting' WHEN 'doing' THEN 'running' ELSE 'failed' END)
               ORDER BY j.id DESC LIMIT most) f
        LEFT JOIN LATERAL (
             SELECT min(v.at) FILTER (WHERE v.type = 'deferred') AS queued_at,
                    max(v.at) FILTER (WHERE v.type = 'started') AS begun_at
               FROM <schema>.procrastinate_events v WHERE v.job_id = f.id) e ON true
       ORDER BY f.id DESC $$;
CREATE FUNCTION cancel_job(wanted bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' OR <schema>.scope_tenant() IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators cancel jobs';
    END IF;
    DELETE FROM <schema>.procrastinate_jobs j
     WHERE j.id = wanted AND j.status = 'todo' AND j.args->>'tenant_id' = <schema>.scope_tenant()::text;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION tenant_jobs(bigint, text, text, bigint, integer), cancel_job(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_jobs(bigint, text, text, bigint, integer), cancel_job(bigint) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;

-- ---------------------------------------------------------------- API keys get new secrets

-- The secret before the newest one is taken until previous_until.
ALTER TABLE api_keys ADD COLUMN rotated_at timestamptz, ADD COLUMN previous_mac bytea, ADD COLUMN previous_mac_version integer,
    ADD COLUMN previous_until timestamptz;
GRANT UPDATE (mac, mac_version, rotated_at, previous_mac, previous_mac_version, previous_until) ON api_keys TO <prefix>_app;
