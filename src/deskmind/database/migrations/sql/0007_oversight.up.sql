-- What changes when a tenant's knowledge does, so that a remembered ranking is never older than the transaction that
-- uses it; and usage over all tenants for the operator of the installation.

CREATE TABLE knowledge_versions (
    tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    version uuid NOT NULL -- drawn anew at each change: it never returns, not even when a backup is restored
);
INSERT INTO knowledge_versions SELECT tenant_id, gen_random_uuid() FROM documents GROUP BY tenant_id;
ALTER TABLE knowledge_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY versions_read ON knowledge_versions FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()));
CREATE POLICY versions_system ON knowledge_versions FOR ALL TO <prefix>_system USING (true) WITH CHECK (true);
GRANT SELECT ON knowledge_versions TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE ON knowledge_versions TO <prefix>_system;

CREATE FUNCTION knowledge_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    INSERT INTO <schema>.knowledge_versions AS v (tenant_id, version)
    SELECT c.tenant_id, gen_random_uuid() FROM changed c GROUP BY c.tenant_id ORDER BY c.tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$;

-- What is removed was added before, so its tenant has a row; a tenant that is being removed itself needs none.
CREATE FUNCTION knowledge_removed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    UPDATE <schema>.knowledge_versions v SET version = gen_random_uuid()
      FROM (SELECT DISTINCT c.tenant_id FROM changed c) gone WHERE v.tenant_id = gone.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER documents_added AFTER INSERT ON documents
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION knowledge_changed();
CREATE TRIGGER documents_changed AFTER UPDATE ON documents
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION knowledge_changed();
CREATE TRIGGER documents_removed AFTER DELETE ON documents
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION knowledge_removed();

-- What a ranking depends on besides the question: the tenant's knowledge, and which access lists the scope satisfies.
CREATE FUNCTION knowledge_view() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT v.version || ' ' || <schema>.scope_act() || ' ' || (
        SELECT encode(sha256(convert_to(coalesce(string_agg(a::text, ',' ORDER BY a), ''), 'UTF8')), 'hex')
          FROM unnest(<schema>.scope_acl_ids()) a)
        FROM <schema>.knowledge_versions v WHERE v.tenant_id = <schema>.scope_tenant() $$;

-- ---------------------------------------------------------------- usage over all tenants

CREATE POLICY usage_survey ON usage_entries FOR SELECT TO <prefix>_surveyor USING (true);
CREATE POLICY tenants_survey ON tenants FOR SELECT TO <prefix>_surveyor USING (true);
GRANT USAGE ON SCHEMA <schema> TO <prefix>_surveyor;
GRANT SELECT ON usage_entries TO <prefix>_surveyor;
GRANT SELECT (tenant_id, slug) ON tenants TO <prefix>_surveyor;

-- Sums over all tenants, for the installation's scope alone. It names tenants, not their users or keys.
CREATE FUNCTION usage_of_all_tenants(groups text[], since timestamptz, until timestamptz)
RETURNS TABLE (names text[], calls bigint, input_tokens numeric, cached_tokens numeric, output_tokens numeric,
    reasoning_tokens numeric, cost numeric, unpriced bigint, estimated bigint, unsettled bigint, errors bigint,
    mean_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'usage over all tenants is the installation''s';
    END IF;
    RETURN QUERY
    WITH sums AS (
        SELECT CASE WHEN 'tenant' = ANY (groups) THEN u.tenant_id END AS tenant,
               CASE WHEN 'feature' = ANY (groups) THEN u.feature END AS feature,
               CASE WHEN 'model' = ANY (groups) THEN u.model END AS model,
               CASE WHEN 'deployment' = ANY (groups) THEN u.deployment END AS deployment,
               CASE WHEN 'day' = ANY (groups) THEN (u.started_at AT TIME ZONE 'UTC')::date END AS day,
               CASE WHEN 'outcome' = ANY (groups) THEN u.outcome END AS outcome,
               count(*) AS n, sum(u.input_tokens) AS read, sum(u.cached_tokens) AS cached,
               sum(u.output_tokens) AS written, sum(u.reasoning_tokens) AS reasoned,
               coalesce(sum(u.cost), 0) AS dollars, count(*) FILTER (WHERE u.cost IS NULL) AS no_price,
               count(*) FILTER (WHERE u.outcome = 'estimated') AS guessed,
               count(*) FILTER (WHERE u.outcome = 'unsettled') AS open,
               count(*) FILTER (WHERE u.error <> '') AS failed, avg(u.seconds) AS mean
          FROM <schema>.usage_entries u WHERE u.started_at >= since AND u.started_at < until
         GROUP BY 1, 2, 3, 4, 5, 6)
    SELECT ARRAY(SELECT CASE g WHEN 'tenant' THEN coalesce(t.slug, s.tenant::text) WHEN 'feature' THEN s.feature
                               WHEN 'model' THEN s.model WHEN 'deployment' THEN s.deployment
                               WHEN 'day' THEN to_char(s.day, 'YYYY-MM-DD') WHEN 'outcome' THEN s.outcome END
                   FROM unnest(groups) WITH ORDINALITY x(g, place) ORDER BY place),
           s.n, s.read, s.cached, s.written, s.reasoned, s.dollars, s.no_price, s.guessed, s.open, s.failed, s.mean
      FROM sums s LEFT JOIN <schema>.tenants t ON t.tenant_id = s.tenant
     ORDER BY s.dollars DESC, s.n DESC, 1 LIMIT 1000;
END $$;

-- ---------------------------------------------------------------- ownership

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system, <prefix>_surveyor;
ALTER FUNCTION knowledge_changed() OWNER TO <prefix>_system;
ALTER FUNCTION knowledge_removed() OWNER TO <prefix>_system;
ALTER FUNCTION usage_of_all_tenants(text[], timestamptz, timestamptz) OWNER TO <prefix>_surveyor;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system, <prefix>_surveyor;

GRANT EXECUTE ON FUNCTION knowledge_view() TO <prefix>_app;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION knowledge_changed(), knowledge_removed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scope_act() TO <prefix>_surveyor;
SET LOCAL ROLE <prefix>_surveyor;
REVOKE ALL ON FUNCTION usage_of_all_tenants(text[], timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usage_of_all_tenants(text[], timestamptz, timestamptz) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
