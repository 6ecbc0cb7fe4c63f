DROP TABLE agent_blocks;
-- of votes for several revisions by one approver, the latest stays
DELETE FROM agent_votes v USING agent_votes w
 WHERE w.tenant_id = v.tenant_id AND w.proposal_id = v.proposal_id AND w.approver_id = v.approver_id AND w.revision > v.revision;
ALTER TABLE agent_votes DROP CONSTRAINT agent_votes_pkey;
ALTER TABLE agent_votes DROP COLUMN revision;
ALTER TABLE agent_votes ADD CONSTRAINT agent_votes_pkey PRIMARY KEY (tenant_id, proposal_id, approver_id);
DROP INDEX agent_proposals_escalating;
REVOKE UPDATE (arguments, changes, prepared, reason, needed) ON agent_proposals FROM <prefix>_app;
ALTER TABLE agent_proposals DROP COLUMN revision, DROP COLUMN edits, DROP COLUMN escalates_at, DROP COLUMN escalated_at;
