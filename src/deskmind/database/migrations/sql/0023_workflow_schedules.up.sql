-- ---------------------------------------------------------------- what begins workflows by itself

-- At times, or when something happens in a connected system. Operators alone see and change these rows.
CREATE TABLE workflow_schedules (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    schedule_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
    principal_id uuid, -- under whose rights the runs are; NULL is the operator
    workflow text NOT NULL,
    input jsonb NOT NULL,
    event text NOT NULL CHECK (event IN ('time', 'ticket.created', 'ticket.updated', 'sla.at_risk', 'webhook')),
    cron text NOT NULL DEFAULT '', -- of times
    zone text NOT NULL DEFAULT 'UTC',
    connection_id uuid, -- of events
    minutes integer NOT NULL DEFAULT 60 CHECK (minutes BETWEEN 1 AND 10080), -- before a promised time: at risk from then on
    enabled boolean NOT NULL DEFAULT true,
    next_at timestamptz, -- of times
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- of events: records read until then were looked at
    problem text NOT NULL DEFAULT '', -- code of the error of the last run that could not begin
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, schedule_id),
    CONSTRAINT workflow_schedules_name_key UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE,
    CHECK ((event = 'time') = (cron <> '')),
    CHECK ((event = 'time') = (connection_id IS NULL))
);
CREATE INDEX workflow_schedules_principal ON workflow_schedules (tenant_id, principal_id);
CREATE INDEX workflow_schedules_connection ON workflow_schedules (tenant_id, connection_id);

-- An event begins one run: the row is there with the run, or neither is.
CREATE TABLE workflow_firings (
    tenant_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    event_key text COLLATE "C" NOT NULL CHECK (length(event_key) <= 500),
    run_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, schedule_id, event_key),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES workflow_schedules ON DELETE CASCADE
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['workflow_schedules', 'workflow_firings'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_operate', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE, UPDATE (enabled, next_at, seen_at, problem) ON workflow_schedules TO <prefix>_app;
GRANT SELECT, INSERT ON workflow_firings TO <prefix>_app;
CREATE POLICY privacy ON workflow_schedules FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, principal_id, input), UPDATE (input) ON workflow_schedules TO <prefix>_privacy;

-- What was read lately, and what is promised: looked at each minute where a schedule waits for it.
CREATE INDEX synced_records_lately ON synced_records (tenant_id, connection_id, kind, synced_at);
CREATE INDEX synced_records_promised ON synced_records (tenant_id, connection_id)
    WHERE kind = 'ticket' AND (record->>'status_category') IN ('new', 'open', 'waiting');

-- Across tenants, for the installation alone: whose workflows are due. Identifiers only.
CREATE POLICY agent_runs_due ON agent_runs FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY workflow_schedules_due ON workflow_schedules FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, state, wake_at) ON agent_runs TO <prefix>_system;
GRANT SELECT (tenant_id, event, enabled, next_at) ON workflow_schedules TO <prefix>_system;
CREATE FUNCTION workflows_due() RETURNS TABLE (tenant_id uuid, tenant text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT t.tenant_id, t.slug FROM <schema>.tenants t
       WHERE <schema>.scope_act() = 'directory' AND t.tenant_id IN (
             SELECT r.tenant_id FROM <schema>.agent_runs r WHERE r.wake_at <= now() AND r.state = 'waiting'
             UNION ALL SELECT s.tenant_id FROM <schema>.workflow_schedules s
                        WHERE s.enabled AND (s.event <> 'time' OR s.next_at <= now())) $$;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION workflows_due() OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION workflows_due() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflows_due() TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
