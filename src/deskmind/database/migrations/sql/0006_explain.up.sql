-- ---------------------------------------------------------------- stories

-- One row for each request, command or run of a job that entered an operation of a tenant. Written in batches under the
-- login <prefix>_ledger, which crosses tenants: it may add rows and let old ones be dropped, and reads none.
-- told: groups at that time, steps, facts: names, numbers and identifiers. The columns from found to documents are of
-- the answer; found is null where there was none.
CREATE TABLE request_stories (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE, -- one that is written late finds its tenant gone
    began_at timestamptz NOT NULL,
    story_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('http', 'operation', 'job')),
    operation text NOT NULL,
    error text NOT NULL,
    seconds double precision NOT NULL CHECK (seconds >= 0),
    found boolean,
    confidence double precision,
    mode text,
    prompt text,
    prompt_version integer,
    experiment text,
    variant text,
    documents uuid[] NOT NULL DEFAULT '{}',
    groups uuid[] NOT NULL DEFAULT '{}',
    question text NOT NULL DEFAULT '', -- empty unless explain.keep_questions
    told jsonb NOT NULL,
    PRIMARY KEY (tenant_id, began_at, story_id)
) PARTITION BY RANGE (began_at);
CREATE INDEX request_stories_request ON request_stories (tenant_id, request_id);
CREATE INDEX request_stories_principal ON request_stories (tenant_id, principal_id, began_at);

-- The month's partition, made when its first row arrives.
CREATE FUNCTION ensure_story_partition(moment timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    first date := date_trunc('month', moment AT TIME ZONE 'UTC')::date;
    name text := 'request_stories_' || to_char(first, 'YYYYMM');
BEGIN
    IF moment NOT BETWEEN now() - interval '400 days' AND now() + interval '40 days' THEN
        RAISE check_violation USING MESSAGE = 'stories are kept of the last year';
    END IF;
    IF to_regclass('<schema>.' || name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('deskmind.stories'), hashtext(name));
    IF to_regclass('<schema>.' || name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE <schema>.%I PARTITION OF <schema>.request_stories FOR VALUES FROM (%L) TO (%L)', name,
        first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
    EXECUTE format('ALTER TABLE <schema>.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE <schema>.%I FORCE ROW LEVEL SECURITY', name);
END $$;
SELECT ensure_story_partition(now());

-- Months that are too old as a whole; a reader in the way for longer than two seconds leaves them for the next time.
CREATE FUNCTION drop_story_partitions(keep_days integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    part text;
    gone integer := 0;
BEGIN
    IF keep_days IS NULL OR keep_days < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'stories are kept for a day at least';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('deskmind.stories'), 0);
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = '<schema>.request_stories'::regclass AND c.relname ~ '^request_stories_[0-9]{6}$'
           AND (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month')::timestamp AT TIME ZONE 'UTC'
               <= now() - make_interval(days => keep_days)
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE <schema>.%I', part);
            gone := gone + 1;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
    RETURN gone;
END $$;

-- The rest of the month in which the limit falls.
CREATE FUNCTION delete_old_stories(keep_days integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF keep_days IS NULL OR keep_days < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'stories are kept for a day at least';
    END IF;
    DELETE FROM <schema>.request_stories s WHERE s.began_at < now() - make_interval(days => keep_days);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- ---------------------------------------------------------------- feedback

-- One rating of an answer by its asker; the columns from found to groups are of the answer, so that they outlive its story.
CREATE TABLE feedback (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    principal_id uuid NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    feedback_id uuid NOT NULL,
    rating text NOT NULL CHECK (rating IN ('up', 'down')),
    reason text NOT NULL CHECK (reason IN
        ('', 'wrong', 'outdated', 'incomplete', 'not_found_but_exists', 'unclear', 'other')),
    correction text NOT NULL CHECK (length(correction) <= 4000),
    given_at timestamptz NOT NULL DEFAULT now(),
    revisions integer NOT NULL DEFAULT 0,
    answered_at timestamptz NOT NULL,
    found boolean NOT NULL,
    mode text,
    prompt text,
    prompt_version integer,
    experiment text,
    variant text,
    documents uuid[] NOT NULL,
    groups uuid[] NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, request_id),
    CONSTRAINT feedback_id_key UNIQUE (tenant_id, feedback_id)
);
CREATE INDEX feedback_given ON feedback (tenant_id, given_at);

-- ---------------------------------------------------------------- row-level security

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['request_stories', 'feedback'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    END LOOP;
END $$;

CREATE POLICY stories_read ON request_stories FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
CREATE POLICY stories_add ON request_stories FOR INSERT TO <prefix>_ledger WITH CHECK (true);
CREATE POLICY stories_age ON request_stories FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY stories_expire ON request_stories FOR DELETE TO <prefix>_system USING (true);

CREATE POLICY feedback_read ON feedback FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
-- Only who was given an answer may rate it, whatever SQL is run.
CREATE POLICY feedback_give ON feedback FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal())
        AND EXISTS (SELECT FROM request_stories s
                     WHERE s.tenant_id = feedback.tenant_id AND s.principal_id = feedback.principal_id
                       AND s.request_id = feedback.request_id AND s.found IS NOT NULL));
CREATE POLICY feedback_change ON feedback FOR UPDATE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()))
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()));
CREATE POLICY feedback_forget ON feedback FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');

-- A rating that is replaced replaces the outcome it left in an experiment: one's own outcomes may be changed.
CREATE POLICY outcomes_change ON experiment_outcomes FOR UPDATE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()))
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()));

-- ---------------------------------------------------------------- privileges

GRANT SELECT ON request_stories TO <prefix>_app;
GRANT INSERT ON request_stories TO <prefix>_ledger;
GRANT SELECT (tenant_id, began_at), DELETE ON request_stories TO <prefix>_system;
GRANT SELECT, INSERT, DELETE ON feedback TO <prefix>_app;
GRANT UPDATE (rating, reason, correction, given_at, revisions) ON feedback TO <prefix>_app;
GRANT UPDATE (value, occurred_at) ON experiment_outcomes TO <prefix>_app;
GRANT EXECUTE ON FUNCTION ensure_story_partition(timestamptz), drop_story_partitions(integer) TO <prefix>_ledger;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION delete_old_stories(integer) OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION delete_old_stories(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_old_stories(integer) TO <prefix>_ledger;
SET LOCAL ROLE <prefix>_owner;
