DROP FUNCTION purge_conversations(), erase_conversations_of(uuid);
DROP TABLE turns, conversations, experiment_outcomes, experiment_variants, experiments, prompt_labels, prompt_versions;
