-- One embedding space. Placeholders: <schema>, <prefix>, <ext>, <space>, <dimensions>.

CREATE TABLE embeddings_<space> (
    tenant_id uuid NOT NULL,
    chunk_id uuid NOT NULL,
    document_id uuid NOT NULL,
    embedding <ext>.halfvec(<dimensions>) NOT NULL,
    sentences bytea NOT NULL, -- [n, <dimensions>] float16, little endian: the vectors of the chunk's sentences, for reranking
    PRIMARY KEY (tenant_id, chunk_id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES <schema>.documents ON DELETE CASCADE
) PARTITION BY HASH (tenant_id);
CREATE INDEX embeddings_<space>_document ON embeddings_<space> (tenant_id, document_id);

-- out of line and uncompressed: scans over the embeddings do not touch it
ALTER TABLE embeddings_<space> ALTER COLUMN sentences SET STORAGE EXTERNAL;

DO $$
BEGIN
    FOR n IN 0..15 LOOP
        EXECUTE format('CREATE TABLE embeddings_<space>_p%s PARTITION OF embeddings_<space> '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n);
        EXECUTE format('CREATE INDEX embeddings_<space>_p%s_ann ON embeddings_<space>_p%s '
            'USING hnsw (embedding <ext>.halfvec_cosine_ops)', n, n);
        EXECUTE format('ALTER TABLE embeddings_<space>_p%s ALTER COLUMN embedding SET STATISTICS 0, '
            'ALTER COLUMN sentences SET STATISTICS 0', n);
        EXECUTE format('ALTER TABLE embeddings_<space>_p%s ENABLE ROW LEVEL SECURITY', n);
        EXECUTE format('ALTER TABLE embeddings_<space>_p%s FORCE ROW LEVEL SECURITY', n);
    END LOOP;
END $$;

ALTER TABLE embeddings_<space> ENABLE ROW LEVEL SECURITY;
ALTER TABLE embeddings_<space> FORCE ROW LEVEL SECURITY;
CREATE POLICY embeddings_read ON embeddings_<space> FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND EXISTS (SELECT FROM documents d
        WHERE d.tenant_id = embeddings_<space>.tenant_id AND d.document_id = embeddings_<space>.document_id
          AND d.document_id >= embeddings_<space>.document_id));
CREATE POLICY embeddings_add ON embeddings_<space> FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND scope_writes_document(document_id));
CREATE POLICY embeddings_remove ON embeddings_<space> FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND scope_writes_document(document_id));
CREATE POLICY embeddings_search ON embeddings_<space> FOR SELECT TO <prefix>_search USING (true);
GRANT SELECT, INSERT, DELETE ON embeddings_<space> TO <prefix>_app;
GRANT SELECT ON embeddings_<space> TO <prefix>_search;
SELECT let_erase('embeddings_<space>');

-- Approximate neighbours by HNSW. Sorting is priced out so that the index order is used; the scan goes on
-- until k rows of this tenant that pass the filter are found.
CREATE FUNCTION nearest_<space>(reach record_of_reach, query <ext>.halfvec, filter jsonb, k integer)
RETURNS TABLE (chunk_id uuid, document_id uuid, score real)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp
SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 100 SET hnsw.max_scan_tuples = 200000
SET hnsw.scan_mem_multiplier = 4
SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
BEGIN
    IF (reach).everything THEN
        RETURN QUERY SELECT e.chunk_id, e.document_id, (1 - (e.embedding OPERATOR(<ext>.<=>) query))::real
          FROM <schema>.embeddings_<space> e WHERE e.tenant_id = (reach).tenant
         ORDER BY e.embedding OPERATOR(<ext>.<=>) query LIMIT k;
    ELSE
        RETURN QUERY SELECT e.chunk_id, e.document_id, (1 - (e.embedding OPERATOR(<ext>.<=>) query))::real
          FROM <schema>.embeddings_<space> e
         WHERE e.tenant_id = (reach).tenant AND EXISTS (
            SELECT FROM <schema>.documents d
             WHERE d.tenant_id = (reach).tenant AND d.document_id = e.document_id
               AND ((reach).operates OR d.acl_id = ANY ((reach).acls))
               AND (filter IS NULL OR <schema>.filter_takes(filter, d)))
         ORDER BY e.embedding OPERATOR(<ext>.<=>) query LIMIT k;
    END IF;
END $$;

