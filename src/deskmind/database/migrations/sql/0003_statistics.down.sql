DROP FUNCTION refresh_statistics();
DO $$
DECLARE part record;
BEGIN
    FOR part IN SELECT i.inhrelid::regclass AS name, i.inhparent::regclass AS parent FROM pg_inherits i
                 WHERE i.inhparent IN ('<schema>.chunks'::regclass, '<schema>.lexical'::regclass) LOOP
        IF part.parent = '<schema>.chunks'::regclass THEN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN body SET STATISTICS -1', part.name);
        ELSE
            EXECUTE format('ALTER TABLE %s ALTER COLUMN weights SET STATISTICS -1', part.name);
        END IF;
    END LOOP;
END $$;
