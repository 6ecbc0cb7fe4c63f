-- Placeholders: <schema>, <prefix> (roles), <ext> (schema that holds pgvector).
-- Runs as <prefix>_owner with search_path = <schema>, <ext>.

ALTER DEFAULT PRIVILEGES FOR ROLE <prefix>_owner IN SCHEMA <schema> REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE <prefix>_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA <schema> TO <prefix>_app, <prefix>_jobs, <prefix>_search, <prefix>_system;

-- ---------------------------------------------------------------- installation (no tenant's data)

CREATE TABLE release (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    min_compatible_release text NOT NULL
);
INSERT INTO release (min_compatible_release) VALUES ('0.1.0');
GRANT SELECT ON release TO <prefix>_app, <prefix>_jobs;

CREATE TABLE scope_keys (
    version integer PRIMARY KEY,
    inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64),
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
GRANT SELECT ON scope_keys TO <prefix>_system;

CREATE TABLE embedding_spaces (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    model text NOT NULL,
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    fingerprint text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON embedding_spaces TO <prefix>_app, <prefix>_jobs;

-- ---------------------------------------------------------------- scope

-- The verified fields of the transaction's scope token, or NULL: see docs/design/scope.md.
-- 1 'v1', 2 key version, 3 tenant, 4 principal, 5 groups, 6 act, 7 backend pid, 8 expiry, 9 nonce, 10 mac
CREATE FUNCTION scope_claims() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    token text := current_setting('deskmind.scope', true);
    parts text[];
    keys record;
    expected text;
BEGIN
    IF token IS NULL OR token = '' OR length(token) > 262144 THEN RETURN NULL; END IF;
    parts := string_to_array(token, '.');
    IF array_length(parts, 1) IS DISTINCT FROM 10 OR parts[1] <> 'v1'
       OR parts[2] !~ '^[0-9]{1,9}$' OR parts[7] !~ '^[0-9]{1,9}$' OR parts[8] !~ '^[0-9]{1,12}$' THEN
        RETURN NULL;
    END IF;
    SELECT k.inner_pad, k.outer_pad INTO keys FROM <schema>.scope_keys k
     WHERE k.version = parts[2]::integer AND k.retired_at IS NULL;
    IF NOT FOUND THEN RETURN NULL; END IF;
    expected := encode(sha256(keys.outer_pad || sha256(keys.inner_pad
        || convert_to(left(token, length(token) - length(parts[10]) - 1), 'UTF8'))), 'hex');
    -- comparing digests of the two makes the time taken say nothing about the expected one
    IF sha256(convert_to(expected, 'UTF8')) <> sha256(convert_to(parts[10], 'UTF8')) THEN RETURN NULL; END IF;
    IF parts[7]::integer <> pg_backend_pid()
       OR parts[8]::bigint < extract(epoch FROM clock_timestamp()) THEN RETURN NULL; END IF;
    RETURN parts;
END $$;

CREATE FUNCTION scope_act() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT (<schema>.scope_claims())[6] $$;

CREATE FUNCTION scope_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE claims text[] := <schema>.scope_claims();
BEGIN
    RETURN CASE WHEN claims[6] IN ('desk', 'operate') THEN claims[3]::uuid END;
END $$;

CREATE FUNCTION scope_principal() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT ((<schema>.scope_claims())[4])::uuid $$;

CREATE FUNCTION scope_groups() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT string_to_array(nullif((<schema>.scope_claims())[5], ''), ',')::uuid[] $$;

-- ---------------------------------------------------------------- tenants and principals

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    slug text NOT NULL CONSTRAINT tenants_slug_key UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE principals (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    principal_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user', 'service', 'group')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    display_name text NOT NULL DEFAULT '',
    role text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'operator')),
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    PRIMARY KEY (tenant_id, principal_id),
    CONSTRAINT principals_name_key UNIQUE (tenant_id, kind, name)
);

CREATE TABLE memberships (
    tenant_id uuid NOT NULL,
    group_id uuid NOT NULL,
    member_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, group_id, member_id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES principals ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, member_id) REFERENCES principals ON DELETE CASCADE
);
CREATE INDEX memberships_member ON memberships (tenant_id, member_id);

CREATE TABLE api_keys (
    tenant_id uuid NOT NULL,
    key_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    name text NOT NULL,
    mac bytea NOT NULL,
    mac_version integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, key_id),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE
);
CREATE INDEX api_keys_principal ON api_keys (tenant_id, principal_id);

