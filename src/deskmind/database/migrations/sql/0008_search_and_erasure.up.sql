-- ---------------------------------------------------------------- search: lexical candidates at a bounded cost

-- A query whose rarest term is common used to score every chunk that has it: 11 ms for 11,000 of 30,000 chunks. Now the
-- candidates are the chunks that hold any of the rare terms, or, where no term is rare, several of them together.

GRANT CREATE ON SCHEMA <schema> TO <prefix>_search;
SET LOCAL ROLE <prefix>_search;
DROP FUNCTION lexical_candidates(record_of_reach, integer[], jsonb, integer);
DROP FUNCTION lexical_query(uuid, integer[], integer);

-- The query's terms with their inverse document frequencies as a sparse vector, and what finds candidates: `finders`, the
-- rarest terms, as long as they promise no more than `bound` chunks in total; or, when even the rarest is in more than
-- that, `together`, rarest first: those that must meet in a chunk to leave `bound` of them, of which `left_over` are
-- expected. BM25: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; idf as in Lucene.
CREATE FUNCTION lexical_query(tenant uuid, query_terms integer[], bound integer,
    OUT vector <ext>.sparsevec, OUT finders integer[], OUT together integer[], OUT left_over double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
    WITH size AS (
        SELECT greatest(s.chunk_count, 1)::double precision AS n FROM <schema>.lexical_statistics s
         WHERE s.tenant_id = tenant AND s.term = 0),
    known AS (
        SELECT s.term, s.chunk_count AS df,
               ln(1 + greatest(size.n - s.chunk_count + 0.5, 0.5) / (s.chunk_count + 0.5)) AS idf,
               sum(s.chunk_count) OVER rarest AS any_of_them,
               size.n * exp(sum(ln(least(s.chunk_count / size.n, 1))) OVER rarest) AS all_of_them
          FROM <schema>.lexical_statistics s, size
         WHERE s.tenant_id = tenant AND s.term = ANY (query_terms) AND s.term > 0 AND s.chunk_count > 0
        WINDOW rarest AS (ORDER BY s.chunk_count, s.term)),
    asked AS (
        SELECT *, coalesce(lag(all_of_them) OVER (ORDER BY df, term) > bound, true) AS needed FROM known)
    SELECT ('{' || string_agg(term || ':' || idf::real, ',' ORDER BY term) || '}/1000000000')::<ext>.sparsevec,
           array_agg(term) FILTER (WHERE any_of_them <= bound),
           array_agg(term ORDER BY df, term) FILTER (WHERE needed),
           min(all_of_them)
      FROM asked $$;

-- `alone`: there is no dense side to propose candidates, so the rarest term counts however common it is. The statement is
-- put together from constant pieces, so that it is planned for the terms at hand.
CREATE FUNCTION lexical_candidates(reach record_of_reach, query_terms integer[], filter jsonb, k integer,
    alone boolean DEFAULT false)
RETURNS TABLE (chunk_id uuid, document_id uuid, score real)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    q record;
    visible text;
    found text;
BEGIN
    SELECT * INTO q FROM <schema>.lexical_query((reach).tenant, query_terms, 1000);
    IF q.vector IS NULL THEN RETURN; END IF;
    visible := CASE
        WHEN (reach).everything THEN 'true'
        WHEN (reach).documents IS NOT NULL THEN 'l.document_id = ANY ($5)'
        ELSE 'EXISTS (SELECT FROM <schema>.documents d WHERE d.tenant_id = $1 AND d.document_id = l.document_id'
             ' AND ($6 OR d.acl_id = ANY ($7)) AND ($8 IS NULL OR <schema>.filter_takes($8, d)))' END;
    found := CASE
        WHEN (reach).documents IS NOT NULL AND (reach).chunks <= 2000 THEN 'true'
        WHEN q.finders IS NOT NULL THEN 'l.terms && $3'
        WHEN alone THEN 'l.terms && $4[1:1]'
        WHEN q.left_over <= 1000 THEN 'l.terms @> $4' END;
    IF found IS NULL THEN RETURN; END IF;
    RETURN QUERY EXECUTE
        'SELECT l.chunk_id, l.document_id, (-(l.weights OPERATOR(<ext>.<#>) $2))::real AS s FROM <schema>.lexical l'
        ' WHERE l.tenant_id = $1 AND ' || found || ' AND ' || visible || ' ORDER BY s DESC, l.chunk_id LIMIT $9'
    USING (reach).tenant, q.vector, q.finders, q.together, (reach).documents, (reach).operates, (reach).acls, filter, k;
END $$;

CREATE OR REPLACE FUNCTION search_lexical(query_terms integer[], filter jsonb, k integer)
RETURNS TABLE (chunk_id uuid, document_id uuid, dense real, lexical real)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    reach <schema>.record_of_reach := <schema>.search_reach(filter, 10000);
BEGIN
    IF (reach).tenant IS NULL THEN RETURN; END IF;
    RETURN QUERY SELECT c.chunk_id, c.document_id, NULL::real, c.score
      FROM <schema>.lexical_candidates(reach, query_terms, filter, least(k, 500), true) c WHERE c.score > 0;
END $$;

REVOKE ALL ON FUNCTION lexical_query(uuid, integer[], integer),
    lexical_candidates(record_of_reach, integer[], jsonb, integer, boolean) FROM PUBLIC;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_search;

-- ---------------------------------------------------------------- erasing a tenant

-- What must stay for accounting: how much was spent, by month and model, under a number that leads to no person. The
-- number is a digest of the tenant's id, which is random and nowhere else once the tenant is gone.
CREATE TABLE closed_accounts (
    account_id uuid PRIMARY KEY,
    closed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE closed_account_usage (
    account_id uuid NOT NULL REFERENCES closed_accounts,
    month date NOT NULL,
    model text NOT NULL,
    deployment text NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    cost numeric(24, 12) NOT NULL, -- US dollars, of the calls with a known price
    unpriced_calls bigint NOT NULL,
    PRIMARY KEY (account_id, month, model, deployment)
);
GRANT SELECT, INSERT ON closed_accounts TO <prefix>_eraser;
GRANT SELECT, INSERT, UPDATE ON closed_account_usage TO <prefix>_eraser;
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['closed_accounts', 'closed_account_usage'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY closed_read ON %I FOR SELECT TO <prefix>_app
            USING ((SELECT scope_act()) = ''directory'')', t);
        EXECUTE format('CREATE POLICY closed_write ON %I FOR ALL TO <prefix>_eraser USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO <prefix>_app', t);
    END LOOP;
END $$;

CREATE FUNCTION account_of(tenant uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT encode(substr(sha256(convert_to('deskmind.account.' || tenant::text, 'UTF8')), 1, 16), 'hex')::uuid $$;

-- <prefix>_eraser may delete a tenant's rows and see whose they are; of the ledger also what is summed up.
CREATE FUNCTION let_erase(erasable regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %s TO <prefix>_eraser', erasable);
    EXECUTE format('CREATE POLICY erase ON %s FOR ALL TO <prefix>_eraser USING (true)', erasable);
END $$;

CREATE VIEW erasable_tables AS
    WITH RECURSIVE ours AS (
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relnamespace = '<schema>'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition),
    below AS (
        SELECT o.oid, 0 AS depth FROM ours o
        UNION ALL
        SELECT f.conrelid, b.depth + 1 FROM below b JOIN pg_constraint f ON f.confrelid = b.oid AND f.contype = 'f'
           AND f.conrelid <> f.confrelid AND f.conparentid = 0)
    SELECT b.oid::regclass AS name, max(b.depth) AS depth FROM below b JOIN ours o ON o.oid = b.oid GROUP BY b.oid;
GRANT SELECT ON erasable_tables TO <prefix>_eraser;

DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT name FROM erasable_tables LOOP PERFORM let_erase(t); END LOOP;
END $$;
REVOKE ALL ON FUNCTION let_erase(regclass) FROM PUBLIC;
GRANT USAGE ON SCHEMA <schema> TO <prefix>_eraser;
GRANT SELECT (slug) ON tenants TO <prefix>_eraser;
GRANT SELECT (started_at, model, deployment, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost)
    ON usage_entries TO <prefix>_eraser;
GRANT SELECT (id, args), DELETE ON procrastinate_jobs TO <prefix>_eraser;
GRANT SELECT (job_id), UPDATE (job_id) ON procrastinate_periodic_defers TO <prefix>_eraser; -- a trigger of the deletion

CREATE FUNCTION close_account(tenant uuid) RETURNS void
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

-- A call may be booked after its tenant was erased, by a replica that had it in its journal, and a lease may be taken.
CREATE FUNCTION settle_closed_accounts() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE late uuid;
BEGIN
    FOR late IN SELECT DISTINCT a.tenant_id FROM arrived a LOOP
        IF EXISTS (SELECT FROM <schema>.closed_accounts c WHERE c.account_id = <schema>.account_of(late)) THEN
            IF TG_TABLE_NAME = 'usage_entries' THEN
                PERFORM <schema>.close_account(late);
            ELSE
                DELETE FROM <schema>.budget_counters b WHERE b.tenant_id = late;
            END IF;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER booked_late AFTER INSERT ON usage_entries
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION settle_closed_accounts();
CREATE TRIGGER leased_late AFTER INSERT ON budget_counters
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION settle_closed_accounts();

-- Everything of a tenant goes, in one transaction: children before what they refer to, then its jobs. What has no
-- reference to the tenant's row is swept again under a lock, so that nobody who began before leaves a row behind; who comes
-- after it is turned away. Returns null when there is no such tenant.
CREATE FUNCTION erase_tenant(name text, OUT tenant uuid, OUT account uuid, OUT rows_gone bigint, OUT jobs_gone bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    t regclass;
    n bigint;
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenants are erased from outside of them';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('<schema>.erase_tenant', 0));
    SELECT s.tenant_id INTO tenant FROM <schema>.tenants s WHERE s.slug = erase_tenant.name;
    IF tenant IS NULL THEN RETURN; END IF;
    account := <schema>.account_of(tenant);
    INSERT INTO <schema>.closed_accounts (account_id) VALUES (account);
    rows_gone := 0;
    PERFORM <schema>.close_account(tenant);
    -- first what is counted out at each deletion, so that one statement counts
    FOR t IN SELECT e.name FROM <schema>.erasable_tables e
              WHERE has_table_privilege('<prefix>_eraser', e.name, 'DELETE')
              ORDER BY e.name = '<schema>.lexical_statistics'::regclass DESC, e.depth DESC LOOP
        EXECUTE format('DELETE FROM %s x WHERE x.tenant_id = $1', t) USING tenant;
        GET DIAGNOSTICS n = ROW_COUNT;
        rows_gone := rows_gone + n;
    END LOOP;
    DELETE FROM <schema>.procrastinate_jobs j WHERE j.args->>'tenant_id' = tenant::text;
    GET DIAGNOSTICS jobs_gone = ROW_COUNT;
    LOCK TABLE <schema>.usage_entries, <schema>.budget_counters, <schema>.audit_events IN SHARE ROW EXCLUSIVE MODE;
    PERFORM <schema>.close_account(tenant);
    DELETE FROM <schema>.budget_counters b WHERE b.tenant_id = tenant;
    DELETE FROM <schema>.audit_events a WHERE a.tenant_id = tenant;
END $$;

-- Acts of the installation, such as erasing a tenant, are read where they are done; nobody records for a tenant that is gone.
ALTER POLICY audit_read ON audit_events USING (
    ((SELECT scope_act()) = 'operate' AND tenant_id = (SELECT scope_tenant()))
    OR ((SELECT scope_act()) = 'directory' AND tenant_id = '00000000-0000-0000-0000-000000000000'));
ALTER POLICY audit_add ON audit_events WITH CHECK (principal_id = (SELECT scope_principal())
    AND ((tenant_id = (SELECT scope_tenant()) AND EXISTS (SELECT FROM tenants t WHERE t.tenant_id = audit_events.tenant_id))
        OR ((SELECT scope_act()) = 'directory' AND tenant_id = '00000000-0000-0000-0000-000000000000')));

SET LOCAL ROLE <prefix>_system;
GRANT EXECUTE ON FUNCTION scope_act() TO <prefix>_eraser;
SET LOCAL ROLE <prefix>_owner;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_eraser;
ALTER FUNCTION close_account(uuid) OWNER TO <prefix>_eraser;
ALTER FUNCTION settle_closed_accounts() OWNER TO <prefix>_eraser;
ALTER FUNCTION erase_tenant(text) OWNER TO <prefix>_eraser;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_eraser;
GRANT EXECUTE ON FUNCTION account_of(uuid) TO <prefix>_eraser;
SET LOCAL ROLE <prefix>_eraser;
REVOKE ALL ON FUNCTION close_account(uuid), settle_closed_accounts(), erase_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_tenant(text) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
