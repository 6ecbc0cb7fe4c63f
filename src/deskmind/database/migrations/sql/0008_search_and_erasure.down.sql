ALTER POLICY audit_add ON audit_events WITH CHECK (principal_id = (SELECT scope_principal())
    AND (tenant_id = (SELECT scope_tenant())
        OR ((SELECT scope_act()) = 'directory' AND tenant_id = '00000000-0000-0000-0000-000000000000')));
ALTER POLICY audit_read ON audit_events USING ((SELECT scope_act()) = 'operate' AND tenant_id = (SELECT scope_tenant()));

DROP TRIGGER leased_late ON budget_counters;
DROP TRIGGER booked_late ON usage_entries;
DROP FUNCTION erase_tenant(text), settle_closed_accounts(), close_account(uuid);
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT name FROM erasable_tables LOOP
        EXECUTE format('DROP POLICY IF EXISTS erase ON %s', t);
        EXECUTE format('REVOKE ALL ON %s FROM <prefix>_eraser', t);
    END LOOP;
END $$;
DROP VIEW erasable_tables;
DROP FUNCTION let_erase(regclass), account_of(uuid);
DROP TABLE closed_account_usage, closed_accounts;
REVOKE ALL ON procrastinate_jobs, procrastinate_periodic_defers FROM <prefix>_eraser;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION scope_act() FROM <prefix>_eraser;
SET LOCAL ROLE <prefix>_owner;
REVOKE ALL ON SCHEMA <schema> FROM <prefix>_eraser;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_search;
SET LOCAL ROLE <prefix>_search;
DROP FUNCTION lexical_candidates(record_of_reach, integer[], jsonb, integer, boolean);
DROP FUNCTION lexical_query(uuid, integer[], integer);
-- The query's terms with their inverse document frequencies as a sparse vector, and the terms that find
-- candidates: the rarest ones, as long as they promise no more than `bound` chunks in total (the rarest always).
-- BM25: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; idf as in Lucene.
CREATE FUNCTION lexical_query(tenant uuid, query_terms integer[], bound integer,
    OUT vector <ext>.sparsevec, OUT finders integer[])
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
    WITH size AS (
        SELECT greatest(s.chunk_count, 1)::double precision AS n FROM <schema>.lexical_statistics s
         WHERE s.tenant_id = tenant AND s.term = 0),
    known AS (
        SELECT s.term, s.chunk_count AS df,
               ln(1 + greatest(size.n - s.chunk_count + 0.5, 0.5) / (s.chunk_count + 0.5)) AS idf,
               sum(s.chunk_count) OVER (ORDER BY s.chunk_count, s.term) AS reach,
               row_number() OVER (ORDER BY s.chunk_count, s.term) AS place
          FROM <schema>.lexical_statistics s, size
         WHERE s.tenant_id = tenant AND s.term = ANY (query_terms) AND s.term > 0 AND s.chunk_count > 0)
    SELECT ('{' || string_agg(term || ':' || idf::real, ',' ORDER BY term) || '}/1000000000')::<ext>.sparsevec,
           array_agg(term) FILTER (WHERE place = 1 OR reach <= bound)
      FROM known $$;

CREATE FUNCTION lexical_candidates(reach record_of_reach, query_terms integer[], filter jsonb, k integer)
RETURNS TABLE (chunk_id uuid, document_id uuid, score real)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    q record;
BEGIN
    SELECT * INTO q FROM <schema>.lexical_query((reach).tenant, query_terms, 2000);
    IF q.vector IS NULL THEN RETURN; END IF;
    IF (reach).documents IS NOT NULL AND (reach).chunks <= 2000 THEN
        RETURN QUERY SELECT l.chunk_id, l.document_id, (-(l.weights OPERATOR(<ext>.<#>) q.vector))::real AS s
          FROM <schema>.lexical l
         WHERE l.tenant_id = (reach).tenant AND l.document_id = ANY ((reach).documents)
         ORDER BY s DESC, l.chunk_id LIMIT k;
    ELSIF (reach).everything THEN
        RETURN QUERY SELECT l.chunk_id, l.document_id, (-(l.weights OPERATOR(<ext>.<#>) q.vector))::real AS s
          FROM <schema>.lexical l
         WHERE l.tenant_id = (reach).tenant AND l.terms && q.finders
         ORDER BY s DESC, l.chunk_id LIMIT k;
    ELSIF (reach).documents IS NOT NULL THEN
        RETURN QUERY SELECT l.chunk_id, l.document_id, (-(l.weights OPERATOR(<ext>.<#>) q.vector))::real AS s
          FROM <schema>.lexical l
         WHERE l.tenant_id = (reach).tenant AND l.terms && q.finders AND l.document_id = ANY ((reach).documents)
         ORDER BY s DESC, l.chunk_id LIMIT k;
    ELSE
        RETURN QUERY SELECT l.chunk_id, l.document_id, (-(l.weights OPERATOR(<ext>.<#>) q.vector))::real AS s
          FROM <schema>.lexical l JOIN <schema>.documents d
            ON d.tenant_id = (reach).tenant AND d.document_id = l.document_id
         WHERE l.tenant_id = (reach).tenant AND l.terms && q.finders
           AND ((reach).operates OR d.acl_id = ANY ((reach).acls))
           AND (filter IS NULL OR <schema>.filter_takes(filter, d))
         ORDER BY s DESC, l.chunk_id LIMIT k;
    END IF;
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
      FROM <schema>.lexical_candidates(reach, query_terms, filter, least(k, 500)) c WHERE c.score > 0;
END $$;

REVOKE ALL ON FUNCTION lexical_query(uuid, integer[], integer),
    lexical_candidates(record_of_reach, integer[], jsonb, integer) FROM PUBLIC;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_search;
