-- ---------------------------------------------------------------- privacy: what is kept about erasing people

-- One erasure. `sealed` holds the person's identifiers under a key of the keyring and is emptied when all is done, so that
-- what stays names nobody: a keyed mark, counts and the signed receipt.
CREATE TABLE privacy_erasures (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    erasure_id uuid NOT NULL,
    subject_mark bytea NOT NULL,
    mark_version integer NOT NULL,
    owned text NOT NULL CHECK (owned IN ('redact', 'delete')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
    sealed bytea,
    counts jsonb NOT NULL DEFAULT '{}', -- by store, of those that are finished
    replays uuid, -- the erasure that this one repeats after a restore
    requested_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    receipt text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, erasure_id),
    CHECK ((state = 'done') = (sealed IS NULL))
);

-- Keyed marks of erased people's identifiers: what keeps them from coming back.
CREATE TABLE privacy_marks (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    mark bytea NOT NULL CHECK (length(mark) = 32),
    mark_version integer NOT NULL,
    words smallint NOT NULL, -- how many words it is of; 0 for a telephone number, -1 when not looked for in texts
    erasure_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, mark)
);

-- A legal hold on one person, by id or by keyed marks, or on all of the tenant (neither).
CREATE TABLE privacy_holds (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    hold_id uuid NOT NULL,
    principal_id uuid,
    marks bytea[] NOT NULL DEFAULT '{}',
    reason text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    PRIMARY KEY (tenant_id, hold_id)
);

