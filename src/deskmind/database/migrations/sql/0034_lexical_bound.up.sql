GRANT CREATE ON SCHEMA <schema> TO <prefix>_search;
SET LOCAL ROLE <prefix>_search;
-- `alone`: there is no dense side to propose candidates, so the rarest term counts however common it is. The statement is
-- put together from constant pieces, so that it is planned for the terms at hand. Where there is a dense side, half as many
-- chunks are scored: they were a seventh of a search, and what they found beyond that was found by it.
CREATE OR REPLACE FUNCTION lexical_candidates(reach record_of_reach, query_terms integer[], filter jsonb, k integer,
    alone boolean DEFAULT false)
RETURNS TABLE (chunk_id uuid, document_id uuid, score real)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    q record;
    visible text;
    found text;
    bound integer := CASE WHEN alone THEN 1000 ELSE 500 END;
BEGIN
    SELECT * INTO q FROM <schema>.lexical_query((reach).tenant, query_terms, bound);
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
        WHEN q.left_over <= bound THEN 'l.terms @> $4' END;
    IF found IS NULL THEN RETURN; END IF;
    RETURN QUERY EXECUTE
        'SELECT l.chunk_id, l.document_id, (-(l.weights OPERATOR(<ext>.<#>) $2))::real AS s FROM <schema>.lexical l'
        ' WHERE l.tenant_id = $1 AND ' || found || ' AND ' || visible || ' ORDER BY s DESC, l.chunk_id LIMIT $9'
    USING (reach).tenant, q.vector, q.finders, q.together, (reach).documents, (reach).operates, (reach).acls, filter, k;
END $$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_search;
