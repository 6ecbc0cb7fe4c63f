-- ---------------------------------------------------------------- what is about to be written is kept with its claim

ALTER TABLE agent_effects ADD COLUMN prepared jsonb; -- how it is sent, until it is known what became of it
GRANT UPDATE (prepared) ON agent_effects TO <prefix>_app;
CREATE POLICY privacy ON agent_effects FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, principal_id, prepared), UPDATE (prepared) ON agent_effects TO <prefix>_privacy;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_privacy;
SET LOCAL ROLE <prefix>_privacy;
DO $change$
DECLARE
    written text := pg_get_functiondef('<schema>.privacy_mask(text, text, text, text, text, boolean)'::regprocedure);
    place text := $one$('agent_steps', 'content')$one$;
BEGIN
    IF array_length(string_to_array(written, place), 1) <> 2 THEN
        RAISE invalid_function_definition USING MESSAGE = 'privacy_mask is not written as was expected';
    END IF;
    EXECUTE replace(written, place, $one$('agent_steps', 'content'), ('agent_effects', 'prepared')$one$);
END $change$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_privacy;

-- ---------------------------------------------------------------- a run that is cancelled may take back what its steps did

ALTER TABLE agent_runs ADD COLUMN undoing boolean NOT NULL DEFAULT false; -- begin no step, take back, then be cancelled
GRANT UPDATE (undoing) ON agent_runs TO <prefix>_app;

-- ---------------------------------------------------------------- who waited and may go on is not forgotten, whatever becomes of the job

ALTER TABLE agent_runs ADD COLUMN wanted_at timestamptz; -- since when somebody should take it up, though it waits
GRANT UPDATE (wanted_at) ON agent_runs TO <prefix>_app;
CREATE INDEX agent_runs_wanted ON agent_runs (tenant_id, wanted_at) WHERE wanted_at IS NOT NULL;

-- ---------------------------------------------------------------- no tenant's jobs wait for all of another's

-- A tenant's next job stands one place behind its last one, and never before the place that is being served: as many tenants as
-- wait are served in turn, however many jobs each has queued. Places count downwards, because workers take the highest first.
CREATE INDEX procrastinate_jobs_place ON procrastinate_jobs ((args->>'tenant_id'), priority)
    WHERE status = 'todo'::procrastinate_job_status;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
CREATE OR REPLACE FUNCTION defer_job(queue text, task text, lock_name text, queueing_lock_name text, arguments jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    id bigint;
    place integer;
BEGIN
    IF (arguments->>'tenant_id')::uuid IS DISTINCT FROM <schema>.scope_tenant() OR <schema>.scope_tenant() IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'a job belongs to the tenant of its scope';
    END IF;
    IF octet_length(arguments::text) > 4096 THEN
        RAISE check_violation USING MESSAGE = 'job arguments are identifiers, at most 4096 bytes';
    END IF;
    SELECT least(
        (SELECT j.priority FROM <schema>.procrastinate_jobs j
          WHERE j.status = 'todo' AND j.args ? 'tenant_id' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
          ORDER BY j.priority DESC, j.id LIMIT 1),
        (SELECT min(j.priority) - 1 FROM <schema>.procrastinate_jobs j
          WHERE j.status = 'todo' AND j.args->>'tenant_id' = arguments->>'tenant_id')) INTO place;
    INSERT INTO <schema>.procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
    VALUES (queue, task, coalesce(place, 0), lock_name, queueing_lock_name, arguments)
    ON CONFLICT DO NOTHING RETURNING procrastinate_jobs.id INTO id;
    RETURN id;
END $$;
SET LOCAL ROLE <prefix>_owner;

-- ---------------------------------------------------------------- across tenants: whose runs and proposals are due; identifiers only

CREATE POLICY agent_proposals_due ON agent_proposals FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, state, expires_at, escalates_at, escalated_at) ON agent_proposals TO <prefix>_system;
GRANT SELECT (run_id, parent_id, started_at, lease_until, wanted_at) ON agent_runs TO <prefix>_system;
-- A run that nobody works on although somebody should, and that no job will bring to a worker (for a day: its tools may be known
-- nowhere any more); or NULL: proposals of the tenant are
-- to be escalated or have expired.
CREATE FUNCTION agents_due() RETURNS TABLE (tenant_id uuid, tenant text, run_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT t.tenant_id, t.slug, d.run_id FROM (
             SELECT r.tenant_id, r.run_id FROM <schema>.agent_runs r
              WHERE (r.state = 'waiting' AND r.wanted_at IS NOT NULL
                     OR r.state IN ('queued', 'running') AND r.parent_id IS NULL
                        AND (r.lease_until BETWEEN now() - interval '1 day' AND now() OR r.lease_until IS NULL
                             AND r.started_at BETWEEN now() - interval '1 day' AND now() - interval '1 minute'))
                AND NOT EXISTS (SELECT FROM <schema>.procrastinate_jobs j
                                 WHERE j.status = 'todo' AND j.queueing_lock = 'agents.run:agent:' || r.run_id)
                AND NOT EXISTS (SELECT FROM <schema>.procrastinate_jobs j
                                 WHERE j.status = 'doing' AND j.lock = 'agent:' || r.run_id)
             UNION SELECT p.tenant_id, NULL FROM <schema>.agent_proposals p
                    WHERE p.state = 'open' AND (p.expires_at < now() OR p.escalated_at IS NULL AND p.escalates_at < now())) d
        JOIN <schema>.tenants t ON t.tenant_id = d.tenant_id
       WHERE <schema>.scope_act() = 'directory' $$;
ALTER FUNCTION agents_due() OWNER TO <prefix>_system;

-- How many runs of the scope's tenant wait for a worker, whosever they are; no more than `most` are counted.
CREATE FUNCTION agents_queued(most integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT count(*) FROM (SELECT FROM <schema>.agent_runs r WHERE r.tenant_id = (SELECT <schema>.scope_tenant())
                               AND r.state = 'queued' LIMIT most) q $$;
ALTER FUNCTION agents_queued(integer) OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION agents_due(), agents_queued(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agents_due(), agents_queued(integer) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