-- When each retention policy last ran.
CREATE TABLE privacy_retention (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    store text NOT NULL,
    days integer NOT NULL,
    ran_at timestamptz NOT NULL,
    removed bigint NOT NULL, -- in all
    PRIMARY KEY (tenant_id, store)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['privacy_erasures', 'privacy_marks', 'privacy_holds', 'privacy_retention'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_operate', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON privacy_erasures, privacy_retention TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON privacy_marks TO <prefix>_app;
GRANT SELECT, INSERT ON privacy_holds TO <prefix>_app;
GRANT UPDATE (released_at) ON privacy_holds TO <prefix>_app;
CREATE POLICY holds_heeded ON privacy_holds FOR SELECT TO <prefix>_system USING (true);
GRANT SELECT (tenant_id, principal_id, released_at) ON privacy_holds TO <prefix>_privacy, <prefix>_system;

-- A hold that stands keeps the whole tenant from being erased.
CREATE FUNCTION privacy_hold_stands() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    RAISE check_violation USING MESSAGE = 'a legal hold stands', CONSTRAINT = 'privacy_hold';
END $$;
REVOKE ALL ON FUNCTION privacy_hold_stands() FROM PUBLIC;
CREATE TRIGGER privacy_hold_stands BEFORE DELETE ON privacy_holds FOR EACH ROW
    WHEN (OLD.released_at IS NULL) EXECUTE FUNCTION privacy_hold_stands();

-- ---------------------------------------------------------------- what the functions below may see and change

-- A role of its own, whom row-level security keeps inside the tenant of an operator's scope.
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['conversations', 'turns', 'feedback', 'request_stories', 'experiment_outcomes', 'principals',
        'api_keys', 'memberships', 'prompt_versions', 'prompt_labels', 'experiments', 'ingests', 'ingest_files', 'sources',
        'documents', 'usage_entries', 'budgets', 'budget_counters', 'privacy_holds', 'access_grants'] LOOP
        EXECUTE format('CREATE POLICY privacy ON %I FOR ALL TO <prefix>_privacy
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t);
        EXECUTE format('GRANT SELECT (tenant_id) ON %I TO <prefix>_privacy', t);
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA <schema> TO <prefix>_privacy;
GRANT DELETE ON conversations, feedback, request_stories, experiment_outcomes, ingests, api_keys, memberships, principals,
    usage_entries, budget_counters TO <prefix>_privacy;
GRANT SELECT (started_at) ON usage_entries TO <prefix>_privacy;
GRANT SELECT (principal_id), UPDATE (title, summary) ON conversations TO <prefix>_privacy;
GRANT SELECT (title, summary, updated_at, expires_at) ON conversations TO <prefix>_privacy;
GRANT SELECT (principal_id, content), UPDATE (content) ON turns TO <prefix>_privacy;
GRANT SELECT (principal_id, correction, given_at), UPDATE (correction) ON feedback TO <prefix>_privacy;
GRANT SELECT (principal_id, question, told, began_at), UPDATE (question, told) ON request_stories TO <prefix>_privacy;
GRANT SELECT (principal_id, occurred_at) ON experiment_outcomes TO <prefix>_privacy;
GRANT SELECT (principal_id, display_name), UPDATE (display_name) ON principals TO <prefix>_privacy;
GRANT SELECT (principal_id, name), UPDATE (name) ON api_keys TO <prefix>_privacy;
GRANT SELECT (member_id) ON memberships TO <prefix>_privacy;
GRANT SELECT (content, note, author), UPDATE (content, note, author) ON prompt_versions TO <prefix>_privacy;
GRANT SELECT (moved_by), UPDATE (moved_by) ON prompt_labels TO <prefix>_privacy;
GRANT SELECT (started_by), UPDATE (started_by) ON experiments TO <prefix>_privacy;
GRANT SELECT (created_by, created_at, state) ON ingests TO <prefix>_privacy;
GRANT SELECT (external_id, uri, name, metadata, problem), UPDATE (external_id, uri, name, metadata, problem)
    ON ingest_files TO <prefix>_privacy;
GRANT SELECT (owner_id, name), UPDATE (owner_id, name) ON sources TO <prefix>_privacy;
GRANT SELECT (reason), UPDATE (reason) ON access_grants TO <prefix>_privacy;
GRANT SELECT (created_by), UPDATE (created_by) ON documents TO <prefix>_privacy;
GRANT SELECT (principal_id), UPDATE (principal_id, api_key) ON usage_entries TO <prefix>_privacy;
GRANT SELECT (principal_id), UPDATE (principal_id) ON budgets TO <prefix>_privacy;
GRANT SELECT (subject) ON budget_counters TO <prefix>_privacy;

-- Each function below acts inside the tenant of an operator's scope, tells counts and shows no content: what operators
-- may not read, such as conversations, they can have erased and cannot read this way either.
CREATE FUNCTION privacy_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' OR <schema>.scope_tenant() IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators erase what is kept of people';
    END IF;
    RETURN <schema>.scope_tenant();
END $$;

CREATE FUNCTION privacy_held(tenant uuid, person uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT EXISTS (SELECT FROM <schema>.privacy_holds h WHERE h.tenant_id = tenant AND h.released_at IS NULL
        AND (h.principal_id = person OR (h.principal_id IS NULL AND h.marks = '{}'))) $$;
GRANT SELECT (marks) ON privacy_holds TO <prefix>_privacy, <prefix>_system;

CREATE FUNCTION privacy_refuse_if_held(tenant uuid, person uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.privacy_held(tenant, person) THEN
        RAISE check_violation USING MESSAGE = 'a legal hold stands', CONSTRAINT = 'privacy_hold';
    END IF;
END $$;

-- A person's own rows go.
CREATE FUNCTION privacy_remove(relation text, person uuid, dry boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    tenant uuid := <schema>.privacy_tenant();
    owner text := CASE relation
        WHEN 'conversations' THEN 'principal_id' WHEN 'feedback' THEN 'principal_id'
        WHEN 'request_stories' THEN 'principal_id' WHEN 'experiment_outcomes' THEN 'principal_id'
        WHEN 'ingests' THEN 'created_by' WHEN 'api_keys' THEN 'principal_id' WHEN 'memberships' THEN 'member_id'
        WHEN 'principals' THEN 'principal_id' END;
    n bigint;
BEGIN
    IF owner IS NULL THEN RAISE invalid_parameter_value USING MESSAGE = 'no table of people''s rows'; END IF;
    IF dry THEN
        EXECUTE format('SELECT count(*) FROM <schema>.%I x WHERE x.tenant_id = $1 AND x.%I = $2', relation, owner)
           INTO n USING tenant, person;
        RETURN n;
    END IF;
    PERFORM <schema>.privacy_refuse_if_held(tenant, person);
    EXECUTE format('DELETE FROM <schema>.%I x WHERE x.tenant_id = $1 AND x.%I = $2', relation, owner) USING tenant, person;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

-- What must stay, such as the ledger, stays under an id that leads to nobody.
CREATE FUNCTION privacy_detach(relation text, person uuid, alias uuid, dry boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    tenant uuid := <schema>.privacy_tenant();
    change text := CASE relation
        WHEN 'usage_entries' THEN 'principal_id = $3, api_key = ''''' WHEN 'documents' THEN 'created_by = $3'
        WHEN 'sources' THEN 'owner_id = $3' WHEN 'budgets' THEN 'principal_id = $3' END;
    n bigint;
BEGIN
    IF relation = 'budget_counters' THEN
        IF dry THEN
            SELECT count(*) INTO n FROM <schema>.budget_counters c
             WHERE c.tenant_id = tenant AND position(person::text IN c.subject) > 0;
            RETURN n;
        END IF;
        PERFORM <schema>.privacy_refuse_if_held(tenant, person);
        DELETE FROM <schema>.budget_counters c WHERE c.tenant_id = tenant AND position(person::text IN c.subject) > 0;
        GET DIAGNOSTICS n = ROW_COUNT;
        RETURN n;
    END IF;
    IF change IS NULL THEN RAISE invalid_parameter_value USING MESSAGE = 'no table of people''s rows'; END IF;
    IF dry THEN
        EXECUTE format('SELECT count(*) FROM <schema>.%I x WHERE x.tenant_id = $1 AND x.%I = $2', relation,
                       split_part(change, ' ', 1)) INTO n USING tenant, person;
        RETURN n;
    END IF;
    PERFORM <schema>.privacy_refuse_if_held(tenant, person);
    EXECUTE format('UPDATE <schema>.%I x SET %s WHERE x.tenant_id = $1 AND x.%I = $2', relation, change,
                   split_part(change, ' ', 1)) USING tenant, person, alias;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

-- ---------------------------------------------------------------- mentions in texts

CREATE FUNCTION privacy_masked_json(j jsonb, mention text, instead text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    RETURN CASE jsonb_typeof(j)
        WHEN 'string' THEN to_jsonb(regexp_replace(normalize(j #>> '{}', NFC), mention, instead, 'g'))
        WHEN 'array' THEN (SELECT coalesce(jsonb_agg(<schema>.privacy_masked_json(e, mention, instead) ORDER BY n), '[]')
                             FROM jsonb_array_elements(j) WITH ORDINALITY t(e, n))
        WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg(regexp_replace(normalize(k, NFC), mention, instead, 'g'),
                                   <schema>.privacy_masked_json(v, mention, instead)), '{}') FROM jsonb_each(j) t(k, v))
        ELSE j END;
END $$;

-- Replaces mentions in one column of all of the tenant's rows. `loose` is cheap and passes every row that `mention` passes.
CREATE FUNCTION privacy_mask(relation text, col text, loose text, mention text, instead text, dry boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    tenant uuid := <schema>.privacy_tenant();
    found text;
    made text;
    n bigint;
BEGIN
    IF (relation, col) NOT IN (
        ('conversations', 'title'), ('conversations', 'summary'), ('turns', 'content'), ('feedback', 'correction'),
        ('request_stories', 'question'), ('request_stories', 'told'), ('prompt_versions', 'content'),
        ('prompt_versions', 'note'), ('prompt_versions', 'author'), ('prompt_labels', 'moved_by'),
        ('experiments', 'started_by'), ('sources', 'name'), ('api_keys', 'name'), ('principals', 'display_name'),
        ('ingest_files', 'external_id'), ('ingest_files', 'uri'), ('ingest_files', 'name'),
        ('ingest_files', 'metadata'), ('ingest_files', 'problem'), ('access_grants', 'reason'),
        ('directory_entries', 'value'), ('agent_runs', 'definition'), ('agent_runs', 'prompt'), ('agent_runs', 'untrusted'),
        ('agent_runs', 'output'), ('agent_steps', 'content'), ('agent_proposals', 'arguments'), ('agent_proposals', 'changes'),
        ('agent_proposals', 'prepared'), ('agent_proposals', 'reason'), ('agent_proposals', 'answer'),
        ('agent_votes', 'reason'), ('agent_switches', 'reason'), ('writes', 'proposal'), ('writes', 'target_key'),
        ('memories', 'subject'), ('memories', 'body'), ('memories', 'source'), ('agent_versions', 'content'),
        ('agent_versions', 'note'), ('agent_versions', 'author'), ('agent_labels', 'moved_by'), ('workflow_steps', 'value'),
        ('workflow_schedules', 'input')) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no column of texts';
    END IF;
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = format('<schema>.%I', relation)::regclass AND a.attname = col
                  AND a.atttypid = 'jsonb'::regtype) THEN
        made := format('<schema>.privacy_masked_json(x.%I, $3, $4)', col);
        found := format('normalize(x.%1$I::text, NFC) ~ $2 AND %2$s <> x.%1$I', col, made);
    ELSE
        made := format('regexp_replace(normalize(x.%I, NFC), $3, $4, ''g'')', col);
        found := format('normalize(x.%1$I, NFC) ~ $2 AND normalize(x.%1$I, NFC) ~ $3', col);
    END IF;
    IF relation IN ('conversations', 'turns', 'feedback', 'request_stories', 'agent_runs', 'agent_steps', 'agent_proposals', 'writes',
        'workflow_steps', 'workflow_schedules')
    THEN -- a hold on their owner keeps them as they are
        found := found || ' AND NOT <schema>.privacy_held($1, x.principal_id)';
    END IF;
    IF relation = 'memories' THEN
        found := found || ' AND NOT <schema>.privacy_held($1, x.owner_id)';
    END IF;
    IF dry THEN
        EXECUTE format('SELECT count(*) FROM <schema>.%I x WHERE x.tenant_id = $1 AND %s', relation, found)
           INTO n USING tenant, loose, mention, instead;
        RETURN n;
    END IF;
    PERFORM <schema>.privacy_refuse_if_held(tenant, NULL);
    IF relation = 'directory_entries' THEN -- an entry is a name and nothing else
        EXECUTE format('DELETE FROM <schema>.%I x WHERE x.tenant_id = $1 AND %s', relation, found)
          USING tenant, loose, mention;
        GET DIAGNOSTICS n = ROW_COUNT;
        RETURN n;
    END IF;
    EXECUTE format('UPDATE <schema>.%I x SET %I = %s WHERE x.tenant_id = $1 AND %s', relation, col, made, found)
      USING tenant, loose, mention, instead;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

-- ---------------------------------------------------------------- retention

-- What is older than `days` goes, but for whom a hold stands; conversations also when their own time has come.
CREATE FUNCTION privacy_expire(relation text, days integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    tenant uuid := <schema>.privacy_tenant();
    since timestamptz := CASE WHEN days > 0 THEN now() - make_interval(days => days) ELSE '-infinity' END;
    owner text := CASE relation WHEN 'ingests' THEN 'created_by' WHEN 'memories' THEN 'owner_id' ELSE 'principal_id' END;
    old text := CASE relation
        WHEN 'conversations' THEN '(x.updated_at < $2 OR x.expires_at <= now())'
        WHEN 'feedback' THEN 'x.given_at < $2' WHEN 'request_stories' THEN 'x.began_at < $2'
        WHEN 'experiment_outcomes' THEN 'x.occurred_at < $2' WHEN 'usage_entries' THEN 'x.started_at < $2'
        WHEN 'ingests' THEN 'x.created_at < $2 AND x.state = ''done'''
        WHEN 'memories' THEN 'x.used_at < $2 AND NOT x.pinned' END;
    n bigint;
BEGIN
    IF old IS NULL OR days < 0 THEN RAISE invalid_parameter_value USING MESSAGE = 'no retention of that kind'; END IF;
    EXECUTE format('DELETE FROM <schema>.%I x WHERE x.tenant_id = $1 AND %s AND NOT <schema>.privacy_held($1, x.%I)',
                   relation, old, owner) USING tenant, since;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

REVOKE ALL ON FUNCTION privacy_tenant(), privacy_held(uuid, uuid), privacy_refuse_if_held(uuid, uuid),
    privacy_masked_json(jsonb, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy_tenant(), privacy_held(uuid, uuid), privacy_refuse_if_held(uuid, uuid),
    privacy_masked_json(jsonb, text, text) TO <prefix>_privacy;
GRANT EXECUTE ON FUNCTION privacy_held(uuid, uuid), privacy_refuse_if_held(uuid, uuid) TO <prefix>_system;
GRANT SELECT (principal_id) ON request_stories TO <prefix>_system;
GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
SET LOCAL ROLE <prefix>_system;
GRANT EXECUTE ON FUNCTION scope_act(), scope_tenant() TO <prefix>_privacy;

-- ---------------------------------------------------------------- what removed before, now heeding holds

-- Whether any tenant has a hold: then old stories go singly, not by the month.
CREATE FUNCTION privacy_any_hold() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ BEGIN RETURN EXISTS (SELECT FROM <schema>.privacy_holds h WHERE h.released_at IS NULL); END $$;
REVOKE ALL ON FUNCTION privacy_any_hold() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy_any_hold() TO <prefix>_app;

-- A hold also keeps people from removing what is evidence against themselves, and operators from doing it for them.
CREATE FUNCTION privacy_keep_held() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    PERFORM <schema>.privacy_refuse_if_held(OLD.tenant_id, OLD.principal_id);
    RETURN OLD;
END $$;
REVOKE ALL ON FUNCTION privacy_keep_held() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy_keep_held() TO <prefix>_owner;

CREATE OR REPLACE FUNCTION purge_conversations() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators purge conversations';
    END IF;
    DELETE FROM <schema>.conversations c
     WHERE c.tenant_id = <schema>.scope_tenant() AND c.expires_at <= now()
       AND NOT <schema>.privacy_held(c.tenant_id, c.principal_id);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

CREATE OR REPLACE FUNCTION delete_old_stories(keep_days integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE gone bigint;
BEGIN
    IF keep_days IS NULL OR keep_days < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'stories are kept for a day at least';
    END IF;
    DELETE FROM <schema>.request_stories s WHERE s.began_at < now() - make_interval(days => keep_days)
       AND NOT <schema>.privacy_held(s.tenant_id, s.principal_id);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
SET LOCAL ROLE <prefix>_owner;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
CREATE TRIGGER privacy_keep_held BEFORE DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION privacy_keep_held();
CREATE TRIGGER privacy_keep_held BEFORE DELETE ON feedback FOR EACH ROW EXECUTE FUNCTION privacy_keep_held();

GRANT CREATE ON SCHEMA <schema> TO <prefix>_privacy;
ALTER FUNCTION privacy_remove(text, uuid, boolean) OWNER TO <prefix>_privacy;
ALTER FUNCTION privacy_detach(text, uuid, uuid, boolean) OWNER TO <prefix>_privacy;
ALTER FUNCTION privacy_mask(text, text, text, text, text, boolean) OWNER TO <prefix>_privacy;
ALTER FUNCTION privacy_expire(text, integer) OWNER TO <prefix>_privacy;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_privacy;
SET LOCAL ROLE <prefix>_privacy;
REVOKE ALL ON FUNCTION privacy_remove(text, uuid, boolean), privacy_detach(text, uuid, uuid, boolean),
    privacy_mask(text, text, text, text, text, boolean), privacy_expire(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy_remove(text, uuid, boolean), privacy_detach(text, uuid, uuid, boolean),
    privacy_mask(text, text, text, text, text, boolean), privacy_expire(text, integer) TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