-- ---------------------------------------------------------------- access lists

-- An access list is a conjunction of any-of sets and one deny set. Its id is a digest of its content, so
-- that writers need not agree on anything and nobody can pre-empt an id with other members.
CREATE TABLE acls (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    acl_id uuid NOT NULL,
    clauses smallint NOT NULL CHECK (clauses >= 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, acl_id)
);

CREATE TABLE acl_members (
    tenant_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    acl_id uuid NOT NULL,
    clause smallint NOT NULL, -- 0 is the deny set, 1… the any-of sets
    PRIMARY KEY (tenant_id, principal_id, acl_id, clause),
    FOREIGN KEY (tenant_id, acl_id) REFERENCES acls ON DELETE CASCADE
);
CREATE INDEX acl_members_acl ON acl_members (tenant_id, acl_id);

CREATE FUNCTION intern_acl(any_of jsonb, deny jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    tenant uuid := <schema>.scope_tenant();
    sets text[];
    denied text;
    id uuid;
BEGIN
    IF tenant IS NULL THEN RAISE insufficient_privilege USING MESSAGE = 'no scope'; END IF;
    IF jsonb_array_length(any_of) NOT BETWEEN 1 AND 32 THEN
        RAISE check_violation USING MESSAGE = 'an access list has 1 to 32 any-of sets';
    END IF;
    SELECT array_agg(DISTINCT members ORDER BY members) INTO sets FROM (
        SELECT coalesce((SELECT string_agg(DISTINCT m::uuid::text, ',' ORDER BY m::uuid::text)
                           FROM jsonb_array_elements_text(s) m), '') AS members
          FROM jsonb_array_elements(any_of) s) canonical;
    SELECT coalesce(string_agg(DISTINCT m::uuid::text, ',' ORDER BY m::uuid::text), '') INTO denied
      FROM jsonb_array_elements_text(deny) m;
    id := encode(substr(sha256(convert_to(array_to_string(sets, '&') || '!' || denied, 'UTF8')), 1, 16), 'hex')::uuid;
    INSERT INTO <schema>.acls (tenant_id, acl_id, clauses) VALUES (tenant, id, array_length(sets, 1))
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO <schema>.acl_members (tenant_id, principal_id, acl_id, clause)
        SELECT tenant, m::uuid, id, n FROM unnest(sets) WITH ORDINALITY s(members, n),
               unnest(string_to_array(nullif(members, ''), ',')) m
        UNION ALL
        SELECT tenant, m::uuid, id, 0 FROM unnest(string_to_array(nullif(denied, ''), ',')) m;
    END IF;
    RETURN id;
END $$;

-- The access lists the scope satisfies. O(grants of the principal and its groups).
CREATE FUNCTION scope_acl_ids() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    claims text[] := <schema>.scope_claims();
    tenant uuid;
    mine uuid[];
    ids uuid[];
BEGIN
    IF claims IS NULL OR claims[6] <> 'desk' THEN RETURN '{}'; END IF;
    tenant := claims[3]::uuid;
    mine := coalesce(string_to_array(nullif(claims[5], ''), ',')::uuid[], '{}')
            || claims[4]::uuid || '00000000-0000-0000-0000-000000000000'::uuid;
    SELECT array_agg(g.acl_id) INTO ids FROM (
        SELECT m.acl_id, count(DISTINCT m.clause) AS satisfied
          FROM <schema>.acl_members m
         WHERE m.tenant_id = tenant AND m.principal_id = ANY (mine) AND m.clause > 0
         GROUP BY m.acl_id) g
      JOIN <schema>.acls a ON a.tenant_id = tenant AND a.acl_id = g.acl_id AND a.clauses = g.satisfied
     WHERE NOT EXISTS (
        SELECT FROM <schema>.acl_members d
         WHERE d.tenant_id = tenant AND d.principal_id = ANY (mine) AND d.acl_id = g.acl_id AND d.clause = 0);
    RETURN coalesce(ids, '{}');
END $$;

-- ---------------------------------------------------------------- knowledge

CREATE TABLE sources (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    source_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id),
    CONSTRAINT sources_name_key UNIQUE (tenant_id, owner_id, name)
);

