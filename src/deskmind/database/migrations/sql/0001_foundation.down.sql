DO $$
DECLARE space text;
BEGIN
    FOR space IN SELECT name FROM embedding_spaces LOOP
        EXECUTE format('DROP FUNCTION search_%s(<ext>.halfvec, integer[], jsonb, integer, integer)', space);
        EXECUTE format('DROP FUNCTION nearest_%s(record_of_reach, <ext>.halfvec, jsonb, integer)', space);
        EXECUTE format('DROP FUNCTION exact_%s(record_of_reach, <ext>.halfvec, integer)', space);
        EXECUTE format('DROP TABLE embeddings_%s', space);
    END LOOP;
END $$;
DROP TABLE audit_events, ingest_files, ingests, lexical_statistics, lexical, chunks, documents, sources,
    acl_members, acls, api_keys, memberships, principals, tenants, embedding_spaces, scope_keys, release CASCADE;
DROP FUNCTION IF EXISTS search_lexical(integer[], jsonb, integer),
    lexical_candidates(record_of_reach, integer[], jsonb, integer), lexical_query(uuid, integer[], integer),
    search_reach(jsonb, integer), count_lexical_inserts(), count_lexical_deletes(), lock_knowledge(),
    scope_writes_document(uuid), scope_acl_ids(), intern_acl(jsonb, jsonb), scope_groups(),
    scope_principal(), scope_tenant(), scope_act(), scope_claims();
DROP TYPE record_of_reach;
ALTER DEFAULT PRIVILEGES FOR ROLE <prefix>_owner IN SCHEMA <schema> GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
