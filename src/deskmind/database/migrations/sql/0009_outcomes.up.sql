-- The request that an outcome came of, so that later feedback on its answer finds the variant that worded it.
ALTER TABLE experiment_outcomes ADD COLUMN request_id text NOT NULL DEFAULT '';

-- One's own outcomes, by the request; reports over all users stay with operators.
CREATE POLICY outcomes_own ON experiment_outcomes FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()));