CREATE TABLE documents (
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL,
    source_id uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    uri text NOT NULL,
    title text NOT NULL,
    media_type text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    content_hash bytea NOT NULL,
    pipeline text NOT NULL,
    body text NOT NULL,
    acl_id uuid NOT NULL,
    chunk_count integer NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, document_id),
    CONSTRAINT documents_external_key UNIQUE (tenant_id, source_id, external_id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES sources ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, acl_id) REFERENCES acls
);
CREATE INDEX documents_visible ON documents (tenant_id, acl_id) INCLUDE (document_id, chunk_count);
CREATE INDEX documents_metadata ON documents USING gin (metadata jsonb_path_ops);

CREATE TABLE chunks (
    tenant_id uuid NOT NULL,
    chunk_id uuid NOT NULL,
    document_id uuid NOT NULL,
    ordinal integer NOT NULL,
    headings text[] NOT NULL,
    body text NOT NULL,
    start_offset integer NOT NULL,
    end_offset integer NOT NULL,
    PRIMARY KEY (tenant_id, chunk_id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents ON DELETE CASCADE
) PARTITION BY HASH (tenant_id);
CREATE INDEX chunks_document ON chunks (tenant_id, document_id, ordinal);

-- The lexical side of a chunk: hashed stems, and their BM25 weights as a sparse vector, so that a score is
-- one inner product with the query's inverse document frequencies.
CREATE TABLE lexical (
    tenant_id uuid NOT NULL,
    chunk_id uuid NOT NULL,
    document_id uuid NOT NULL,
    terms integer[] NOT NULL,
    weights <ext>.sparsevec NOT NULL,
    PRIMARY KEY (tenant_id, chunk_id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents ON DELETE CASCADE
) PARTITION BY HASH (tenant_id);
CREATE INDEX lexical_document ON lexical (tenant_id, document_id);
CREATE INDEX lexical_terms ON lexical USING gin (tenant_id, terms);

CREATE TABLE lexical_statistics (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    term integer NOT NULL, -- 0 counts the chunks
    chunk_count integer NOT NULL,
    PRIMARY KEY (tenant_id, term)
) WITH (fillfactor = 80);

DO $$
BEGIN
    FOR n IN 0..15 LOOP
        EXECUTE format('CREATE TABLE chunks_p%s PARTITION OF chunks FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n);
        EXECUTE format('CREATE TABLE lexical_p%s PARTITION OF lexical FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n);
    END LOOP;
END $$;

CREATE FUNCTION lock_knowledge() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE tenant uuid := <schema>.scope_tenant();
BEGIN
    IF tenant IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('<schema>.knowledge.' || tenant::text, 0));
    END IF;
END $$;

CREATE FUNCTION count_lexical_inserts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    INSERT INTO <schema>.lexical_statistics AS s (tenant_id, term, chunk_count)
    SELECT r.tenant_id, t.term, count(*) FROM changed r, unnest(r.terms || 0) t(term)
     GROUP BY r.tenant_id, t.term ORDER BY r.tenant_id, t.term
    ON CONFLICT (tenant_id, term) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    RETURN NULL;
END $$;

CREATE FUNCTION count_lexical_deletes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    WITH gone AS (
        SELECT r.tenant_id, t.term, count(*)::integer AS n FROM changed r, unnest(r.terms || 0) t(term)
         GROUP BY r.tenant_id, t.term ORDER BY r.tenant_id, t.term)
    UPDATE <schema>.lexical_statistics s SET chunk_count = s.chunk_count - gone.n
      FROM gone WHERE s.tenant_id = gone.tenant_id AND s.term = gone.term;
    RETURN NULL;
END $$;

CREATE TRIGGER lexical_counted_in AFTER INSERT ON lexical
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_lexical_inserts();
CREATE TRIGGER lexical_counted_out AFTER DELETE ON lexical
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_lexical_deletes();

-- ---------------------------------------------------------------- search

-- What the scope may see under a filter: everything, or up to `bound` documents by id, or (documents IS NULL)
-- more than that. Cost is O(bound) however large the tenant.
CREATE TYPE record_of_reach AS (
    tenant uuid, operates boolean, everything boolean, acls uuid[], documents uuid[], chunks bigint
);

CREATE FUNCTION filter_takes(filter jsonb, d documents) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$ SELECT filter IS NULL OR (
        (filter->'metadata' IS NULL OR d.metadata @> (filter->'metadata'))
    AND (filter->>'media_type' IS NULL OR d.media_type = filter->>'media_type')
    AND (filter->>'uri_prefix' IS NULL OR starts_with(d.uri, filter->>'uri_prefix'))
    AND (filter->>'updated_after' IS NULL OR d.updated_at >= (filter->>'updated_after')::timestamptz)
    AND (filter->>'updated_before' IS NULL OR d.updated_at < (filter->>'updated_before')::timestamptz)
    AND (filter->'document_ids' IS NULL OR filter->'document_ids' ? d.document_id::text)
    AND (filter->'source_ids' IS NULL OR filter->'source_ids' ? d.source_id::text)) $$;

CREATE FUNCTION search_reach(filter jsonb, bound integer) RETURNS record_of_reach
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    reach <schema>.record_of_reach;
BEGIN
    reach.tenant := <schema>.scope_tenant();
    reach.operates := <schema>.scope_act() = 'operate';
    reach.acls := <schema>.scope_acl_ids();
    reach.chunks := 0;
    IF reach.tenant IS NULL THEN RETURN reach; END IF;
    reach.everything := filter IS NULL AND (reach.operates OR (
        SELECT count(*) FROM <schema>.acls a WHERE a.tenant_id = reach.tenant) = cardinality(reach.acls));
    IF reach.everything THEN
        SELECT coalesce(max(s.chunk_count), 0) INTO reach.chunks FROM <schema>.lexical_statistics s
         WHERE s.tenant_id = reach.tenant AND s.term = 0;
        RETURN reach;
    END IF;
    IF reach.operates THEN
        SELECT coalesce(array_agg(v.document_id), '{}'), coalesce(sum(v.chunk_count), 0)
          INTO reach.documents, reach.chunks FROM (
            SELECT d.document_id, d.chunk_count FROM <schema>.documents d
             WHERE d.tenant_id = reach.tenant AND <schema>.filter_takes(filter, d)
             LIMIT bound + 1) v;
    ELSE
        SELECT coalesce(array_agg(v.document_id), '{}'), coalesce(sum(v.chunk_count), 0)
          INTO reach.documents, reach.chunks FROM (
            SELECT d.document_id, d.chunk_count FROM <schema>.documents d
             WHERE d.tenant_id = reach.tenant AND d.acl_id = ANY (reach.acls)
               AND (filter IS NULL OR <schema>.filter_takes(filter, d))
             LIMIT bound + 1) v;
    END IF;
    IF reach.chunks > bound THEN reach.documents := NULL; END IF;
    RETURN reach;
END $$;

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

CREATE FUNCTION search_lexical(query_terms integer[], filter jsonb, k integer)
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

-- ---------------------------------------------------------------- ingest

CREATE TABLE ingests (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    ingest_id uuid NOT NULL,
    source_id uuid NOT NULL,
    acl_id uuid NOT NULL,
    created_by uuid NOT NULL,
    correlation_id text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'staging' CHECK (state IN ('staging', 'ready', 'done')),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, ingest_id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES sources ON DELETE CASCADE
);

CREATE TABLE ingest_files (
    tenant_id uuid NOT NULL,
    ingest_id uuid NOT NULL,
    ordinal integer NOT NULL,
    external_id text NOT NULL,
    uri text NOT NULL,
    name text NOT NULL,
    media_type text,
    metadata jsonb NOT NULL DEFAULT '{}',
    content bytea,
    content_hash bytea NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'stored', 'unchanged', 'failed')),
    documents integer NOT NULL DEFAULT 0,
    chunks integer NOT NULL DEFAULT 0,
    problem jsonb,
    PRIMARY KEY (tenant_id, ingest_id, ordinal),
    FOREIGN KEY (tenant_id, ingest_id) REFERENCES ingests ON DELETE CASCADE
);
CREATE INDEX ingest_files_pending ON ingest_files (tenant_id, ingest_id, ordinal) WHERE state = 'pending';

-- ---------------------------------------------------------------- audit

CREATE TABLE audit_events (
    tenant_id uuid NOT NULL, -- nil for acts on the installation
    event_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal_id uuid NOT NULL,
    principal text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL DEFAULT '',
    outcome text NOT NULL CHECK (outcome IN ('allowed', 'denied', 'done', 'failed')),
    correlation_id text NOT NULL DEFAULT '',
    details jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX audit_events_time ON audit_events (tenant_id, occurred_at);

-- ---------------------------------------------------------------- row-level security

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tenants', 'principals', 'memberships', 'api_keys', 'acls', 'acl_members', 'sources',
        'documents', 'chunks', 'lexical', 'lexical_statistics', 'ingests', 'ingest_files', 'audit_events'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    END LOOP;
    FOR n IN 0..15 LOOP
        FOREACH t IN ARRAY ARRAY['chunks_p', 'lexical_p'] LOOP
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t || n);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t || n);
        END LOOP;
    END LOOP;
