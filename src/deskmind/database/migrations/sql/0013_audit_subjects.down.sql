SET LOCAL ROLE <prefix>_sealer;
DROP FUNCTION audit_unwitnessed(text);
SET LOCAL ROLE <prefix>_owner;
DROP TABLE audit_witnessed;
DROP POLICY tenants_seal ON tenants;
REVOKE SELECT (tenant_id) ON tenants FROM <prefix>_sealer;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_eraser, <prefix>_sealer;
SET LOCAL ROLE <prefix>_sealer;
CREATE OR REPLACE FUNCTION audit_backlog(OUT events bigint, OUT oldest_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what all tenants wait for is the installation''s';
    END IF;
    SELECT count(*), coalesce(greatest(extract(epoch FROM clock_timestamp() - min(a.occurred_at)), 0), 0)
      INTO events, oldest_seconds FROM <schema>.audit_events a WHERE a.position IS NULL;
END $$;
SET LOCAL ROLE <prefix>_eraser;
CREATE OR REPLACE FUNCTION close_account(tenant uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
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
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_eraser, <prefix>_sealer;
DROP TRIGGER audit_call_is_due ON usage_entries;
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION audit_derive(uuid, json);
DROP FUNCTION audit_call_is_due();
SET LOCAL ROLE <prefix>_owner;
DROP POLICY usage_derive ON usage_entries;
REVOKE SELECT ON usage_entries FROM <prefix>_system;
DROP TABLE audit_calls_due;

-- Events of the second form stay as they were sealed; the older release finds their columns unlike their bytes.
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION audit_append(uuid, uuid, json);
SET LOCAL ROLE <prefix>_owner;
DROP POLICY audit_append ON audit_events;
REVOKE INSERT ON audit_events FROM <prefix>_system;
DROP POLICY tenants_append ON tenants;
REVOKE SELECT (tenant_id) ON tenants FROM <prefix>_system;
REVOKE EXECUTE ON FUNCTION audit_canonical(audit_events) FROM <prefix>_system;

CREATE OR REPLACE FUNCTION audit_canonical(e audit_events) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
    SELECT convert_to('{"audit":1,"tenant":"' || e.tenant_id || '","event":"' || e.event_id
        || '","at":"' || to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","principal_id":"' || e.principal_id || '","principal":' || to_json(e.principal)
        || ',"action":' || to_json(e.action) || ',"resource":' || to_json(e.resource)
        || ',"outcome":' || to_json(e.outcome) || ',"correlation":' || to_json(e.correlation_id)
        || ',"details":' || e.details || '}', 'UTF8') $$;

ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
UPDATE audit_events SET principal_id = subject, principal = 'encrypted' WHERE principal_id IS NULL;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_events
    DROP COLUMN decision, DROP COLUMN about_personal, DROP COLUMN about, DROP COLUMN personal, DROP COLUMN subject,
    DROP COLUMN form, ALTER COLUMN principal_id SET NOT NULL;
DROP TABLE audit_subjects;
