-- ---------------------------------------------------------------- access: roles, grants, policies

-- Roles of a tenant's own; those that are built in are in governance/access/roles.py.
CREATE TABLE access_roles (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
    permissions text[] NOT NULL CHECK (cardinality(permissions) > 0),
    description text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);

-- Who has which role: a user, a group, or an API key. What ended stays, for reviews.
CREATE TABLE access_grants (
    tenant_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    role text NOT NULL,
    principal_id uuid,
    key_id uuid,
    reason text NOT NULL DEFAULT '',
    granted_at timestamptz NOT NULL DEFAULT now(),
    granted_by uuid NOT NULL,
    until timestamptz,
    revoked_at timestamptz,
    revoked_by uuid,
    PRIMARY KEY (tenant_id, grant_id),
    CHECK (num_nonnulls(principal_id, key_id) = 1),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, key_id) REFERENCES api_keys ON DELETE CASCADE
);
CREATE INDEX access_grants_principal ON access_grants (tenant_id, principal_id);
CREATE INDEX access_grants_key ON access_grants (tenant_id, key_id);

-- Each saved policy text is kept; the latest counts, an empty one switches policies off.
CREATE TABLE access_policies (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    version integer NOT NULL,
    text text NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    saved_by uuid NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- Drawn anew whenever something changes that decides who may do what, so that what processes remember is known to be old.
CREATE TABLE access_versions (
    tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    version uuid NOT NULL
);

-- A key that was ever granted a role may do no more than its grants say, also when they have ended.
ALTER TABLE api_keys ADD COLUMN restricted boolean NOT NULL DEFAULT false;
GRANT UPDATE (restricted) ON api_keys TO <prefix>_app;

-- ---------------------------------------------------------------- what there was

ALTER TABLE principals NO FORCE ROW LEVEL SECURITY;
INSERT INTO access_grants (tenant_id, grant_id, role, principal_id, reason, granted_at, granted_by)
SELECT tenant_id, gen_random_uuid(),
       CASE WHEN role <> 'operator' THEN 'requester' WHEN kind = 'user' THEN 'owner' ELSE 'admin' END,
       principal_id, 'from before there were roles', created_at, '00000000-0000-0000-0000-000000000002'
  FROM principals WHERE kind <> 'group';
INSERT INTO access_versions SELECT tenant_id, gen_random_uuid() FROM principals GROUP BY tenant_id;
ALTER TABLE principals FORCE ROW LEVEL SECURITY;

-- ---------------------------------------------------------------- who may see and change it

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['access_roles', 'access_grants', 'access_policies', 'access_versions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['access_roles', 'access_grants', 'access_policies'] LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_operate', t);
    END LOOP;
END $$;
CREATE POLICY access_versions_read ON access_versions FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()));
CREATE POLICY access_versions_system ON access_versions FOR ALL TO <prefix>_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON access_roles TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE (revoked_at, revoked_by) ON access_grants TO <prefix>_app;
GRANT SELECT, INSERT ON access_policies TO <prefix>_app;
GRANT SELECT ON access_versions TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE ON access_versions TO <prefix>_system;

-- ---------------------------------------------------------------- every user begins with a role

-- Also those that the release before this one adds: it knows members and operators.
CREATE FUNCTION principal_granted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    installation CONSTANT uuid := '00000000-0000-0000-0000-000000000002';
    giver uuid := coalesce(<schema>.scope_principal(), installation);
BEGIN
    INSERT INTO <schema>.access_grants (tenant_id, grant_id, role, principal_id, granted_by)
    VALUES (NEW.tenant_id, gen_random_uuid(),
            CASE WHEN NEW.role <> 'operator' THEN 'requester'
                 WHEN NEW.kind = 'user' AND giver = installation THEN 'owner' ELSE 'admin' END,
            NEW.principal_id, giver);
    RETURN NULL;
END $$;
CREATE TRIGGER principal_granted AFTER INSERT ON principals
    FOR EACH ROW WHEN (NEW.kind <> 'group') EXECUTE FUNCTION principal_granted();

-- ---------------------------------------------------------------- when something changes

