-- ---------------------------------------------------------------- audit: a key for each person that events name

-- What names a person is encrypted before it is hashed, under a key of that person's own; here it lies wrapped under a key
-- that is not in the database. `mark` is a keyed digest of the name, so that a person's keys are found and no name is
-- stored. A person may have several keys, because two replicas may make one each. Destroying one leaves the row, so that a
-- destroyed key can be told from a lost one.
CREATE TABLE audit_subjects (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    key_id uuid NOT NULL,
    mark bytea CHECK (length(mark) = 32),
    principal_id uuid, -- of a user of the tenant; null for who is known by name alone
    wrapped bytea,
    ring_version integer NOT NULL, -- of the keyring's key that wraps it
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant_id, key_id),
    CHECK (num_nulls(mark, wrapped) = CASE WHEN destroyed_at IS NULL THEN 0 ELSE 2 END),
    CHECK (destroyed_at IS NULL OR principal_id IS NULL)
);
CREATE INDEX audit_subjects_mark ON audit_subjects (tenant_id, mark);
CREATE INDEX audit_subjects_principal ON audit_subjects (tenant_id, principal_id);
ALTER TABLE audit_subjects ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_subjects FORCE ROW LEVEL SECURITY;
SELECT let_erase('audit_subjects');

-- Each sees and makes the key of itself; an operator those of all its tenant's people, and destroys them.
CREATE POLICY subjects_read ON audit_subjects FOR SELECT TO <prefix>_app USING (tenant_id = (SELECT scope_tenant())
    AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
CREATE POLICY subjects_add ON audit_subjects FOR INSERT TO <prefix>_app WITH CHECK (tenant_id = (SELECT scope_tenant())
    AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
CREATE POLICY subjects_change ON audit_subjects FOR UPDATE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate' AND destroyed_at IS NULL)
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY subjects_check ON audit_subjects FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT, INSERT ON audit_subjects TO <prefix>_app;
GRANT UPDATE (mark, principal_id, wrapped, ring_version, destroyed_at) ON audit_subjects TO <prefix>_app;
GRANT SELECT ON audit_subjects TO <prefix>_system;

-- ---------------------------------------------------------------- events of the second form

-- `subject` is the key of who acted and `about` that of whom it was about; `personal` and `about_personal` are what was
-- encrypted under them. Events of the first form, those of older releases among them, have neither and a name in clear.
ALTER TABLE audit_events
    ALTER COLUMN principal_id DROP NOT NULL,
    ADD COLUMN form smallint NOT NULL DEFAULT 1 CHECK (form IN (1, 2)),
    ADD COLUMN subject uuid,
    ADD COLUMN personal bytea,
    ADD COLUMN about uuid,
    ADD COLUMN about_personal bytea,
    ADD COLUMN decision text NOT NULL DEFAULT '', -- what allowed or refused it, such as a role or a rule
    ADD CONSTRAINT audit_events_actor CHECK (num_nulls(principal_id, subject) = 1),
    ADD CONSTRAINT audit_events_forms CHECK (form = 2 OR num_nonnulls(subject, personal, about, about_personal) = 0),
    ADD CONSTRAINT audit_events_boxes CHECK (
        num_nulls(subject, personal) IN (0, 2) AND num_nulls(about, about_personal) IN (0, 2));

-- As governance/audit/canonical.py writes them. Its names are looked up now and not when it runs, so that it needs no
-- search_path of its own and is planned into what calls it.
CREATE OR REPLACE FUNCTION audit_canonical(e audit_events) RETURNS bytea LANGUAGE sql STABLE
RETURN convert_to('{"audit":' || e.form || ',"tenant":"' || e.tenant_id || '","event":"' || e.event_id
    || '","at":"' || to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || CASE WHEN e.form = 1 THEN '","principal_id":"' || e.principal_id || '","principal":' || to_json(e.principal)
            WHEN e.subject IS NULL THEN '","by":["' || e.principal_id || '",' || to_json(e.principal) || ']'
            ELSE '","by_person":["' || e.subject || '","' || encode(e.personal, 'hex') || '"]' END
    || CASE WHEN e.about IS NULL THEN ''
            ELSE ',"about_person":["' || e.about || '","' || encode(e.about_personal, 'hex') || '"]' END
    || ',"action":' || to_json(e.action) || ',"resource":' || to_json(e.resource) || ',"outcome":' || to_json(e.outcome)
    || CASE WHEN e.form = 1 THEN '' ELSE ',"decision":' || to_json(e.decision) END
    || ',"correlation":' || to_json(e.correlation_id) || ',"details":' || e.details || '}', 'UTF8');

-- Adds events of the second form in the order given, in the transaction of their act. Who acts and whose log it is are
-- those of the scope, which is verified once, however many events there are. Gives the ids of events that were not stored
-- because a key was destroyed meanwhile: the writer encrypts them under another.
--   events: [{event_id, age, principal, action, resource, outcome, decision, correlation_id, details, subject, personal,
--            about, about_personal}], age in seconds, encrypted fields in hexadecimal
CREATE FUNCTION audit_append(tenant uuid, actor uuid, events json) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    claims text[] := <schema>.scope_claims();
    started timestamptz := clock_timestamp();
    total integer := json_array_length(events);
    stored bigint;
    left_out uuid[];
BEGIN
    IF claims IS NULL OR claims[4]::uuid IS DISTINCT FROM actor
       OR (claims[6] = 'directory' AND tenant IS DISTINCT FROM '00000000-0000-0000-0000-000000000000')
       OR (claims[6] <> 'directory' AND (claims[3]::uuid IS DISTINCT FROM tenant
           OR NOT EXISTS (SELECT FROM <schema>.tenants t WHERE t.tenant_id = tenant))) THEN
        RAISE insufficient_privilege USING MESSAGE = 'events are recorded in one''s own name, in the log of one''s tenant';
    END IF;
    INSERT INTO <schema>.audit_events (tenant_id, event_id, occurred_at, principal_id, principal, action, resource,
        outcome, decision, correlation_id, details, form, subject, personal, about, about_personal)
    SELECT tenant, e.event_id, started - (total - e.n) * interval '1 microsecond' - e.age * interval '1 second',
           CASE WHEN e.subject IS NULL THEN actor END, e.principal, e.action, e.resource,
           e.outcome, e.decision, e.correlation_id, e.details, 2, e.subject, decode(e.personal, 'hex'),
           e.about, decode(e.about_personal, 'hex')
      FROM ROWS FROM (json_to_recordset(events) AS (event_id uuid, age double precision, principal text, action text,
               resource text, outcome text, decision text, correlation_id text, details jsonb, subject uuid,
               personal text, about uuid, about_personal text)) WITH ORDINALITY
           AS e(event_id, age, principal, action, resource, outcome, decision, correlation_id, details, subject,
               personal, about, about_personal, n)
     -- as scalars, each is looked up by its key; as EXISTS, all keys of the tenant might be read into a hash
     WHERE (e.subject IS NULL OR actor = (SELECT s.principal_id FROM <schema>.audit_subjects s
               WHERE s.tenant_id = tenant AND s.key_id = e.subject AND s.destroyed_at IS NULL))
       AND (e.about IS NULL OR e.about = (SELECT s.key_id FROM <schema>.audit_subjects s
               WHERE s.tenant_id = tenant AND s.key_id = e.about AND s.destroyed_at IS NULL))
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored < total THEN
        SELECT array_agg(e.event_id) INTO left_out
          FROM json_to_recordset(events) AS e(event_id uuid, subject uuid, about uuid)
         WHERE (e.subject IS NOT NULL AND NOT EXISTS (SELECT FROM <schema>.audit_subjects s WHERE s.tenant_id = tenant
                   AND s.key_id = e.subject AND s.principal_id = actor AND s.destroyed_at IS NULL))
            OR (e.about IS NOT NULL AND NOT EXISTS (SELECT FROM <schema>.audit_subjects s WHERE s.tenant_id = tenant
                   AND s.key_id = e.about AND s.destroyed_at IS NULL));
    END IF;
    RETURN coalesce(left_out, '{}');
END $$;

CREATE POLICY audit_append ON audit_events FOR INSERT TO <prefix>_system WITH CHECK (true);
GRANT INSERT ON audit_events TO <prefix>_system;
CREATE POLICY tenants_append ON tenants FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id) ON tenants TO <prefix>_system;
GRANT EXECUTE ON FUNCTION audit_canonical(audit_events) TO <prefix>_system;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION audit_append(uuid, uuid, json) OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION audit_append(uuid, uuid, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(uuid, uuid, json) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;

-- ---------------------------------------------------------------- model calls: events derived from the ledger

-- Calls that the ledger booked and the audit log does not have yet. A row commits with the call's, so none is skipped
-- however late it commits; who seals makes the event of it and removes it.
CREATE TABLE audit_calls_due (
    tenant_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    call_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, started_at, call_id)
);
ALTER TABLE audit_calls_due ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_calls_due FORCE ROW LEVEL SECURITY;
SELECT let_erase('audit_calls_due');
CREATE POLICY due_read ON audit_calls_due FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY due_derive ON audit_calls_due FOR ALL TO <prefix>_system USING (true) WITH CHECK (true);
CREATE POLICY due_seal ON audit_calls_due FOR SELECT TO <prefix>_sealer USING (true);
CREATE POLICY usage_derive ON usage_entries FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT ON audit_calls_due TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON audit_calls_due TO <prefix>_system;
GRANT SELECT (tenant_id, started_at) ON audit_calls_due TO <prefix>_sealer;
GRANT SELECT ON usage_entries TO <prefix>_system;

CREATE FUNCTION audit_call_is_due() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    INSERT INTO <schema>.audit_calls_due (tenant_id, started_at, call_id)
    SELECT b.tenant_id, b.started_at, b.call_id FROM booked b ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- by its name before booked_late, which removes what is due of a tenant that is gone
CREATE TRIGGER audit_call_is_due AFTER INSERT ON usage_entries
    REFERENCING NEW TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION audit_call_is_due();

-- The events of calls that are due, made of the ledger's rows; the caller gives what is encrypted for who called.
--   boxes: [{call_id, subject, personal}], the latter two null for calls of operators and workers
-- Gives how many events were made. A call whose key was destroyed meanwhile stays due.
CREATE FUNCTION audit_derive(tenant uuid, boxes json) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    claims text[] := <schema>.scope_claims();
    made bigint;
BEGIN
    IF claims IS NULL OR claims[6] <> 'operate' OR claims[3]::uuid IS DISTINCT FROM tenant
       OR NOT EXISTS (SELECT FROM <schema>.tenants t WHERE t.tenant_id = tenant) THEN
        RAISE insufficient_privilege USING MESSAGE = 'events of calls are made by an operator of the tenant';
    END IF;
    WITH taken AS (
        DELETE FROM <schema>.audit_calls_due d
         USING json_to_recordset(boxes) AS g(call_id uuid, subject uuid, personal text), <schema>.usage_entries u
         WHERE d.tenant_id = tenant AND d.call_id = g.call_id
           AND u.tenant_id = tenant AND u.started_at = d.started_at AND u.call_id = d.call_id
           AND CASE WHEN g.subject IS NULL
                    THEN u.principal_id = '00000000-0000-0000-0000-000000000002'
                    ELSE EXISTS (SELECT FROM <schema>.audit_subjects s WHERE s.tenant_id = tenant
                        AND s.key_id = g.subject AND s.principal_id = u.principal_id AND s.destroyed_at IS NULL) END
        RETURNING u.call_id, u.started_at, u.principal_id, u.feature, u.operation, u.model, u.deployment, u.input_tokens,
            u.cached_tokens, u.output_tokens, u.reasoning_tokens, u.cost, u.outcome, u.attempts, u.error, u.streamed,
            u.request_id, g.subject, g.personal)
    INSERT INTO <schema>.audit_events (tenant_id, event_id, occurred_at, principal_id, principal, action, resource,
        outcome, correlation_id, details, form, subject, personal)
    SELECT tenant, t.call_id, t.started_at, CASE WHEN t.subject IS NULL THEN t.principal_id END,
           CASE WHEN t.subject IS NULL THEN 'operator' ELSE '' END, 'models.call', t.model,
           CASE WHEN t.error = '' THEN 'done' ELSE 'failed' END, t.request_id,
           jsonb_build_object('ledger', t.outcome, 'operation', t.operation, 'feature', t.feature,
               'deployment', t.deployment, 'input_tokens', t.input_tokens, 'cached_tokens', t.cached_tokens,
               'output_tokens', t.output_tokens, 'reasoning_tokens', t.reasoning_tokens, 'cost', t.cost::text,
               'attempts', t.attempts, 'error', t.error, 'streamed', t.streamed),
           2, t.subject, decode(t.personal, 'hex')
      FROM taken t
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system, <prefix>_eraser, <prefix>_sealer;
ALTER FUNCTION audit_call_is_due() OWNER TO <prefix>_system;
ALTER FUNCTION audit_derive(uuid, json) OWNER TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION audit_call_is_due(), audit_derive(uuid, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_derive(uuid, json) TO <prefix>_app;

SET LOCAL ROLE <prefix>_eraser;
CREATE OR REPLACE FUNCTION close_account(tenant uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
    DELETE FROM <schema>.audit_calls_due d WHERE d.tenant_id = tenant;
    WITH booked AS (
        DELETE FROM <schema>.usage_entries u WHERE u.tenant_id = tenant
        RETURNING u.started_at, u.model, u.deployment, u.input_tokens, u.cached_tokens, u.output_tokens,
                  u.reasoning_tokens, u.cost)
    INSERT INTO <schema>.closed_account_usage AS c
    SELECT <schema>.account_of(tenant), date_trunc('month', started_at AT TIME ZONE 'UTC')::date, model, deployment,
           count(*), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(reasoning_tokens),
           coalesce(sum(cost), 0), count(*) FILTER (WHERE cost IS NULL)
      FROM booked GROUP BY 1, 2, 3, 4
    ON CONFLICT (account_id, month, model, deployment) DO UPDATE SET
        calls = c.calls + excluded.calls, input_tokens = c.input_tokens + excluded.input_tokens,
        cached_tokens = c.cached_tokens + excluded.cached_tokens, output_tokens = c.output_tokens + excluded.output_tokens,
        reasoning_tokens = c.reasoning_tokens + excluded.reasoning_tokens, cost = c.cost + excluded.cost,
        unpriced_calls = c.unpriced_calls + excluded.unpriced_calls $$;

-- What waits, calls that are due included.
SET LOCAL ROLE <prefix>_sealer;
CREATE OR REPLACE FUNCTION audit_backlog(OUT events bigint, OUT oldest_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what all tenants wait for is the installation''s';
    END IF;
    SELECT count(*), coalesce(greatest(extract(epoch FROM clock_timestamp() - min(w.since)), 0), 0)
      INTO events, oldest_seconds
      FROM (SELECT a.occurred_at AS since FROM <schema>.audit_events a WHERE a.position IS NULL
            UNION ALL SELECT d.started_at FROM <schema>.audit_calls_due d) w;
END $$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system, <prefix>_eraser, <prefix>_sealer;

-- ---------------------------------------------------------------- witnesses: which checkpoints are kept elsewhere

CREATE TABLE audit_witnessed (
    tenant_id uuid NOT NULL, -- nil for the log of the installation
    witness text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, witness)
);
ALTER TABLE audit_witnessed ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_witnessed FORCE ROW LEVEL SECURITY;
SELECT let_erase('audit_witnessed');
CREATE POLICY witnessed_read ON audit_witnessed FOR SELECT TO <prefix>_app USING (
    ((SELECT scope_act()) = 'operate' AND tenant_id = (SELECT scope_tenant()))
    OR ((SELECT scope_act()) = 'directory' AND tenant_id = '00000000-0000-0000-0000-000000000000'));
CREATE POLICY witnessed_keep ON audit_witnessed FOR ALL TO <prefix>_sealer USING (true) WITH CHECK (true);
CREATE POLICY tenants_seal ON tenants FOR SELECT TO <prefix>_sealer USING (true);
GRANT SELECT ON audit_witnessed TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE ON audit_witnessed TO <prefix>_sealer;
GRANT SELECT (tenant_id) ON tenants TO <prefix>_sealer;

-- How many logs have a checkpoint that the witness lacks, and for how long the oldest has been lacking; for the installation.
CREATE FUNCTION audit_unwitnessed(name text, OUT logs bigint, OUT oldest_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what all tenants'' logs lack is the installation''s';
    END IF;
    SELECT count(*), coalesce(greatest(extract(epoch FROM clock_timestamp() - min(lacking.signed_at)), 0), 0)
      INTO logs, oldest_seconds
      FROM (SELECT t.tenant_id FROM <schema>.tenants t
            UNION ALL SELECT '00000000-0000-0000-0000-000000000000') t
      LEFT JOIN <schema>.audit_witnessed w ON w.tenant_id = t.tenant_id AND w.witness = name
     CROSS JOIN LATERAL (SELECT c.signed_at FROM <schema>.audit_checkpoints c
         WHERE c.tenant_id = t.tenant_id AND c.size > coalesce(w.size, 0) ORDER BY c.size LIMIT 1) lacking;
END $$;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_sealer;
ALTER FUNCTION audit_unwitnessed(text) OWNER TO <prefix>_sealer;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_sealer;
SET LOCAL ROLE <prefix>_sealer;
REVOKE ALL ON FUNCTION audit_unwitnessed(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_unwitnessed(text) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
