-- What a tenant says of redaction: forms of its own identifiers, what is done with each type of data, and names that it
-- knows beside those of its users. Operators write them; the redactors of a tenant read them as its operator.

CREATE TABLE redaction_patterns (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    regex text NOT NULL CHECK (length(regex) BETWEEN 1 AND 500),
    type text NOT NULL,
    score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE redaction_actions (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    type text NOT NULL,
    action text NOT NULL CHECK (action IN ('mask', 'placeholder', 'hash', 'allow', 'block')),
    PRIMARY KEY (tenant_id, type)
);

CREATE TABLE directory_entries (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    source text COLLATE "C" NOT NULL CHECK (source ~ '^[a-z][a-z0-9_.-]{0,79}$'), -- entries of one source are replaced together
    type text NOT NULL,
    value text NOT NULL CHECK (length(value) BETWEEN 2 AND 200),
    PRIMARY KEY (tenant_id, source, type, value)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['redaction_patterns', 'redaction_actions', 'directory_entries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_operate', t);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO <prefix>_app', t);
    END LOOP;
END $$;
GRANT UPDATE (regex, type, score) ON redaction_patterns TO <prefix>_app;
GRANT UPDATE (action) ON redaction_actions TO <prefix>_app;

SELECT let_erase('redaction_patterns');
SELECT let_erase('redaction_actions');
SELECT let_erase('directory_entries');

-- Names of people who are erased go too.
CREATE POLICY privacy ON directory_entries FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, value), DELETE ON directory_entries TO <prefix>_privacy;
