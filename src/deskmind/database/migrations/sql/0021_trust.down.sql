GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION audit_append(uuid, uuid, json, boolean);
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
REVOKE ALL ON FUNCTION audit_append(uuid, uuid, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(uuid, uuid, json) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;

SET LOCAL ROLE <prefix>_system;
DROP FUNCTION privacy_concerns(interval, integer);
SET LOCAL ROLE <prefix>_owner;
DROP INDEX privacy_erasures_waiting;
DROP POLICY concerns_retention ON privacy_retention;
DROP POLICY concerns_erasures ON privacy_erasures;
REVOKE SELECT (tenant_id, ran_at) ON privacy_retention FROM <prefix>_system;
REVOKE SELECT (tenant_id, state) ON privacy_erasures FROM <prefix>_system;
REVOKE SELECT (created_at) ON tenants FROM <prefix>_system;

DROP TRIGGER privacy_keep_said ON feedback;
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION privacy_keep_said();
SET LOCAL ROLE <prefix>_owner;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_privacy;
SET LOCAL ROLE <prefix>_privacy;
DO $change$
DECLARE
    written text := pg_get_functiondef('<schema>.privacy_mask(text, text, text, text, text, boolean)'::regprocedure);
    first integer := position('    IF relation IN (''api_keys'', ''principals'', ''access_grants'') THEN' IN written);
    last integer := position('    IF dry THEN' IN written);
BEGIN
    IF first = 0 OR last < first THEN
        RAISE invalid_function_definition USING MESSAGE = 'privacy_mask is not written as was expected';
    END IF;
    EXECUTE left(written, first - 1) || substr(written, last);
END $change$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_privacy;
REVOKE SELECT (approver_id, proposal_id) ON agent_votes FROM <prefix>_privacy;
REVOKE SELECT (proposal_id) ON agent_proposals FROM <prefix>_privacy;
REVOKE SELECT (principal_id) ON access_grants FROM <prefix>_privacy;
