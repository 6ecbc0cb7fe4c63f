SET LOCAL ROLE <prefix>_eraser;
DROP FUNCTION privacy_any_hold();
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
REVOKE EXECUTE ON FUNCTION scope_tenant() FROM <prefix>_eraser;
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
DROP FUNCTION privacy_refuse_if_held(uuid, uuid);
DROP FUNCTION privacy_held(uuid, uuid);
DROP FUNCTION privacy_tenant();
DROP FUNCTION privacy_masked_json(jsonb, text, text);
DROP TABLE privacy_retention, privacy_holds, privacy_marks, privacy_erasures;
DROP FUNCTION privacy_hold_stands();
REVOKE SELECT (principal_id, title, summary, updated_at, expires_at), UPDATE (title, summary) ON conversations
    FROM <prefix>_eraser;
REVOKE SELECT (principal_id, content), UPDATE (content) ON turns FROM <prefix>_eraser;
REVOKE SELECT (principal_id, correction, given_at), UPDATE (correction) ON feedback FROM <prefix>_eraser;
REVOKE SELECT (principal_id, question, told, began_at), UPDATE (question, told) ON request_stories FROM <prefix>_eraser;
REVOKE SELECT (principal_id, occurred_at) ON experiment_outcomes FROM <prefix>_eraser;
REVOKE SELECT (principal_id, display_name), UPDATE (display_name) ON principals FROM <prefix>_eraser;
REVOKE SELECT (principal_id, name), UPDATE (name) ON api_keys FROM <prefix>_eraser;
REVOKE SELECT (member_id) ON memberships FROM <prefix>_eraser;
REVOKE SELECT (content, note, author), UPDATE (content, note, author) ON prompt_versions FROM <prefix>_eraser;
REVOKE SELECT (moved_by), UPDATE (moved_by) ON prompt_labels FROM <prefix>_eraser;
REVOKE SELECT (started_by), UPDATE (started_by) ON experiments FROM <prefix>_eraser;
REVOKE SELECT (created_by, created_at, state) ON ingests FROM <prefix>_eraser;
REVOKE SELECT (external_id, uri, name, metadata, problem), UPDATE (external_id, uri, name, metadata, problem)
    ON ingest_files FROM <prefix>_eraser;
REVOKE SELECT (owner_id, name), UPDATE (owner_id, name) ON sources FROM <prefix>_eraser;
REVOKE SELECT (created_by), UPDATE (created_by) ON documents FROM <prefix>_eraser;
REVOKE SELECT (principal_id), UPDATE (principal_id, api_key) ON usage_entries FROM <prefix>_eraser;
REVOKE SELECT (principal_id), UPDATE (principal_id) ON budgets FROM <prefix>_eraser;
REVOKE SELECT (subject) ON budget_counters FROM <prefix>_eraser;