END $$;

CREATE POLICY tenants_read ON tenants FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) OR (SELECT scope_act()) = 'directory');
CREATE POLICY tenants_add ON tenants FOR INSERT TO <prefix>_app
    WITH CHECK ((SELECT scope_act()) = 'directory');

CREATE POLICY principals_read ON principals FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND ((SELECT scope_act()) = 'operate'
        OR principal_id = (SELECT scope_principal()) OR principal_id = ANY ((SELECT scope_groups())::uuid[])));
CREATE POLICY principals_write ON principals FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');

CREATE POLICY memberships_read ON memberships FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND ((SELECT scope_act()) = 'operate'
        OR member_id = (SELECT scope_principal())));
CREATE POLICY memberships_write ON memberships FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');

CREATE POLICY api_keys_operate ON api_keys FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');

CREATE POLICY acls_read ON acls FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY acl_members_read ON acl_members FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY acls_system ON acls FOR ALL TO <prefix>_system USING (true) WITH CHECK (true);
CREATE POLICY acl_members_system ON acl_members FOR ALL TO <prefix>_system USING (true) WITH CHECK (true);

CREATE POLICY sources_own ON sources FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR owner_id = (SELECT scope_principal())))
    WITH CHECK (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR owner_id = (SELECT scope_principal())));

