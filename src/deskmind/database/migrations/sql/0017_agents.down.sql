DROP TABLE agent_votes;
DROP TABLE agent_proposals;
DROP TABLE agent_effects;
DROP TABLE agent_steps;
DROP TABLE agent_runs;
DROP TABLE agent_switches;
