-- ---------------------------------------------------------------- audit: events that can be sealed

-- An event's canonical bytes, as governance/audit/canonical.py writes them: what is hashed, exported and compared.
CREATE FUNCTION audit_canonical(e audit_events) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
    SELECT convert_to('{"audit":1,"tenant":"' || e.tenant_id || '","event":"' || e.event_id
        || '","at":"' || to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","principal_id":"' || e.principal_id || '","principal":' || to_json(e.principal)
        || ',"action":' || to_json(e.action) || ',"resource":' || to_json(e.resource)
        || ',"outcome":' || to_json(e.outcome) || ',"correlation":' || to_json(e.correlation_id)
        || ',"details":' || e.details || '}', 'UTF8') $$;

ALTER TABLE audit_events
    ADD COLUMN canonical bytea,
    ADD COLUMN leaf_hash bytea,
    ADD COLUMN position bigint; -- in the tenant's log, from 0; null until the sealer gives it

-- events from before; the owner is subject to row-level security otherwise
ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
UPDATE audit_events e SET canonical = audit_canonical(e), leaf_hash = sha256('\x00'::bytea || audit_canonical(e));
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;

ALTER TABLE audit_events
    ALTER COLUMN canonical SET NOT NULL,
    ALTER COLUMN leaf_hash SET NOT NULL;
CREATE UNIQUE INDEX audit_events_position ON audit_events (tenant_id, position) WHERE position IS NOT NULL;
CREATE INDEX audit_events_unsealed ON audit_events (tenant_id, occurred_at) WHERE position IS NULL;

-- Whatever the writer says of them, the bytes are made of the columns and the position is the sealer's to give.
CREATE FUNCTION audit_prepared() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    NEW.canonical := <schema>.audit_canonical(NEW);
    NEW.leaf_hash := sha256('\x00'::bytea || NEW.canonical);
    NEW.position := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_prepared BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_prepared();
REVOKE ALL ON FUNCTION audit_canonical(audit_events), audit_prepared() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_canonical(audit_events) TO <prefix>_app;

-- Signed checkpoints, each with what is needed to go on from it: the roots of the tree's complete subtrees.
CREATE TABLE audit_checkpoints (
    tenant_id uuid NOT NULL, -- nil for the log of the installation
    size bigint NOT NULL CHECK (size > 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    peaks bytea NOT NULL CHECK (length(peaks) % 32 = 0),
    signed_at timestamptz NOT NULL,
    public_key text NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (tenant_id, size)
);
ALTER TABLE audit_checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoints FORCE ROW LEVEL SECURITY;
SELECT let_erase('audit_checkpoints');

CREATE POLICY checkpoints_read ON audit_checkpoints FOR SELECT TO <prefix>_app USING (
    ((SELECT scope_act()) = 'operate' AND tenant_id = (SELECT scope_tenant()))
    OR ((SELECT scope_act()) = 'directory' AND tenant_id = '00000000-0000-0000-0000-000000000000'));
CREATE POLICY checkpoints_read_all ON audit_checkpoints FOR SELECT TO <prefix>_auditor USING (true);
GRANT SELECT ON audit_checkpoints TO <prefix>_app, <prefix>_auditor;

-- The sealer sees all tenants' events, gives a position to those without one, and adds checkpoints; nothing else.
CREATE POLICY seal_read ON audit_events FOR SELECT TO <prefix>_sealer USING (true);
CREATE POLICY seal_place ON audit_events FOR UPDATE TO <prefix>_sealer
    USING (position IS NULL) WITH CHECK (position IS NOT NULL);
GRANT SELECT (tenant_id, event_id, occurred_at, canonical, position), UPDATE (position) ON audit_events TO <prefix>_sealer;
CREATE POLICY seal_read ON audit_checkpoints FOR SELECT TO <prefix>_sealer USING (true);
CREATE POLICY seal_add ON audit_checkpoints FOR INSERT TO <prefix>_sealer WITH CHECK (true);
GRANT SELECT, INSERT ON audit_checkpoints TO <prefix>_sealer;
GRANT USAGE ON SCHEMA <schema> TO <prefix>_sealer;

-- How much of all tenants waits for the sealer: two numbers, for the installation.
CREATE FUNCTION audit_backlog(OUT events bigint, OUT oldest_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what all tenants wait for is the installation''s';
    END IF;
    SELECT count(*), coalesce(greatest(extract(epoch FROM clock_timestamp() - min(a.occurred_at)), 0), 0)
      INTO events, oldest_seconds FROM <schema>.audit_events a WHERE a.position IS NULL;
END $$;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_sealer;
ALTER FUNCTION audit_backlog() OWNER TO <prefix>_sealer;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_sealer;
SET LOCAL ROLE <prefix>_system;
GRANT EXECUTE ON FUNCTION scope_act() TO <prefix>_sealer;
SET LOCAL ROLE <prefix>_sealer;
REVOKE ALL ON FUNCTION audit_backlog() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_backlog() TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