CREATE POLICY documents_read ON documents FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR acl_id = ANY ((SELECT scope_acl_ids())::uuid[])));
CREATE POLICY documents_add ON documents FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR (created_by = (SELECT scope_principal())
            AND acl_id = ANY ((SELECT scope_acl_ids())::uuid[])
            AND EXISTS (SELECT FROM sources s WHERE s.tenant_id = documents.tenant_id
                AND s.source_id = documents.source_id AND s.owner_id = (SELECT scope_principal())))));
CREATE POLICY documents_change ON documents FOR UPDATE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR created_by = (SELECT scope_principal())))
    WITH CHECK (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR (created_by = (SELECT scope_principal())
            AND acl_id = ANY ((SELECT scope_acl_ids())::uuid[]))));
CREATE POLICY documents_remove ON documents FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR created_by = (SELECT scope_principal())));

-- (The second comparison in the policies below says nothing new: it keeps the planner from gathering every visible
-- document into a hash before it looks at the first chunk.)

-- Whose chunks may be written: the caller's own documents. A chunk is visible when its document is.
CREATE FUNCTION scope_writes_document(document uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT EXISTS (SELECT FROM <schema>.documents d
       WHERE d.tenant_id = (SELECT <schema>.scope_tenant()) AND d.document_id = document
         AND ((SELECT <schema>.scope_act()) = 'operate' OR d.created_by = (SELECT <schema>.scope_principal()))) $$;

CREATE POLICY chunks_read ON chunks FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND EXISTS (
        SELECT FROM documents d WHERE d.tenant_id = chunks.tenant_id
           AND d.document_id = chunks.document_id AND d.document_id >= chunks.document_id));
CREATE POLICY chunks_add ON chunks FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND scope_writes_document(document_id));
CREATE POLICY chunks_remove ON chunks FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND scope_writes_document(document_id));

CREATE POLICY lexical_read ON lexical FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND EXISTS (
        SELECT FROM documents d WHERE d.tenant_id = lexical.tenant_id
           AND d.document_id = lexical.document_id AND d.document_id >= lexical.document_id));
CREATE POLICY lexical_add ON lexical FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND scope_writes_document(document_id));
CREATE POLICY lexical_remove ON lexical FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND scope_writes_document(document_id));

CREATE POLICY acls_search ON acls FOR SELECT TO <prefix>_search USING (true);
CREATE POLICY documents_search ON documents FOR SELECT TO <prefix>_search USING (true);
CREATE POLICY lexical_search ON lexical FOR SELECT TO <prefix>_search USING (true);
CREATE POLICY statistics_search ON lexical_statistics FOR ALL TO <prefix>_search USING (true) WITH CHECK (true);

CREATE POLICY ingests_own ON ingests FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR created_by = (SELECT scope_principal())))
    WITH CHECK (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR created_by = (SELECT scope_principal())));
