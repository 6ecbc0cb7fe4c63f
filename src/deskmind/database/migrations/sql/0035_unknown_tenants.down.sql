CREATE OR REPLACE FUNCTION refresh_statistics() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    changed record;
    refreshed integer := 0;
BEGIN
    IF <schema>.scope_tenant() IS NULL THEN RETURN 0; END IF;
    FOR changed IN
        SELECT s.relid::regclass AS name FROM pg_stat_all_tables s
          JOIN pg_class c ON c.oid = s.relid
         WHERE s.schemaname = '<schema>' AND c.relkind = 'r' AND c.relowner = '<prefix>_owner'::regrole
           AND s.n_mod_since_analyze > 1000 + 0.1 * greatest(c.reltuples, 0)
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
