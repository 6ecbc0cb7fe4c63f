-- Connected systems and what was read from them. Operators alone see these rows: what members may see of a ticket or article
-- they see as a document, with its access list.

CREATE TABLE connections (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    connection_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
    vendor text NOT NULL,
    url text NOT NULL CHECK (length(url) <= 2000),
    networks text NOT NULL CHECK (networks IN ('any', 'public')),
    kinds text[] NOT NULL, -- of records that are read; empty for all that the connector reads
    every_seconds integer NOT NULL CHECK (every_seconds >= 0), -- 0 for only when asked
    sealed bytea NOT NULL, -- credentials and the webhooks' secret, encrypted under a key that is not in the database
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz, -- of the last run
    finished_at timestamptz,
    error text NOT NULL DEFAULT '', -- of the last run, without content
    swept_at timestamptz,
    wish_full boolean NOT NULL DEFAULT false, -- of the next run
    wish_sweep boolean NOT NULL DEFAULT false,
    renewing boolean NOT NULL DEFAULT false, -- a full run is under way: every document is offered to the ingest again
    PRIMARY KEY (tenant_id, connection_id),
    CONSTRAINT connections_name_key UNIQUE (tenant_id, name)
);

-- Where the reading of one kind of record stands. The cursor is written in the transaction of the records it stands behind.
CREATE TABLE sync_passes (
    tenant_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind text NOT NULL,
    cursor text,
    pass bigint NOT NULL DEFAULT 0, -- counts the passes; a record knows the last that met it
    running boolean NOT NULL DEFAULT false,
    started_at timestamptz,
    finished_at timestamptz, -- of the last pass that came to its end
    complete_at timestamptz, -- when the last pass began that missed nothing
    error text NOT NULL DEFAULT '',
    notes text[] NOT NULL DEFAULT '{}', -- what kept the last pass from being complete
    PRIMARY KEY (tenant_id, connection_id, kind),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

CREATE TABLE synced_records (
    tenant_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind text NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    record_key text NOT NULL,
    url text NOT NULL,
    version text NOT NULL,
    changed_at timestamptz, -- at the vendor
    digest bytea NOT NULL, -- of record, raw excepted
    pass bigint NOT NULL,
    record jsonb NOT NULL,
    raw jsonb NOT NULL,
    synced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, connection_id, kind, external_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

-- Records that could not be read or stored: they did not keep the others from it.
CREATE TABLE sync_problems (
    tenant_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind text NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    why text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, connection_id, kind, external_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

-- The vendor's sets that access lists name, each with the id of the group that stands for it.
CREATE TABLE sync_grantees (
    tenant_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    group_id uuid NOT NULL,
    kind text NOT NULL,
    external_id text NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, group_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['connections', 'sync_passes', 'synced_records', 'sync_problems', 'sync_grantees'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_operate', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO <prefix>_app', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
END $$;

-- A file of an ingest may have an access list of its own.
ALTER TABLE ingest_files ADD COLUMN acl_id uuid;

-- Across tenants, for the installation alone: which connections are due, and whose a webhook's is. Identifiers only.
CREATE POLICY connections_due ON connections FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, connection_id, every_seconds, started_at) ON connections TO <prefix>_system;
GRANT SELECT (slug) ON tenants TO <prefix>_system;
CREATE FUNCTION sync_due() RETURNS TABLE (tenant_id uuid, tenant text, connection_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT c.tenant_id, t.slug, c.connection_id FROM <schema>.connections c
        JOIN <schema>.tenants t ON t.tenant_id = c.tenant_id
       WHERE <schema>.scope_act() = 'directory' AND c.every_seconds > 0
         AND (c.started_at IS NULL OR c.started_at + make_interval(secs => c.every_seconds) <= now()) $$;
CREATE FUNCTION sync_connection(connection uuid) RETURNS TABLE (tenant_id uuid, tenant text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT c.tenant_id, t.slug FROM <schema>.connections c JOIN <schema>.tenants t ON t.tenant_id = c.tenant_id
       WHERE <schema>.scope_act() = 'directory' AND c.connection_id = connection $$;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION sync_due() OWNER TO <prefix>_system;
ALTER FUNCTION sync_connection(uuid) OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION sync_due(), sync_connection(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync_due(), sync_connection(uuid) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
