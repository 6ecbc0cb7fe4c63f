-- ---------------------------------------------------------------- prompts

-- A version is never changed or removed; the application has no grant for it.
CREATE TABLE prompt_versions (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    version integer NOT NULL CHECK (version >= 1),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    content text NOT NULL,
    note text NOT NULL,
    author text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name, version),
    CONSTRAINT prompt_versions_content_key UNIQUE (tenant_id, name, content_hash)
);

-- Every move of a label; the newest says where it is. Version NULL is the prompt that comes with the release.
-- origin is the position whose state this move restores, its own for a move that is no rollback.
CREATE TABLE prompt_labels (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL CHECK (label ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    position integer NOT NULL CHECK (position >= 1),
    version integer,
    origin integer NOT NULL CHECK (origin BETWEEN 1 AND position),
    moved_by text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name, label, position),
    FOREIGN KEY (tenant_id, name, version) REFERENCES prompt_versions
);

-- ---------------------------------------------------------------- experiments

CREATE TABLE experiments (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    experiment_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    prompt text COLLATE "C" NOT NULL,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    PRIMARY KEY (tenant_id, experiment_id),
    CONSTRAINT experiments_name_key UNIQUE (tenant_id, name)
);

CREATE TABLE experiment_variants (
    tenant_id uuid NOT NULL,
    experiment_id uuid NOT NULL,
    variant text COLLATE "C" NOT NULL CHECK (variant ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    position integer NOT NULL, -- the first is what the others are compared with
    prompt text COLLATE "C" NOT NULL,
    version integer,
    weight double precision NOT NULL CHECK (weight >= 0 AND weight <= 1e9),
    PRIMARY KEY (tenant_id, experiment_id, variant),
    FOREIGN KEY (tenant_id, experiment_id) REFERENCES experiments ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, prompt, version) REFERENCES prompt_versions
);

CREATE TABLE experiment_outcomes (
    tenant_id uuid NOT NULL,
    experiment_id uuid NOT NULL,
    outcome_id uuid NOT NULL,
    variant text COLLATE "C" NOT NULL,
    principal_id uuid NOT NULL,
    metric text COLLATE "C" NOT NULL CHECK (metric ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    value double precision NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
    occurred_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, experiment_id, outcome_id),
    FOREIGN KEY (tenant_id, experiment_id, variant) REFERENCES experiment_variants ON DELETE CASCADE
);
CREATE INDEX experiment_outcomes_principal ON experiment_outcomes (tenant_id, principal_id);

-- ---------------------------------------------------------------- conversations

CREATE TABLE conversations (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    conversation_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    title text NOT NULL,
    summary text NOT NULL DEFAULT '',
    summarised_through integer NOT NULL DEFAULT 0, -- the turns up to this position are in the summary
    turn_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, conversation_id),
    CONSTRAINT conversations_owner_key UNIQUE (tenant_id, conversation_id, principal_id)
);
CREATE INDEX conversations_recent ON conversations (tenant_id, principal_id, updated_at);
CREATE INDEX conversations_expiry ON conversations (tenant_id, expires_at);

-- The principal is part of the reference, so that nobody can add a turn to another's conversation.
CREATE TABLE turns (
    tenant_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    position integer NOT NULL CHECK (position >= 1),
    principal_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'assistant', 'tool_call', 'tool_result')),
    content text NOT NULL,
    call_id text NOT NULL,
    tool text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, conversation_id, position),
    CHECK ((call_id = '') = (role IN ('user', 'assistant'))),
    FOREIGN KEY (tenant_id, conversation_id, principal_id)
        REFERENCES conversations (tenant_id, conversation_id, principal_id) ON DELETE CASCADE
);

-- Both remove without showing: their owner may read no content.
CREATE FUNCTION purge_conversations() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators purge conversations';
    END IF;
    DELETE FROM <schema>.conversations c
     WHERE c.tenant_id = <schema>.scope_tenant() AND c.expires_at <= now();
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

CREATE FUNCTION erase_conversations_of(person uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators erase the conversations of others';
    END IF;
    DELETE FROM <schema>.conversations c
     WHERE c.tenant_id = <schema>.scope_tenant() AND c.principal_id = person;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- ---------------------------------------------------------------- row-level security

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['prompt_versions', 'prompt_labels', 'experiments', 'experiment_variants',
                             'experiment_outcomes', 'conversations', 'turns'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    END LOOP;
    -- what everyone of the tenant reads and operators write
    FOREACH t IN ARRAY ARRAY['prompt_versions', 'prompt_labels', 'experiments', 'experiment_variants'] LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()))', t || '_read', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR INSERT TO <prefix>_app
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_add', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['experiments', 'experiment_variants'] LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR UPDATE TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_change', t);
    END LOOP;
END $$;

CREATE POLICY outcomes_add ON experiment_outcomes FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()));
CREATE POLICY outcomes_read ON experiment_outcomes FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
CREATE POLICY outcomes_remove ON experiment_outcomes FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');

-- Operators are no exception: a conversation is seen by its principal alone, and by nobody once it has expired.
CREATE POLICY conversations_own ON conversations FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal())
        AND (expires_at IS NULL OR expires_at > now()))
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()));
CREATE POLICY conversations_system ON conversations FOR ALL TO <prefix>_system USING (true) WITH CHECK (true);
CREATE POLICY turns_own ON turns FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal())
        AND EXISTS (SELECT FROM conversations c
                     WHERE c.tenant_id = turns.tenant_id AND c.conversation_id = turns.conversation_id))
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND principal_id = (SELECT scope_principal()));

-- ---------------------------------------------------------------- privileges

GRANT SELECT, INSERT ON prompt_versions, prompt_labels TO <prefix>_app;
GRANT SELECT, INSERT ON experiments, experiment_variants TO <prefix>_app;
GRANT UPDATE (stopped_at) ON experiments TO <prefix>_app;
GRANT UPDATE (weight) ON experiment_variants TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON experiment_outcomes TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON conversations TO <prefix>_app;
GRANT UPDATE (title, summary, summarised_through, turn_count, updated_at, expires_at) ON conversations TO <prefix>_app;
GRANT SELECT, INSERT ON turns TO <prefix>_app;
GRANT SELECT (tenant_id, conversation_id, principal_id, expires_at), DELETE ON conversations TO <prefix>_system;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION purge_conversations() OWNER TO <prefix>_system;
ALTER FUNCTION erase_conversations_of(uuid) OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION purge_conversations(), erase_conversations_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION purge_conversations(), erase_conversations_of(uuid) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
