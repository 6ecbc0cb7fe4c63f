-- What happens, told to other systems. An event is stored in the transaction of its act, with a delivery for each webhook that
-- wants it, so that nothing is told of what was rolled back and nothing is lost. Operators alone see these rows; whoever acts
-- adds them through publish_events.

CREATE TABLE webhooks (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    webhook_id uuid NOT NULL,
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    types text[] NOT NULL CHECK (cardinality(types) BETWEEN 1 AND 100), -- of events; 'word.*' is all of a kind, '*' is all
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
    active boolean NOT NULL DEFAULT true,
    disabled_because text NOT NULL DEFAULT '' CHECK (disabled_because IN ('', 'person', 'failing', 'gone')),
    sealed bytea NOT NULL, -- the secret, encrypted under a key that is not in the database
    old_sealed bytea, -- the one before, which signs too
    old_until timestamptz, -- until then
    failures integer NOT NULL DEFAULT 0, -- attempts in a row that the target did not answer
    failing_since timestamptz, -- the first attempt that failed since one was accepted
    resume_at timestamptz, -- nothing is sent before
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, webhook_id),
    CHECK ((old_sealed IS NULL) = (old_until IS NULL)),
    CHECK (active = (disabled_because = ''))
);

CREATE TABLE webhook_events (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text COLLATE "C" NOT NULL CHECK (type ~ '^[a-z_]+(\.[a-z_]+)+$' AND length(type) <= 100),
    body text NOT NULL CHECK (octet_length(body) <= 16384), -- as it is sent, byte for byte: identifiers, no content
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, event_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants ON DELETE CASCADE
);
CREATE INDEX webhook_events_age ON webhook_events (tenant_id, created_at);

CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0, -- all that were begun
    tries integer NOT NULL DEFAULT 0, -- of them, since it was last wanted
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- of the next attempt; while one is under way, when it is given up
    wanted_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was published or replayed: it is given up some time after
    status smallint, -- HTTP's, of the last attempt
    problem text NOT NULL DEFAULT '', -- of the last attempt
    milliseconds integer, -- of the last attempt
    attempted_at timestamptz,
    settled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, delivery_id),
    CONSTRAINT webhook_deliveries_once UNIQUE (tenant_id, event_id, webhook_id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES webhook_events ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (tenant_id, webhook_id, settled_at) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['webhooks', 'webhook_events', 'webhook_deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY %I ON %I FOR ALL TO <prefix>_app
            USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')
            WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = ''operate'')', t || '_operate', t);
        PERFORM let_erase(t::regclass);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_deliveries TO <prefix>_app;
GRANT SELECT, INSERT, DELETE ON webhook_events TO <prefix>_app;

-- Each webhook's deliveries are made by one job at a time. Jobs that wait are taken together, see take_webhook_jobs.
CREATE INDEX webhook_jobs ON procrastinate_jobs (lock, priority DESC, id)
    WHERE status = 'todo' AND task_name IN ('webhooks.deliver', 'webhooks.due');
CREATE INDEX webhook_places ON procrastinate_jobs ((args->>'tenant_id'), priority)
    WHERE status = 'todo' AND task_name = 'webhooks.deliver';

CREATE POLICY webhooks_publish ON webhooks FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY webhooks_hold ON webhooks FOR UPDATE TO <prefix>_system USING (true) WITH CHECK (false); -- locked, never changed
CREATE POLICY webhook_events_look ON webhook_events FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY webhook_events_publish ON webhook_events FOR INSERT TO <prefix>_system WITH CHECK (true);
CREATE POLICY webhook_deliveries_look ON webhook_deliveries FOR SELECT TO <prefix>_system USING (true);
CREATE POLICY webhook_deliveries_publish ON webhook_deliveries FOR INSERT TO <prefix>_system WITH CHECK (true);
GRANT SELECT (tenant_id, webhook_id, types, active, disabled_because, failing_since, resume_at),
      UPDATE (webhook_id) ON webhooks TO <prefix>_system;
GRANT SELECT (tenant_id, event_id), INSERT (tenant_id, event_id, type, body) ON webhook_events TO <prefix>_system;
GRANT SELECT (tenant_id, webhook_id, state, due_at, settled_at),
      INSERT (tenant_id, delivery_id, webhook_id, event_id) ON webhook_deliveries TO <prefix>_system;
GRANT DELETE ON procrastinate_jobs TO <prefix>_system;
GRANT SELECT (job_id), UPDATE (job_id) ON procrastinate_periodic_defers TO <prefix>_system; -- a trigger of the deletion

-- One more job for a webhook. It stands where those stand that wait for the webhook; before one that failed and waits for its
-- retry, which would hold all behind it; else behind the tenant's other webhooks, and never before the place that is being served:
-- a tenant's own backlog does not hold its deliveries, and neither do another's. See defer_job, which counts places downwards too.
CREATE FUNCTION queue_webhook(tenant uuid, webhook uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE place integer;
BEGIN
    SELECT j.priority + CASE WHEN j.scheduled_at > now() THEN 1 ELSE 0 END FROM <schema>.procrastinate_jobs j
     WHERE j.lock = 'webhook:' || webhook AND j.status = 'todo' AND j.task_name = 'webhooks.deliver'
     ORDER BY j.priority DESC, j.id LIMIT 1 INTO place;
    IF place IS NULL THEN
        SELECT least(
            (SELECT j.priority FROM <schema>.procrastinate_jobs j
              WHERE j.status = 'todo' AND j.args ? 'tenant_id' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
              ORDER BY j.priority DESC, j.id LIMIT 1),
            (SELECT min(j.priority) - 1 FROM <schema>.procrastinate_jobs j
              WHERE j.status = 'todo' AND j.task_name = 'webhooks.deliver' AND j.args->>'tenant_id' = tenant::text)) INTO place;
    END IF;
    INSERT INTO <schema>.procrastinate_jobs (queue_name, task_name, priority, lock, args)
    VALUES ('webhooks', 'webhooks.deliver', coalesce(place, 0), 'webhook:' || webhook,
            jsonb_build_object('tenant_id', tenant, 'webhook_id', webhook));
END $$;

-- Store the events that a webhook of the scope's tenant wants, and have them delivered. One that is known by its id already is
-- not stored again. Each row of events: id, type, body. Gives how many deliveries there are.
CREATE FUNCTION publish_events(events jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE
    tenant uuid := <schema>.scope_tenant();
    held uuid[];
    reached uuid[];
BEGIN
    IF tenant IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'an event belongs to the tenant of its scope';
    END IF;
    -- whoever deletes one of them waits until the act stands, or has deleted it and it is told nothing: the act never fails
    SELECT array_agg(h.webhook_id) FROM (
        SELECT w.webhook_id FROM <schema>.webhooks w WHERE w.tenant_id = tenant AND w.active
           AND EXISTS (SELECT FROM jsonb_to_recordset(events) AS g(type text), unnest(w.types) p
                        WHERE p = g.type OR (right(p, 1) = '*' AND starts_with(g.type, left(p, -1))))
           FOR KEY SHARE OF w) h INTO held;
    IF held IS NULL THEN
        RETURN 0;
    END IF;
    WITH given AS (
        SELECT e.id, e.type, e.body, e.place FROM ROWS FROM (jsonb_to_recordset(events) AS (id uuid, type text, body text))
               WITH ORDINALITY AS e(id, type, body, place)),
    wanted AS (
        SELECT g.id, g.place, w.webhook_id FROM given g JOIN <schema>.webhooks w ON w.tenant_id = tenant AND w.active
           AND w.webhook_id = ANY (held) AND EXISTS (SELECT FROM unnest(w.types) p
                        WHERE p = g.type OR (right(p, 1) = '*' AND starts_with(g.type, left(p, -1))))),
    stored AS (
        INSERT INTO <schema>.webhook_events (tenant_id, event_id, type, body)
        SELECT tenant, g.id, g.type, g.body FROM given g WHERE g.id IN (SELECT id FROM wanted)
        ON CONFLICT DO NOTHING RETURNING event_id),
    told AS (
        INSERT INTO <schema>.webhook_deliveries (tenant_id, delivery_id, webhook_id, event_id)
        SELECT tenant, gen_random_uuid(), w.webhook_id, w.id
          FROM wanted w JOIN stored s ON s.event_id = w.id ORDER BY w.place RETURNING webhook_id)
    SELECT array_agg(webhook_id) FROM told INTO reached;
    PERFORM <schema>.queue_webhook(tenant, r.one) FROM (SELECT DISTINCT unnest(reached) AS one) r;
    RETURN coalesce(cardinality(reached), 0);
END $$;

-- Have a webhook's deliveries made, now or later. Later is a job under a lock of its own, which queues the one that delivers: a job
-- that waits for a time holds all behind it that have its lock. It names the tenant otherwise than those that stand in the
-- tenants' order, because it has no place there.
CREATE FUNCTION wake_webhook(webhook uuid, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators and workers wake webhooks';
    END IF;
    IF NOT EXISTS (SELECT FROM <schema>.webhooks w WHERE w.tenant_id = <schema>.scope_tenant() AND w.webhook_id = webhook) THEN
        RETURN;
    END IF;
    IF at > now() THEN
        INSERT INTO <schema>.procrastinate_jobs (queue_name, task_name, lock, args, scheduled_at)
        VALUES ('webhooks', 'webhooks.due', 'webhook-later:' || webhook,
                jsonb_build_object('tenant', <schema>.scope_tenant(), 'webhook_id', webhook), at);
    ELSE
        PERFORM <schema>.queue_webhook(<schema>.scope_tenant(), webhook);
    END IF;
END $$;

-- What waits for a webhook is done by who calls this: each job was there with its deliveries, so what is claimed after sees them.
CREATE FUNCTION take_webhook_jobs(webhook uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'operate' THEN
        RAISE insufficient_privilege USING MESSAGE = 'operators and workers take jobs';
    END IF;
    DELETE FROM <schema>.procrastinate_jobs j
     WHERE j.lock IN ('webhook:' || webhook, 'webhook-later:' || webhook) AND j.status = 'todo'
       AND j.task_name IN ('webhooks.deliver', 'webhooks.due')
       AND coalesce(j.args->>'tenant_id', j.args->>'tenant') = <schema>.scope_tenant()::text;
END $$;

-- Across tenants, for the installation alone. Identifiers and numbers only.
-- Deliveries that are due and that no job is left for, such as after a job that failed for good, get one.
CREATE FUNCTION wake_due_webhooks() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$
DECLARE n integer;
BEGIN
    IF <schema>.scope_act() IS DISTINCT FROM 'directory' THEN
        RAISE insufficient_privilege USING MESSAGE = 'the installation wakes what is due';
    END IF;
    PERFORM <schema>.queue_webhook(w.tenant_id, w.webhook_id) FROM <schema>.webhooks w
     WHERE w.active AND coalesce(w.resume_at <= now(), true)
       AND EXISTS (SELECT FROM <schema>.webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id
                      AND d.state = 'pending' AND d.due_at <= now())
       AND NOT EXISTS (SELECT FROM <schema>.procrastinate_jobs j
                        WHERE j.lock = 'webhook:' || w.webhook_id AND j.status = 'doing')
       AND NOT EXISTS (SELECT FROM <schema>.procrastinate_jobs j
                        WHERE j.lock = 'webhook:' || w.webhook_id AND j.status = 'todo' AND j.task_name = 'webhooks.deliver'
                          AND coalesce(j.scheduled_at <= now(), true));
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
CREATE FUNCTION webhook_tenants() RETURNS TABLE (tenant_id uuid, tenant text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT t.tenant_id, t.slug FROM <schema>.tenants t WHERE <schema>.scope_act() = 'directory'
         AND (EXISTS (SELECT FROM <schema>.webhooks w WHERE w.tenant_id = t.tenant_id)
              OR EXISTS (SELECT FROM <schema>.webhook_events e WHERE e.tenant_id = t.tenant_id)) $$;
-- waiting_seconds: since the delivery was due that waits longest, of webhooks that nothing holds.
CREATE FUNCTION webhook_health() RETURNS TABLE (working bigint, failing bigint, disabled bigint, given_up bigint,
                                                pending bigint, dead bigint, dead_lately bigint,
                                                waiting_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, <schema>, pg_temp
AS $$ SELECT count(*) FILTER (WHERE w.active AND w.failing_since IS NULL),
             count(*) FILTER (WHERE w.active AND w.failing_since IS NOT NULL),
             count(*) FILTER (WHERE w.disabled_because = 'person'),
             count(*) FILTER (WHERE w.disabled_because IN ('failing', 'gone')),
             coalesce(sum(p.n), 0)::bigint, coalesce(sum(x.n), 0)::bigint, coalesce(sum(x.lately), 0)::bigint,
             greatest(0, coalesce(max(extract(epoch FROM now() - greatest(p.oldest, w.resume_at)))
                                  FILTER (WHERE w.active), 0))::double precision
        FROM <schema>.webhooks w
        LEFT JOIN LATERAL (SELECT count(*) AS n, min(d.due_at) AS oldest FROM <schema>.webhook_deliveries d
               WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id AND d.state = 'pending') p ON true
        LEFT JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE d.settled_at > now() - interval '1 day') AS lately
                FROM <schema>.webhook_deliveries d
               WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id AND d.state = 'dead') x ON true
       WHERE <schema>.scope_act() = 'directory' $$;

GRANT CREATE ON SCHEMA <schema> TO <prefix>_system;
ALTER FUNCTION queue_webhook(uuid, uuid) OWNER TO <prefix>_system;
ALTER FUNCTION publish_events(jsonb) OWNER TO <prefix>_system;
ALTER FUNCTION wake_webhook(uuid, timestamptz) OWNER TO <prefix>_system;
ALTER FUNCTION take_webhook_jobs(uuid) OWNER TO <prefix>_system;
ALTER FUNCTION wake_due_webhooks() OWNER TO <prefix>_system;
ALTER FUNCTION webhook_tenants() OWNER TO <prefix>_system;
ALTER FUNCTION webhook_health() OWNER TO <prefix>_system;
REVOKE CREATE ON SCHEMA <schema> FROM <prefix>_system;
SET LOCAL ROLE <prefix>_system;
REVOKE ALL ON FUNCTION queue_webhook(uuid, uuid), publish_events(jsonb), wake_webhook(uuid, timestamptz), take_webhook_jobs(uuid),
    wake_due_webhooks(), webhook_tenants(), webhook_health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION publish_events(jsonb), wake_webhook(uuid, timestamptz), take_webhook_jobs(uuid),
    wake_due_webhooks(), webhook_tenants(), webhook_health() TO <prefix>_app;
SET LOCAL ROLE <prefix>_owner;
