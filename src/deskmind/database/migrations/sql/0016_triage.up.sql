-- What triage has learned from a tenant's tickets: words with weights, no texts. A version is never changed; the newest
-- predicts, and older ones go when newer ones come.
CREATE TABLE triage_models (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    version integer NOT NULL CHECK (version >= 1),
    trained_at timestamptz NOT NULL,
    trained_by text NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    provenance jsonb NOT NULL,
    weights bytea NOT NULL CHECK (length(weights) <= 536870912),
    PRIMARY KEY (tenant_id, version)
);
ALTER TABLE triage_models ALTER COLUMN weights SET STORAGE EXTERNAL; -- compressed already
ALTER TABLE triage_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage_models FORCE ROW LEVEL SECURITY;

CREATE POLICY triage_models_read ON triage_models FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()));
CREATE POLICY triage_models_add ON triage_models FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY triage_models_remove ON triage_models FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT, INSERT, DELETE ON triage_models TO <prefix>_app;
SELECT let_erase('triage_models');
