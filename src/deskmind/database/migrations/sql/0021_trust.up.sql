-- ---------------------------------------------------------------- legal holds on what is said of others

-- What a person wrote in a vote on a proposal, or said in a grant, stays as it is while a hold stands on that person; a vote
-- also while one stands on whose run it decided.
GRANT SELECT (approver_id, proposal_id) ON agent_votes TO <prefix>_privacy;
GRANT SELECT (proposal_id) ON agent_proposals TO <prefix>_privacy;
GRANT SELECT (principal_id) ON access_grants TO <prefix>_privacy;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_privacy;
SET LOCAL ROLE <prefix>_privacy;
DO $change$
DECLARE
    written text := pg_get_functiondef('<schema>.privacy_mask(text, text, text, text, text, boolean)'::regprocedure);
    place text := '    IF dry THEN';
    more text := $more$    IF relation IN ('api_keys', 'principals', 'access_grants') THEN
        found := found || ' AND NOT <schema>.privacy_held($1, x.principal_id)';
    ELSIF relation = 'agent_votes' THEN
        found := found || ' AND NOT <schema>.privacy_held($1, x.approver_id) AND NOT EXISTS (SELECT FROM <schema>.agent_proposals p
            WHERE p.tenant_id = x.tenant_id AND p.proposal_id = x.proposal_id AND <schema>.privacy_held($1, p.principal_id))';
    END IF;
$more$;
BEGIN
    IF array_length(string_to_array(written, place), 1) <> 2 THEN
        RAISE invalid_function_definition USING MESSAGE = 'privacy_mask is not written as was expected';
    END IF;
    EXECUTE replace(written, place, more || place);
END $change$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_privacy;

-- Nor does a person under a hold write over what they said of an answer.
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
CREATE FUNCTION privacy_keep_said() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    PERFORM <schema>.privacy_refuse_if_held(OLD.tenant_id, OLD.principal_id);
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION privacy_keep_said() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy_keep_said() TO <prefix>_owner;
SET LOCAL ROLE <prefix>_owner;
CREATE TRIGGER privacy_keep_said BEFORE UPDATE OF correction ON feedback FOR EACH ROW
    WHEN (OLD.correction <> '' AND OLD.correction IS DISTINCT FROM NEW.correction) EXECUTE FUNCTION privacy_keep_said();

-- ---------------------------------------------------------------- readiness

-- What the installation's readiness asks of privacy: how many tenants' retention is late, and how many erasures wait, each
-- counted up to `most`. Numbers over all tenants, no names.
CREATE INDEX privacy_erasures_waiting ON privacy_erasures (tenant_id) WHERE state = 'waiting';
CREATE POLICY concerns_retention ON privacy_retention FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY concerns_erasures ON privacy_erasures FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, ran_at) ON privacy_retention TO <prefix>_system;
GRANT SELECT (tenant_id, state) ON privacy_erasures TO <prefix>_system;
GRANT SELECT (created_at) ON tenants TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
CREATE FUNCTION privacy_concerns(late_after interval, most integer, OUT late bigint, OUT waiting bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what concerns all tenants is the installation''s';
    END IF;
    SELECT count(*) INTO late FROM (
        SELECT FROM <schema>.tenants t
         WHERE coalesce((SELECT min(r.ran_at) FROM <schema>.privacy_retention r WHERE r.tenant_id = t.tenant_id), t.created_at)
               < now() - late_after LIMIT most) late_ones;
    SELECT count(*) INTO waiting FROM (
        SELECT FROM <schema>.privacy_erasures e WHERE e.state = 'waiting' LIMIT most) waiting_ones;
END $$;
REVOKE ALL ON FUNCTION privacy_concerns(interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy_concerns(interval, integer) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;

-- ---------------------------------------------------------------- audit: recorded and committed in one round trip

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION audit_append(uuid, uuid, json);
-- Adds events of the second form in the order given, in the transaction of their act. Who acts and whose log it is are
-- those of the scope, which is verified once, however many events there are. Gives the ids of events that were not stored
-- because a key was destroyed meanwhile: the writer encrypts them under another. When it must be `complete` it fails instead.
--   events: [{event_id, age, principal, action, resource, outcome, decision, correlation_id, details, subject, personal,
--            about, about_personal}], age in seconds, encrypted fields in hexadecimal
CREATE FUNCTION audit_append(tenant uuid, actor uuid, events json, complete boolean DEFAULT false) RETURNS uuid[]
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
    IF complete AND left_out IS NOT NULL THEN
        RAISE integrity_constraint_violation USING MESSAGE = 'the key of a person was destroyed';
    END IF;
    RETURN coalesce(left_out, '{}');
END $$;
REVOKE ALL ON FUNCTION audit_append(uuid, uuid, json, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(uuid, uuid, json, boolean) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