CREATE POLICY ingest_files_own ON ingest_files FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND EXISTS (SELECT FROM ingests i
        WHERE i.tenant_id = ingest_files.tenant_id AND i.ingest_id = ingest_files.ingest_id))
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND EXISTS (SELECT FROM ingests i
        WHERE i.tenant_id = ingest_files.tenant_id AND i.ingest_id = ingest_files.ingest_id));

CREATE POLICY audit_add ON audit_events FOR INSERT TO <prefix>_app
    WITH CHECK (principal_id = (SELECT scope_principal()) AND (tenant_id = (SELECT scope_tenant())
        OR ((SELECT scope_act()) = 'directory' AND tenant_id = '00000000-0000-0000-0000-000000000000')));
CREATE POLICY audit_read ON audit_events FOR SELECT TO <prefix>_app
    USING ((SELECT scope_act()) = 'operate' AND tenant_id = (SELECT scope_tenant()));
CREATE POLICY audit_read_all ON audit_events FOR SELECT TO <prefix>_auditor USING (true);

-- ---------------------------------------------------------------- privileges

GRANT SELECT, INSERT ON tenants TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON principals, memberships, sources, documents, ingests, ingest_files TO <prefix>_app;
GRANT SELECT, INSERT ON api_keys TO <prefix>_app;
GRANT UPDATE (revoked_at, last_used_at) ON api_keys TO <prefix>_app;
GRANT SELECT ON acls, acl_members TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON chunks, lexical TO <prefix>_app;
GRANT SELECT, INSERT ON audit_events TO <prefix>_app;
GRANT SELECT ON audit_events TO <prefix>_auditor;
GRANT USAGE ON SCHEMA <schema> TO <prefix>_auditor;
GRANT SELECT, INSERT ON acls, acl_members TO <prefix>_system;
GRANT SELECT ON acls, documents, lexical TO <prefix>_search;
GRANT SELECT, INSERT, UPDATE ON lexical_statistics TO <prefix>_search;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system, <prefix>_search;
ALTER FUNCTION scope_claims() OWNER TO <prefix>_system;
ALTER FUNCTION scope_act() OWNER TO <prefix>_system;
ALTER FUNCTION scope_tenant() OWNER TO <prefix>_system;
ALTER FUNCTION scope_principal() OWNER TO <prefix>_system;
ALTER FUNCTION scope_groups() OWNER TO <prefix>_system;
ALTER FUNCTION scope_acl_ids() OWNER TO <prefix>_system;
ALTER FUNCTION intern_acl(jsonb, jsonb) OWNER TO <prefix>_system;
ALTER FUNCTION lock_knowledge() OWNER TO <prefix>_system;
ALTER FUNCTION search_reach(jsonb, integer) OWNER TO <prefix>_search;
ALTER FUNCTION filter_takes(jsonb, documents) OWNER TO <prefix>_search;
ALTER FUNCTION lexical_query(uuid, integer[], integer) OWNER TO <prefix>_search;
ALTER FUNCTION lexical_candidates(record_of_reach, integer[], jsonb, integer) OWNER TO <prefix>_search;
ALTER FUNCTION search_lexical(integer[], jsonb, integer) OWNER TO <prefix>_search;
ALTER FUNCTION count_lexical_inserts() OWNER TO <prefix>_search;
ALTER FUNCTION count_lexical_deletes() OWNER TO <prefix>_search;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system, <prefix>_search;

SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION scope_claims(), scope_act(), scope_tenant(), scope_principal(), scope_groups(),
    scope_acl_ids(), intern_acl(jsonb, jsonb), lock_knowledge() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scope_act(), scope_tenant(), scope_principal(), scope_groups(), scope_acl_ids(),
    intern_acl(jsonb, jsonb), lock_knowledge() TO <prefix>_app, <prefix>_search, <prefix>_owner;
SET LOCAL ROLE <prefix>_search;
REVOKE ALL ON FUNCTION count_lexical_inserts(), count_lexical_deletes(), search_reach(jsonb, integer),
    filter_takes(jsonb, documents), lexical_query(uuid, integer[], integer),
    lexical_candidates(record_of_reach, integer[], jsonb, integer), search_lexical(integer[], jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_lexical(integer[], jsonb, integer) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
GRANT EXECUTE ON FUNCTION scope_writes_document(uuid) TO <prefix>_app;
