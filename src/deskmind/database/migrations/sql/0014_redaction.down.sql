DROP TABLE directory_entries;
DROP TABLE redaction_actions;
DROP TABLE redaction_patterns;
