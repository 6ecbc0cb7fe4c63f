-- Workers look for writes whose outcome is not known, less and less often, until a person is to look.
-- looks: how often a worker has looked since the write was sent; look_at: when it is to look again (NULL: when the lease is over);
-- handed_at: since when it is a person's.
ALTER TABLE writes ADD COLUMN looks integer NOT NULL DEFAULT 0, ADD COLUMN look_at timestamptz, ADD COLUMN handed_at timestamptz;
GRANT UPDATE (looks, look_at, handed_at) ON writes TO <prefix>_app;
CREATE INDEX writes_unsettled ON writes (tenant_id, look_at) WHERE state IN ('sending', 'uncertain');

-- Which fields of the vendor have no place in the model, and how many of the records that were read hold something in each.
ALTER TABLE sync_passes ADD COLUMN unmapped jsonb NOT NULL DEFAULT '{}';

-- Across tenants, for the installation alone: which writes are to be looked for, and how many are not known. Identifiers and numbers.
CREATE POLICY writes_looked_for ON writes FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, write_id, connection_id, vendor, state, lease_until, made_at, claimed_at, look_at, handed_at)
    ON writes TO <prefix>_system;
CREATE FUNCTION writes_due() RETURNS TABLE (tenant_id uuid, tenant text, write_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT w.tenant_id, t.slug, w.write_id FROM <schema>.writes w JOIN <schema>.tenants t ON t.tenant_id = w.tenant_id
       WHERE <schema>.scope_act() = 'directory' AND w.state IN ('sending', 'uncertain') AND w.connection_id IS NOT NULL
         AND w.handed_at IS NULL AND (w.lease_until IS NULL OR w.lease_until < now())
         AND (w.look_at IS NULL OR w.look_at <= now()) $$;
CREATE FUNCTION writes_unknown() RETURNS TABLE (vendor text, state text, age text, writes bigint, oldest double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT u.vendor, u.state,
             CASE WHEN u.seconds < 3600 THEN 'hour' WHEN u.seconds < 86400 THEN 'day' ELSE 'older' END, count(*), max(u.seconds)
        FROM (SELECT w.vendor, CASE WHEN w.handed_at IS NULL AND w.connection_id IS NOT NULL THEN 'looking' ELSE 'person' END AS state,
                     extract(epoch FROM now() - coalesce(w.claimed_at, w.made_at))::double precision AS seconds
                FROM <schema>.writes w
               WHERE <schema>.scope_act() = 'directory' AND w.state IN ('sending', 'uncertain')
                 AND (w.state = 'uncertain' OR coalesce(w.lease_until, w.claimed_at + interval '1 hour') < now())) u
       GROUP BY 1, 2, 3 $$;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION writes_due() OWNER TO <prefix>_system;
ALTER FUNCTION writes_unknown() OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION writes_due(), writes_unknown() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION writes_due(), writes_unknown() TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
