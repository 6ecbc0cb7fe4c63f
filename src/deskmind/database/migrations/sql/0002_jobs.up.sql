-- The job system's tables hold identifiers only and are read by its own login. The application adds a job through
-- defer_job, which ties it to the scope's tenant.

GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers,
    procrastinate_events TO <prefix>_jobs;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA <schema> TO <prefix>_jobs;
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = '<schema>'::regnamespace
              AND p.proname LIKE 'procrastinate\_%' LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO <prefix>_jobs, <prefix>_system', f);
    END LOOP;
END $$;

GRANT INSERT, SELECT ON procrastinate_jobs, procrastinate_events TO <prefix>_system;
GRANT USAGE, SELECT ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO <prefix>_system;

CREATE FUNCTION defer_job(queue text, task text, lock_name text, queueing_lock_name text, arguments jsonb)
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

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION defer_job(text, text, text, text, jsonb) OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION defer_job(text, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION defer_job(text, text, text, text, jsonb) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
