-- One row for each model call, never changed. Written in batches under the login <prefix>_ledger, which crosses tenants:
-- it may add rows and lease from budgets, and reads neither usage nor anything else.

CREATE TABLE usage_entries (
    tenant_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    call_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    api_key text NOT NULL DEFAULT '',
    feature text NOT NULL,
    operation text NOT NULL,
    model text NOT NULL,
    deployment text NOT NULL,
    input_tokens bigint NOT NULL CHECK (input_tokens >= 0),
    cached_tokens bigint NOT NULL CHECK (cached_tokens >= 0),
    output_tokens bigint NOT NULL CHECK (output_tokens >= 0),
    reasoning_tokens bigint NOT NULL CHECK (reasoning_tokens >= 0),
    cost numeric(24, 12), -- US dollars; null when the price is not known
    seconds double precision NOT NULL,
    first_token_seconds double precision,
    outcome text NOT NULL CHECK (outcome IN ('settled', 'estimated', 'unsettled', 'free')),
    attempts integer NOT NULL,
    error text NOT NULL DEFAULT '',
    streamed boolean NOT NULL DEFAULT false,
    request_id text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, started_at, call_id)
) PARTITION BY RANGE (started_at);
CREATE INDEX usage_entries_model ON usage_entries (tenant_id, model, started_at);
CREATE INDEX usage_entries_principal ON usage_entries (tenant_id, principal_id, started_at);
CREATE INDEX usage_entries_request ON usage_entries (tenant_id, request_id);

-- The month's partition, made when its first row arrives; months from a year back to the next one.
CREATE FUNCTION ensure_usage_partition(moment timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    first date := date_trunc('month', moment AT TIME ZONE 'UTC')::date;
    name text := 'usage_entries_' || to_char(first, 'YYYYMM');
BEGIN
    IF moment NOT BETWEEN now() - interval '400 days' AND now() + interval '40 days' THEN
        RAISE check_violation USING MESSAGE = 'usage is booked within a year of today';
    END IF;
    IF to_regclass('<schema>.' || name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('deskmind.usage'), hashtext(name));
    IF to_regclass('<schema>.' || name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE <schema>.%I PARTITION OF <schema>.usage_entries FOR VALUES FROM (%L) TO (%L)', name,
        first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
    EXECUTE format('ALTER TABLE <schema>.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE <schema>.%I FORCE ROW LEVEL SECURITY', name);
END $$;
SELECT ensure_usage_partition(now());

CREATE TABLE budgets (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    period text NOT NULL CHECK (period IN ('minute', 'day', 'month')),
    usd numeric(20, 6) CHECK (usd >= 0),
    tokens bigint CHECK (tokens >= 0),
    per text[] NOT NULL DEFAULT '{}' CHECK (per <@ ARRAY['user', 'key', 'feature', 'model']),
    principal_id uuid,
    api_key text,
    feature text,
    model text,
    alerts double precision[] NOT NULL DEFAULT '{0.5,0.8,1}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name),
    CHECK (usd IS NOT NULL OR tokens IS NOT NULL)
);

-- What the replicas have leased of each budget; billionths of a US dollar, or tokens. The nil tenant holds the
-- installation's own budgets.
CREATE TABLE budget_counters (
    tenant_id uuid NOT NULL,
    budget text NOT NULL,
    subject text NOT NULL,
    unit text NOT NULL CHECK (unit IN ('usd', 'tokens')),
    window_start timestamptz NOT NULL,
    leased numeric(30, 0) NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, budget, subject, unit, window_start)
);

CREATE FUNCTION lease_budget(owner uuid, budget_name text, of_subject text, of_unit text, since timestamptz,
    wanted numeric, most numeric, OUT granted numeric, OUT total numeric)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    INSERT INTO <schema>.budget_counters AS c (tenant_id, budget, subject, unit, window_start)
    VALUES (owner, budget_name, of_subject, of_unit, since) ON CONFLICT DO NOTHING;
    SELECT c.leased INTO total FROM <schema>.budget_counters c
     WHERE c.tenant_id = owner AND c.budget = budget_name AND c.subject = of_subject AND c.unit = of_unit
       AND c.window_start = since FOR UPDATE;
    granted := greatest(least(wanted, most - total), 0);
    total := total + granted;
    UPDATE <schema>.budget_counters c SET leased = total
     WHERE c.tenant_id = owner AND c.budget = budget_name AND c.subject = of_subject AND c.unit = of_unit
       AND c.window_start = since;
END $$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['usage_entries', 'budgets', 'budget_counters'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    END LOOP;
END $$;

CREATE POLICY usage_read ON usage_entries FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
CREATE POLICY usage_book ON usage_entries FOR INSERT TO <prefix>_ledger WITH CHECK (true);
CREATE POLICY budgets_operate ON budgets FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY budgets_enforce ON budgets FOR SELECT TO <prefix>_ledger USING (true);
CREATE POLICY counters_read ON budget_counters FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY counters_lease ON budget_counters FOR ALL TO <prefix>_ledger USING (true) WITH CHECK (true);

GRANT USAGE ON SCHEMA <schema> TO <prefix>_ledger;
GRANT SELECT ON usage_entries, budget_counters TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON budgets TO <prefix>_app;
GRANT INSERT ON usage_entries TO <prefix>_ledger;
GRANT SELECT ON budgets TO <prefix>_ledger;
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_counters TO <prefix>_ledger;
GRANT EXECUTE ON FUNCTION ensure_usage_partition(timestamptz),
    lease_budget(uuid, text, text, text, timestamptz, numeric, numeric) TO <prefix>_ledger;
