DROP POLICY outcomes_change ON experiment_outcomes;
REVOKE UPDATE (value, occurred_at) ON experiment_outcomes FROM <prefix>_app;
DROP TABLE feedback, request_stories;
DROP FUNCTION ensure_story_partition(timestamptz), drop_story_partitions(integer), delete_old_stories(integer);