CREATE FUNCTION exact_<space>(reach record_of_reach, query <ext>.halfvec, k integer)
RETURNS TABLE (chunk_id uuid, document_id uuid, score real)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp SET jit = off
AS $$
BEGIN
    IF (reach).everything THEN
        RETURN QUERY SELECT e.chunk_id, e.document_id, (1 - (e.embedding OPERATOR(<ext>.<=>) query))::real
          FROM <schema>.embeddings_<space> e WHERE e.tenant_id = (reach).tenant
         ORDER BY (e.embedding OPERATOR(<ext>.<=>) query) + 0 LIMIT k;
    ELSE
        RETURN QUERY SELECT e.chunk_id, e.document_id, (1 - (e.embedding OPERATOR(<ext>.<=>) query))::real
          FROM <schema>.embeddings_<space> e
         WHERE e.tenant_id = (reach).tenant AND e.document_id = ANY ((reach).documents)
         ORDER BY (e.embedding OPERATOR(<ext>.<=>) query) + 0 LIMIT k;
    END IF;
END $$;

-- Candidates of both sides with both scores. Whether every visible chunk is compared or the HNSW index is asked goes by
-- the cost, in µs: comparing takes 0.7 a chunk; the index 20 a step, and it takes k steps for each share of its partition
-- that the tenant holds. Who sees a part of a tenant compares up to `exact_below` chunks, which loses none.
CREATE FUNCTION search_<space>(query <ext>.halfvec, query_terms integer[], filter jsonb, k integer,
    exact_below integer DEFAULT 10000)
RETURNS TABLE (chunk_id uuid, document_id uuid, dense real, lexical real)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    reach <schema>.record_of_reach := <schema>.search_reach(filter, 10000);
    found_ids uuid[];
    term_vector <ext>.sparsevec;
    compare boolean;
BEGIN
    IF (reach).tenant IS NULL THEN RETURN; END IF;
    k := least(k, 500);
    IF (reach).everything THEN
        SELECT (reach).chunks * 0.7 <= 20 * greatest(100, k * c.reltuples / greatest((reach).chunks, 1)) INTO compare
          FROM pg_class c WHERE c.oid = (
            SELECT e.tableoid FROM <schema>.embeddings_<space> e WHERE e.tenant_id = (reach).tenant LIMIT 1);
        compare := coalesce(compare, true);
    ELSE
        compare := (reach).chunks <= exact_below AND (reach).documents IS NOT NULL;
    END IF;
    IF compare THEN
        SELECT array_agg(n.chunk_id) INTO found_ids FROM <schema>.exact_<space>(reach, query, k) n;
    ELSE
        SELECT array_agg(n.chunk_id) INTO found_ids FROM <schema>.nearest_<space>(reach, query, filter, k) n;
    END IF;
    SELECT found_ids || array_agg(l.chunk_id) INTO found_ids
      FROM <schema>.lexical_candidates(reach, query_terms, filter, k) l;
    SELECT q.vector INTO term_vector FROM <schema>.lexical_query((reach).tenant, query_terms, 0) q;
    RETURN QUERY SELECT e.chunk_id, e.document_id, (1 - (e.embedding OPERATOR(<ext>.<=>) query))::real,
           coalesce(-(l.weights OPERATOR(<ext>.<#>) term_vector), 0)::real
      FROM (SELECT DISTINCT unnest(found_ids) AS id) f
      JOIN <schema>.embeddings_<space> e ON e.tenant_id = (reach).tenant AND e.chunk_id = f.id
      JOIN <schema>.lexical l ON l.tenant_id = (reach).tenant AND l.chunk_id = f.id;
END $$;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_search;
ALTER FUNCTION nearest_<space>(record_of_reach, <ext>.halfvec, jsonb, integer) OWNER TO <prefix>_search;
ALTER FUNCTION exact_<space>(record_of_reach, <ext>.halfvec, integer) OWNER TO <prefix>_search;
ALTER FUNCTION search_<space>(<ext>.halfvec, integer[], jsonb, integer, integer) OWNER TO <prefix>_search;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_search;
SET LOCAL ROLE <prefix>_search;
REVOKE ALL ON FUNCTION nearest_<space>(record_of_reach, <ext>.halfvec, jsonb, integer),
    exact_<space>(record_of_reach, <ext>.halfvec, integer),
    search_<space>(<ext>.halfvec, integer[], jsonb, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_<space>(<ext>.halfvec, integer[], jsonb, integer, integer) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
INSERT INTO embedding_spaces (name, model, dimensions, fingerprint)
VALUES ('<space>', '<model>', <dimensions>, '<fingerprint>');
