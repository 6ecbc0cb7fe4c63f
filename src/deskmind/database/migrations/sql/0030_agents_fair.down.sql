DROP FUNCTION agents_queued(integer);
DROP FUNCTION agents_due();
REVOKE SELECT (run_id, parent_id, started_at, lease_until, wanted_at) ON agent_runs FROM <prefix>_system;
REVOKE SELECT (tenant_id, state, expires_at, escalates_at, escalated_at) ON agent_proposals FROM <prefix>_system;
DROP POLICY agent_proposals_due ON agent_proposals;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
CREATE OR REPLACE FUNCTION defer_job(queue text, task text, lock_name text, queueing_lock_name text, arguments jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE id bigint;
BEGIN
    IF (arguments->>'tenant_id')::uuid IS DISTINCT FROM <schema>.scope_tenant() OR <schema>.scope_tenant() IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'a job belongs to the tenant of its scope';
    END IF;
    IF octet_length(arguments::text) > 4096 THEN
        RAISE check_violation USING MESSAGE = 'job arguments are identifiers, at most 4096 bytes';
    END IF;
    INSERT INTO <schema>.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    VALUES (queue, task, lock_name, queueing_lock_name, arguments)
    ON CONFLICT DO NOTHING RETURNING procrastinate_jobs.id INTO id;
    RETURN id;
END $$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
DROP INDEX procrastinate_jobs_place;
ALTER TABLE agent_runs DROP COLUMN undoing, DROP COLUMN wanted_at;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_privacy;
SET LOCAL ROLE <prefix>_privacy;
DO $change$
DECLARE
    written text := pg_get_functiondef('<schema>.privacy_mask(text, text, text, text, text, boolean)'::regprocedure);
    place text := $one$('agent_steps', 'content'), ('agent_effects', 'prepared')$one$;
BEGIN
    IF array_length(string_to_array(written, place), 1) <> 2 THEN
        RAISE invalid_function_definition USING MESSAGE = 'privacy_mask is not written as was expected';
    END IF;
    EXECUTE replace(written, place, $one$('agent_steps', 'content')$one$);
END $change$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_privacy;
REVOKE SELECT (tenant_id, principal_id, prepared), UPDATE (prepared) ON agent_effects FROM <prefix>_privacy;
DROP POLICY privacy ON agent_effects;
ALTER TABLE agent_effects DROP COLUMN prepared;
