-- ---------------------------------------------------------------- memory of agents

-- What is remembered for a user, a group or the whole tenant. The application may not change a text: a newer one supersedes
-- it, and both stay, so that it can be seen what was believed when. `trust` is the label of where the text came from; it
-- is never raised.
CREATE TABLE memories (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    memory_id uuid NOT NULL,
    audience text NOT NULL CHECK (audience IN ('user', 'group', 'tenant')),
    owner_id uuid, -- the user or the group
    made_by uuid NOT NULL, -- who told it, or whose run it was
    kind text NOT NULL CHECK (kind IN ('episodic', 'semantic', 'procedural')),
    subject text COLLATE "C" NOT NULL DEFAULT '', -- what it is about; of two about the same the newer counts
    body text NOT NULL CHECK (length(body) BETWEEN 1 AND 4000),
    trust text NOT NULL CHECK (trust IN ('trusted', 'untrusted')),
    origin text NOT NULL CHECK (origin IN ('person', 'prompt', 'output', 'untrusted', 'tool')),
    source text NOT NULL DEFAULT '', -- name of the agent or the tool
    run_id uuid, -- no reference: a memory outlives the run
    step integer,
    importance real NOT NULL CHECK (importance BETWEEN 0 AND 1),
    pinned boolean NOT NULL DEFAULT false,
    uses integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(), -- made or recalled
    superseded_by uuid,
    superseded_at timestamptz,
    space text NOT NULL DEFAULT '', -- embedding space of the vector
    vector <ext>.halfvec,
    terms <ext>.sparsevec, -- words, weighted, of length 1
    PRIMARY KEY (tenant_id, memory_id),
    FOREIGN KEY (tenant_id, owner_id) REFERENCES principals ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, superseded_by) REFERENCES memories ON DELETE SET NULL (superseded_by),
    CHECK ((audience = 'tenant') = (owner_id IS NULL))
);
CREATE INDEX memories_owner ON memories (tenant_id, owner_id);
CREATE INDEX memories_live ON memories (tenant_id, owner_id) WHERE superseded_at IS NULL;
CREATE INDEX memories_unread ON memories (tenant_id, owner_id) WHERE terms IS NULL;
CREATE INDEX memories_superseded ON memories (tenant_id, superseded_by);
ALTER TABLE memories ENABLE ROW LEVEL SECURITY;
ALTER TABLE memories FORCE ROW LEVEL SECURITY;

-- A user's memories are the user's: operators are no exception. What others can write is never trusted.
CREATE POLICY memories_read ON memories FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (
        (audience = 'user' AND owner_id = (SELECT scope_principal()))
        OR (audience = 'group' AND ((SELECT scope_act()) = 'operate' OR owner_id = ANY ((SELECT scope_groups())::uuid[])))
        OR audience = 'tenant'));
CREATE POLICY memories_add ON memories FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND made_by = (SELECT scope_principal()) AND (
        (audience = 'user' AND owner_id = (SELECT scope_principal()))
        OR (audience = 'group' AND owner_id = ANY ((SELECT scope_groups())::uuid[]) AND trust = 'untrusted')
        OR (audience <> 'user' AND (SELECT scope_act()) = 'operate')));
CREATE POLICY memories_change ON memories FOR UPDATE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (
        (audience = 'user' AND owner_id = (SELECT scope_principal()))
        OR (audience = 'group' AND made_by = (SELECT scope_principal()) AND owner_id = ANY ((SELECT scope_groups())::uuid[]))
        OR (audience <> 'user' AND (SELECT scope_act()) = 'operate')));
CREATE POLICY memories_remove ON memories FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (
        (audience = 'user' AND owner_id = (SELECT scope_principal()))
        OR (audience = 'group' AND made_by = (SELECT scope_principal()) AND owner_id = ANY ((SELECT scope_groups())::uuid[]))
        OR (audience <> 'user' AND (SELECT scope_act()) = 'operate')));
