-- A vendor shows with a record what it refers to by its name, and does not count it as a change of the record when that is
-- renamed or deleted. So such records are looked for in the copy and read again. `step` says of a row that its record was renamed or
-- is gone ('referred'), or that its record calls one of those by name and is to be read again ('referring').
CREATE TABLE sync_follow_ups (
    tenant_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    step text NOT NULL CHECK (step IN ('referred', 'referring')),
    kind text NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, connection_id, step, kind, external_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);
ALTER TABLE sync_follow_ups ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_follow_ups FORCE ROW LEVEL SECURITY;
CREATE POLICY sync_follow_ups_operate ON sync_follow_ups FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT, INSERT, UPDATE, DELETE ON sync_follow_ups TO <prefix>_app;
SELECT let_erase('sync_follow_ups');

-- What a record calls by name, each as a hash of connection, kind and id. Two that have the same cost a record read in vain.
CREATE FUNCTION sync_reference(connection_id uuid, kind text, external_id text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(connection_id::text || ' ' || kind || ' ' || external_id, 0);
CREATE FUNCTION sync_references(connection_id uuid, kind text, record jsonb) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(DISTINCT sync_reference(connection_id, named.kind, named.it->>'id')), '{}')
      FROM (VALUES ('person', record->'requester'), ('person', record->'opened_by'), ('person', record->'assignee'),
                   ('group', record->'assignment_group'), ('organisation', record->'organisation'), ('service', record->'service'),
                   (kind, record->'parent'), ('person', record->'author'), ('person', record->'manager'), ('person', record->'owner'),
                   ('person', record->'used_by'), ('person', record->'managed_by'), ('group', record->'managed_by')
            UNION ALL SELECT 'configuration-item', c FROM jsonb_path_query(record, 'lax $.configuration_items[*]') c
            UNION ALL SELECT 'ticket', l FROM jsonb_path_query(record, 'lax $.links[*].target') l
            UNION ALL SELECT 'person', a FROM jsonb_path_query(record, 'lax $.comments[*].author') a
            UNION ALL SELECT 'person', a FROM jsonb_path_query(record, 'lax $.attachments[*].author') a) named(kind, it)
     WHERE named.it->>'name' <> '');
END $$;
CREATE INDEX synced_records_references ON synced_records USING gin (tenant_id, sync_references(connection_id, kind, record));

-- Which records of the scope's tenant call one of these by name. Row-level security keeps the application from using the index; this
-- can use nothing else, whatever the planner knows of the tenant.
CREATE POLICY synced_records_refer ON synced_records FOR SELECT TO <prefix>_search USING (true);
GRANT SELECT (tenant_id, connection_id, kind, external_id, record) ON synced_records TO <prefix>_search;
CREATE FUNCTION sync_referring(connection uuid, kinds text[], ids text[]) RETURNS TABLE (kind text, external_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp SET enable_seqscan = off
AS $$ SELECT r.kind, r.external_id FROM <schema>.synced_records r
       WHERE <schema>.sync_references(r.connection_id, r.kind, r.record) && (
                 SELECT array_agg(<schema>.sync_reference(connection, n.kind, n.id)) FROM unnest(kinds, ids) n(kind, id))
         AND r.connection_id::text = connection::text AND r.tenant_id::text = (SELECT <schema>.scope_tenant())::text
         AND (SELECT <schema>.scope_act()) = 'operate' $$;
GRANT EXECUTE ON FUNCTION sync_reference(uuid, text, text), sync_references(uuid, text, jsonb) TO <prefix>_search, <prefix>_app;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_search;
ALTER FUNCTION sync_referring(uuid, text[], text[]) OWNER TO <prefix>_search;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_search;
SET LOCAL ROLE <prefix>_search;
REVOKE ALL ON FUNCTION sync_referring(uuid, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync_referring(uuid, text[], text[]) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
