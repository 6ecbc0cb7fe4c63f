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
