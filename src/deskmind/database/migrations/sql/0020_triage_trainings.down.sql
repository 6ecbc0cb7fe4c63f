DROP TABLE triage_trainings;
