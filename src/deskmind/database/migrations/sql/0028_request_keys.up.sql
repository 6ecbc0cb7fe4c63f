-- Requests that are to be done once (Idempotency-Key): claimed before they are begun, marked in the transaction of the act,
-- answered again from here. The response is sealed with a key of the keyring; nothing of it can be read in a dump.
CREATE TABLE request_keys (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    digest bytea NOT NULL CHECK (length(digest) = 32), -- of who asks and the key they gave
    principal_id uuid, -- who asks; NULL is the operator
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32), -- of method, path and body
    claim uuid NOT NULL, -- of the attempt that is under way; another cannot act
    lease_until timestamptz NOT NULL,
    acted boolean NOT NULL DEFAULT false, -- whether something was committed under the claim
    status smallint, -- of the response; NULL while there is none
    response bytea CHECK (length(response) <= 2097152),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE
);
CREATE INDEX request_keys_principal ON request_keys (tenant_id, principal_id);
CREATE INDEX request_keys_expiry ON request_keys (tenant_id, expires_at);
ALTER TABLE request_keys ALTER COLUMN response SET STORAGE EXTERNAL; -- sealed, so that it does not compress
ALTER TABLE request_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY request_keys_own ON request_keys FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())))
    WITH CHECK (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
GRANT SELECT, INSERT, UPDATE, DELETE ON request_keys TO <prefix>_app;
SELECT let_erase('request_keys');
