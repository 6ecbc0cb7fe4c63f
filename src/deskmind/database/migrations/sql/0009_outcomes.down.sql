DROP POLICY outcomes_own ON experiment_outcomes;
ALTER TABLE experiment_outcomes DROP COLUMN request_id;
