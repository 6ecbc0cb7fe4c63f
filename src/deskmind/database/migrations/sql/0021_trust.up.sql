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
