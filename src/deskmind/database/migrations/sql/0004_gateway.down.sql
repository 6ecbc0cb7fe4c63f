DROP FUNCTION lease_budget(uuid, text, text, text, timestamptz, numeric, numeric);
DROP TABLE budget_counters;
DROP TABLE budgets;
DROP TABLE usage_entries;
DROP FUNCTION ensure_usage_partition(timestamptz);