CREATE FUNCTION access_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    INSERT INTO <schema>.access_versions AS v (tenant_id, version)
    SELECT c.tenant_id, gen_random_uuid() FROM changed c GROUP BY c.tenant_id ORDER BY c.tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$;

CREATE FUNCTION access_removed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    UPDATE <schema>.access_versions v SET version = gen_random_uuid()
      FROM (SELECT DISTINCT c.tenant_id FROM changed c) gone WHERE v.tenant_id = gone.tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION access_key_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    UPDATE <schema>.access_versions v SET version = gen_random_uuid() WHERE v.tenant_id = NEW.tenant_id;
    RETURN NULL;
END $$;
CREATE TRIGGER access_key_changed AFTER UPDATE ON api_keys FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at OR OLD.restricted IS DISTINCT FROM NEW.restricted)
    EXECUTE FUNCTION access_key_changed();

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['access_roles', 'access_grants', 'access_policies', 'memberships', 'principals'] LOOP
        EXECUTE format('CREATE TRIGGER access_added AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION access_changed()', t);
        EXECUTE format('CREATE TRIGGER access_changed AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION access_changed()', t);
        EXECUTE format('CREATE TRIGGER access_removed AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION access_removed()', t);
    END LOOP;
END $$;

-- What the installation's readiness asks: numbers over all tenants, no names.
CREATE FUNCTION access_concerns(OUT ownerless bigint, OUT owner_keys bigint, OUT owning_services bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what concerns all tenants is the installation''s';
    END IF;
    WITH owning AS (
        SELECT g.tenant_id, coalesce(m.member_id, g.principal_id) AS principal_id, g.until
          FROM <schema>.access_grants g
          LEFT JOIN <schema>.memberships m ON m.tenant_id = g.tenant_id AND m.group_id = g.principal_id
         WHERE g.role = 'owner' AND g.revoked_at IS NULL AND (g.until IS NULL OR g.until > now())
           AND g.principal_id IS NOT NULL),
    owners AS (
        SELECT o.tenant_id, o.principal_id, p.kind, o.until FROM owning o
          JOIN <schema>.principals p ON p.tenant_id = o.tenant_id AND p.principal_id = o.principal_id
         WHERE p.kind <> 'group' AND p.disabled_at IS NULL)
    SELECT (SELECT count(DISTINCT u.tenant_id) FROM <schema>.principals u WHERE u.kind = 'user'
               AND NOT EXISTS (SELECT FROM owners o WHERE o.tenant_id = u.tenant_id AND o.until IS NULL)),
           (SELECT count(*) FROM <schema>.api_keys k WHERE k.revoked_at IS NULL AND k.expires_at IS NULL
               AND EXISTS (SELECT FROM owners o WHERE o.tenant_id = k.tenant_id AND o.principal_id = k.principal_id)
               AND (NOT k.restricted OR EXISTS (SELECT FROM <schema>.access_grants g WHERE g.tenant_id = k.tenant_id
                   AND g.key_id = k.key_id AND g.role = 'owner' AND g.revoked_at IS NULL
                   AND (g.until IS NULL OR g.until > now())))),
           (SELECT count(*) FROM owners o WHERE o.kind = 'service')
      INTO ownerless, owner_keys, owning_services;
END $$;
CREATE POLICY concerns_principals ON principals FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY concerns_memberships ON memberships FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY concerns_keys ON api_keys FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY concerns_grants ON access_grants FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, principal_id, kind, disabled_at) ON principals TO <prefix>_system;
GRANT SELECT ON memberships, access_grants TO <prefix>_system;
GRANT SELECT (tenant_id, key_id, principal_id, restricted, revoked_at, expires_at) ON api_keys TO <prefix>_system;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION access_changed() OWNER TO <prefix>_system;
ALTER FUNCTION access_removed() OWNER TO <prefix>_system;
ALTER FUNCTION access_key_changed() OWNER TO <prefix>_system;
ALTER FUNCTION access_concerns() OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
REVOKE ALL ON FUNCTION principal_granted() FROM PUBLIC;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION access_changed(), access_removed(), access_key_changed(), access_concerns() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_concerns() TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
