DROP TABLE agent_labels;
DROP TABLE agent_versions;
