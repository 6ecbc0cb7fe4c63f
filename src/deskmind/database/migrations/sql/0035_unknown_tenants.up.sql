-- A tenant that the planner does not know has no rows as far as it can tell, and is answered by reading all that it has for each name
-- that is asked for. So its tables are counted again after a hundredth of them has changed, those of known tenants after a tenth.
CREATE OR REPLACE FUNCTION refresh_statistics() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    asking uuid := <schema>.scope_tenant();
    changed record;
    refreshed integer := 0;
BEGIN
    IF asking IS NULL THEN RETURN 0; END IF;
    FOR changed IN
        SELECT s.relid::regclass AS name FROM pg_stat_all_tables s
          JOIN pg_class c ON c.oid = s.relid
         WHERE s.schemaname = '<schema>' AND c.relkind = 'r' AND c.relowner = '<prefix>_owner'::regrole
           AND s.n_mod_since_analyze > 500 + 0.01 * greatest(c.reltuples, 0)
           AND (s.n_mod_since_analyze > 1000 + 0.1 * greatest(c.reltuples, 0)
                OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = s.relid AND a.attname = 'tenant_id')
               AND NOT EXISTS (SELECT FROM pg_stats p WHERE p.schemaname = '<schema>' AND p.tablename = c.relname
                                  AND p.attname = 'tenant_id' AND asking::text = ANY (p.most_common_vals::text::text[])))
         ORDER BY s.relid
    LOOP
        -- one at a time in the installation; another session that is at it does the work
        IF pg_try_advisory_xact_lock(hashtext('deskmind.statistics'), hashtext(changed.name::text)) THEN
            EXECUTE format('ANALYZE %s', changed.name);
            refreshed := refreshed + 1;
        END IF;
    END LOOP;
    RETURN refreshed;
END $$;
