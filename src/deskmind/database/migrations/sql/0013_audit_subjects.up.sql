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
    SELECT tenant, e.event_id, started + (e.n - 1) * interval '1 microsecond' - e.age * interval '1 second',
           CASE WHEN e.subject IS NULL THEN actor END, e.principal, e.action, e.resource,
           e.outcome, e.decision, e.correlation_id, e.details, 2, e.subject, decode(e.personal, 'hex'),
           e.about, decode(e.about_personal, 'hex')
      FROM ROWS FROM (json_to_recordset(events) AS (event_id uuid, age double precision, principal text, action text,
               resource text, outcome text, decision text, correlation_id text, details jsonb, subject uuid,
               personal text, about uuid, about_personal text)) WITH ORDINALITY
           AS e(event_id, age, principal, action, resource, outcome, decision, correlation_id, details, subject,
               personal, about, about_personal, n)
     WHERE (e.subject IS NULL OR EXISTS (SELECT FROM <schema>.audit_subjects s WHERE s.tenant_id = tenant
               AND s.key_id = e.subject AND s.principal_id = actor AND s.destroyed_at IS NULL))
       AND (e.about IS NULL OR EXISTS (SELECT FROM <schema>.audit_subjects s WHERE s.tenant_id = tenant
               AND s.key_id = e.about AND s.destroyed_at IS NULL))
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored < json_array_length(events) THEN
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
