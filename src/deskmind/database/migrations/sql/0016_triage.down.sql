DROP TABLE triage_models;