GRANT SELECT, INSERT, DELETE ON memories TO <prefix>_app;
GRANT UPDATE (pinned, uses, used_at, superseded_by, superseded_at, space, vector, terms) ON memories TO <prefix>_app;
SELECT let_erase('memories');

-- A text that is masked takes its vector and its words with it; they are made anew from the masked text.
CREATE FUNCTION memory_masked() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    NEW.vector := NULL;
    NEW.terms := NULL;
    NEW.space := '';
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION memory_masked() FROM PUBLIC;
CREATE TRIGGER memory_masked BEFORE UPDATE OF body ON memories FOR EACH ROW EXECUTE FUNCTION memory_masked();

-- A hold keeps a person, too, from removing memories.
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
CREATE FUNCTION memory_keep_held() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    PERFORM <schema>.privacy_refuse_if_held(OLD.tenant_id, OLD.owner_id);
    RETURN OLD;
END $$;
REVOKE ALL ON FUNCTION memory_keep_held() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memory_keep_held() TO <prefix>_owner;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
CREATE TRIGGER memory_keep_held BEFORE DELETE ON memories FOR EACH ROW EXECUTE FUNCTION memory_keep_held();

CREATE POLICY privacy ON memories FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, owner_id, subject, body, source, pinned, used_at), UPDATE (subject, body, source, vector, terms, space),
    DELETE ON memories TO <prefix>_privacy;

-- What counts most for a question: relevance × recency × importance, each 0 to 1. Every memory of one's own, of one's groups
-- and of the tenant is compared, 2 µs each; how many an owner has is bounded. Recency halves by the kind's half-life
-- since a memory was made or recalled; what is pinned does not fade. Row-level security decides what is seen.
CREATE FUNCTION recall_memories(query <ext>.halfvec, query_space text, query_terms <ext>.sparsevec, kinds text[],
    least_relevance double precision, k integer)
RETURNS TABLE (memory_id uuid, relevance real, recency real, score real)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp SET jit = off
AS $$
DECLARE
    tenant uuid := <schema>.scope_tenant();
    owners uuid[] := coalesce(<schema>.scope_groups(), '{}') || <schema>.scope_principal();
BEGIN
    RETURN QUERY
    WITH live AS (
        SELECT m.* FROM <schema>.memories m
         WHERE m.tenant_id = tenant AND m.owner_id = ANY (owners) AND m.superseded_at IS NULL AND m.kind = ANY (kinds)
        UNION ALL
        SELECT m.* FROM <schema>.memories m
         WHERE m.tenant_id = tenant AND m.owner_id IS NULL AND m.superseded_at IS NULL AND m.kind = ANY (kinds)),
    compared AS (
        SELECT l.memory_id, CASE WHEN l.pinned THEN 1 ELSE l.importance END AS importance,
               CASE WHEN l.pinned THEN 1 ELSE power(0.5, greatest(extract(epoch FROM now() - l.used_at), 0)::double precision
                    / 86400 / CASE l.kind WHEN 'episodic' THEN 30 WHEN 'procedural' THEN 180 ELSE 365 END) END AS recency,
               coalesce(-(l.terms OPERATOR(<ext>.<#>) query_terms), 0) AS alike,
               CASE WHEN l.space = query_space
                    THEN coalesce(nullif(1 - (l.vector OPERATOR(<ext>.<=>) query), 'NaN'), 0) END AS close
          FROM live l),
    scored AS (
        SELECT c.memory_id, c.importance, c.recency,
               least(greatest(coalesce(0.7 * c.close + 0.3 * c.alike, c.alike), 0), 1) AS relevance FROM compared c)
    SELECT s.memory_id, s.relevance::real, s.recency::real, (s.relevance * s.recency * s.importance)::real
      FROM scored s WHERE s.relevance >= least_relevance
     ORDER BY s.relevance * s.recency * s.importance DESC, s.memory_id LIMIT k;
END $$;
REVOKE ALL ON FUNCTION recall_memories(<ext>.halfvec, text, <ext>.sparsevec, text[], double precision, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION recall_memories(<ext>.halfvec, text, <ext>.sparsevec, text[], double precision, integer) TO <prefix>_app;
