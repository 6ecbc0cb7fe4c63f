SET LOCAL ROLE <prefix>_privacy;
DROP FUNCTION privacy_expire(text, integer);
DROP FUNCTION privacy_mask(text, text, text, text, text, boolean);
DROP FUNCTION privacy_detach(text, uuid, uuid, boolean);
DROP FUNCTION privacy_remove(text, uuid, boolean);
SET LOCAL ROLE <prefix>_owner;
DROP TRIGGER privacy_keep_held ON conversations;
DROP TRIGGER privacy_keep_held ON feedback;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION privacy_keep_held();
DROP FUNCTION privacy_any_hold();
CREATE OR REPLACE FUNCTION purge_conversations() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators purge conversations';
    END IF;
    DELETE FROM <schema>.conversations c
     WHERE c.tenant_id = <schema>.scope_tenant() AND c.expires_at <= now();
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
CREATE OR REPLACE FUNCTION delete_old_stories(keep_days integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF keep_days IS NULL OR keep_days < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'stories are kept for a day at least';
    END IF;
    DELETE FROM <schema>.request_stories s WHERE s.began_at < now() - make_interval(days => keep_days);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
REVOKE SELECT (principal_id) ON request_stories FROM <prefix>_system;
DROP FUNCTION privacy_refuse_if_held(uuid, uuid);
DROP FUNCTION privacy_held(uuid, uuid);
DROP FUNCTION privacy_tenant();
DROP FUNCTION privacy_masked_json(jsonb, text, text);
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['conversations', 'turns', 'feedback', 'request_stories', 'experiment_outcomes', 'principals',
        'api_keys', 'memberships', 'prompt_versions', 'prompt_labels', 'experiments', 'ingests', 'ingest_files', 'sources',
        'documents', 'usage_entries', 'budgets', 'budget_counters'] LOOP
        EXECUTE format('DROP POLICY privacy ON %I', t);
        EXECUTE format('REVOKE ALL ON %I FROM <prefix>_privacy', t);
    END LOOP;
END $$;
DROP TABLE privacy_retention, privacy_holds, privacy_marks, privacy_erasures;
DROP FUNCTION privacy_hold_stands();
REVOKE ALL ON SCHEMA <schema> FROM <prefix>_privacy;
SET LOCAL ROLE <prefix>_system;
REVOKE EXECUTE ON FUNCTION scope_act(), scope_tenant() FROM <prefix>_privacy;
SET LOCAL ROLE <prefix>_owner;
