-- ---------------------------------------------------------------- runs of agents

-- One execution of an agent. Whoever holds the lease under the current epoch may write; a worker that was taken over cannot.
CREATE TABLE agent_runs (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    run_id uuid NOT NULL,
    principal_id uuid, -- whose run; NULL is the operator
    agent_id uuid, -- who acts in the principal's place; the operator's id for an operator
    key_id uuid, -- whose grants bound it
    agent text NOT NULL,
    definition jsonb NOT NULL, -- instructions, names of tools, model, limits: a run ends as it began
    prompt text NOT NULL,
    untrusted text NOT NULL DEFAULT '', -- text of others that came with the prompt
    state text NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
    tainted boolean NOT NULL DEFAULT false, -- whether it has read untrusted text
    epoch integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    problem text NOT NULL DEFAULT '', -- code of the error
    remedy text NOT NULL DEFAULT '', -- class of the error: retry, replan, ask or stop
    output jsonb,
    steps integer NOT NULL DEFAULT 0,
    tool_calls integer NOT NULL DEFAULT 0,
    tokens bigint NOT NULL DEFAULT 0,
    cost numeric(24, 12) NOT NULL DEFAULT 0, -- US dollars, of calls and tools
    seconds double precision NOT NULL DEFAULT 0, -- under way, without waiting
    correlation_id text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE
);
CREATE INDEX agent_runs_principal ON agent_runs (tenant_id, principal_id);
CREATE INDEX agent_runs_newest ON agent_runs (tenant_id, started_at DESC);
CREATE INDEX agent_runs_left ON agent_runs (tenant_id, lease_until) WHERE state IN ('queued', 'running');

-- The transcript, which is the checkpoint: each request, response and result of a tool is a row before the next step begins.
CREATE TABLE agent_steps (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    position integer NOT NULL,
    principal_id uuid,
    epoch integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('request', 'response', 'result')),
    call_id text NOT NULL DEFAULT '', -- of a result
    tool text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',
    content jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, run_id, position),
    FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs ON DELETE CASCADE
);

-- The claim of an effect, there before anything is sent: one call of a tool has its effect once.
CREATE TABLE agent_effects (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    call_id text NOT NULL,
    principal_id uuid,
    tool text NOT NULL,
    epoch integer NOT NULL,
    state text NOT NULL DEFAULT 'claimed' CHECK (state IN ('claimed', 'applied', 'absent', 'unknown')),
    claimed_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, run_id, call_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs ON DELETE CASCADE
);

-- What waits for a person: a write with its difference, or a question.
CREATE TABLE agent_proposals (
    tenant_id uuid NOT NULL,
    proposal_id uuid NOT NULL,
    run_id uuid NOT NULL,
    call_id text NOT NULL,
    principal_id uuid, -- who asked for the run, and so may not approve
    tool text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('write', 'question')),
    arguments jsonb NOT NULL,
    changes jsonb NOT NULL, -- the difference, in the terms of what is changed
    prepared jsonb, -- how it is sent; for the tool that made it
    reason text NOT NULL, -- why a person is asked
    needed smallint NOT NULL CHECK (needed BETWEEN 1 AND 2),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'rejected', 'expired', 'withdrawn')),
    answer text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, proposal_id),
    UNIQUE (tenant_id, run_id, call_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs ON DELETE CASCADE
);
CREATE INDEX agent_proposals_open ON agent_proposals (tenant_id, expires_at) WHERE state = 'open';

CREATE TABLE agent_votes (
    tenant_id uuid NOT NULL,
    proposal_id uuid NOT NULL,
    approver_id uuid NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    reason text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, proposal_id, approver_id),
    FOREIGN KEY (tenant_id, proposal_id) REFERENCES agent_proposals ON DELETE CASCADE
);

-- Tools that are stopped; '*' stops all of them.
CREATE TABLE agent_switches (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    tool text NOT NULL,
    reason text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, tool)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['agent_runs', 'agent_steps', 'agent_effects', 'agent_proposals', 'agent_votes', 'agent_switches'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['agent_runs', 'agent_steps', 'agent_effects', 'agent_proposals'] LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant())
                   AND ((SELECT scope_act()) = ''operate'' OR principal_id = (SELECT scope_principal())))
            WITH CHECK (tenant_id = (SELECT scope_tenant())
                   AND ((SELECT scope_act()) = ''operate'' OR principal_id = (SELECT scope_principal())))', t || '_own', t);
    END LOOP;
END $$;
-- Only who decides for the tenant approves: a run's own scope proposes, and cannot turn its proposal into an approved one.
CREATE POLICY agent_proposals_decided ON agent_proposals AS RESTRICTIVE FOR UPDATE TO <prefix>_app
    USING ((SELECT scope_act()) = 'operate');
CREATE POLICY agent_proposals_begun ON agent_proposals AS RESTRICTIVE FOR INSERT TO <prefix>_app
    WITH CHECK (state = 'open');
CREATE POLICY agent_votes_operate ON agent_votes FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY agent_switches_read ON agent_switches FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()));
CREATE POLICY agent_switches_add ON agent_switches FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY agent_switches_remove ON agent_switches FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');

GRANT SELECT, INSERT ON agent_runs TO <prefix>_app;
GRANT UPDATE (state, tainted, epoch, lease_until, problem, remedy, output, steps, tool_calls, tokens, cost, seconds, ended_at)
    ON agent_runs TO <prefix>_app;
GRANT SELECT, INSERT ON agent_steps TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE (state, settled_at, epoch, claimed_at) ON agent_effects TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE (state, answer) ON agent_proposals TO <prefix>_app;
GRANT SELECT, INSERT ON agent_votes TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON agent_switches TO <prefix>_app;

-- Mentions of who is erased are masked in everybody's runs; own rows go with the account.
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['agent_runs', 'agent_steps', 'agent_proposals', 'agent_votes', 'agent_switches'] LOOP
        EXECUTE format('CREATE POLICY privacy ON %I FOR ALL TO <prefix>_privacy
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t);
        EXECUTE format('GRANT SELECT (tenant_id) ON %I TO <prefix>_privacy', t);
    END LOOP;
END $$;
GRANT SELECT (principal_id, definition, prompt, untrusted, output), UPDATE (definition, prompt, untrusted, output)
    ON agent_runs TO <prefix>_privacy;
GRANT SELECT (principal_id, content), UPDATE (content) ON agent_steps TO <prefix>_privacy;
GRANT SELECT (principal_id, arguments, changes, prepared, reason, answer), UPDATE (arguments, changes, prepared, reason, answer)
    ON agent_proposals TO <prefix>_privacy;
GRANT SELECT (reason), UPDATE (reason) ON agent_votes, agent_switches TO <prefix>_privacy;
