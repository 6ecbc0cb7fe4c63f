-- ---------------------------------------------------------------- stored agents

-- A version is never changed or removed; the application has no grant for it.
CREATE TABLE agent_versions (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    version integer NOT NULL CHECK (version >= 1),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    content text NOT NULL,
    note text NOT NULL,
    author text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name, version),
    CONSTRAINT agent_versions_content_key UNIQUE (tenant_id, name, content_hash)
);

-- Every move of a label; the newest says where it is.
CREATE TABLE agent_labels (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL CHECK (label ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    position integer NOT NULL CHECK (position >= 1),
    version integer NOT NULL,
    moved_by text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name, label, position),
    FOREIGN KEY (tenant_id, name, version) REFERENCES agent_versions
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['agent_versions', 'agent_labels'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()))', t || '_read', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR INSERT TO <prefix>_app
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_add', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO <prefix>_app', t);
        EXECUTE format('CREATE POLICY privacy ON %I FOR ALL TO <prefix>_privacy
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t);
        EXECUTE format('GRANT SELECT (tenant_id) ON %I TO <prefix>_privacy', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
END $$;
GRANT SELECT (content, note, author), UPDATE (content, note, author) ON agent_versions TO <prefix>_privacy;
GRANT SELECT (moved_by), UPDATE (moved_by) ON agent_labels TO <prefix>_privacy;
