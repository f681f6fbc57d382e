-- What a person says: Presence Monitoring on or off, clear now.

-- The tab's view of one person. A person we never heard of is shown as off.
CREATE OR REPLACE FUNCTION presence.person_view(t_id uuid, u_id uuid)
RETURNS TABLE (monitoring boolean, consent text, extensions text[], availability text,
    activity text, since timestamptz, until timestamptz, reason text, problem text)
LANGUAGE sql STABLE ROWS 1 SECURITY DEFINER SET search_path = presence, pg_temp AS $$
SELECT coalesce(u.monitoring, false), t.consent,
    ARRAY(SELECT x.extension FROM extension x WHERE x.tenant_id = t_id AND x.user_id = u_id
        ORDER BY x.extension LIMIT 50),
    CASE WHEN u.published_until_at > now() THEN goal_availability(u.published) END,
    CASE WHEN u.published_until_at > now() THEN goal_activity(u.published) END,
    CASE WHEN u.published_until_at > now() OR u.published = 'clear' THEN
        CASE WHEN u.published = u.goal AND u.certain THEN least(u.goal_at, u.published_at)
             ELSE u.published_at END END,
    CASE WHEN u.published_until_at > now() THEN u.published_until_at END,
    CASE WHEN u.goal <> 'none' OR u.reason IS DISTINCT FROM 'call' THEN u.reason END,
    coalesce(CASE WHEN t.consent = 'lost' THEN 'consent_lost' END,
        CASE WHEN user_must_tell(u) OR u.failed_no = u.goal_no
            OR (u.goal = 'busy' AND u.published_until_at <= now())  -- it could not be renewed
            THEN u.problem END)
FROM tenant t LEFT JOIN teams_user u ON u.tenant_id = t.tenant_id AND u.user_id = u_id
WHERE t.tenant_id = t_id
$$;

-- One person's step, stored.
--   rows  at most one job
CREATE OR REPLACE FUNCTION presence.user_settle(u presence.teams_user, t presence.tenant,
    at timestamptz)
RETURNS SETOF presence.job LANGUAGE plpgsql AS $$
DECLARE
    b tenant_budget;
    s step;
BEGIN
    SELECT * INTO b FROM tenant_budget x WHERE x.tenant_id = t.tenant_id;
    s := user_step(u, b, t, false, at);
    PERFORM steps_store(ARRAY[s]);
    IF (s.job).kind IS NOT NULL THEN
        RETURN NEXT s.job;
    END IF;
END $$;

-- R11: the person's own switch. Off: legs go without a tombstone and our
-- presence session is cleared.
--   errors  PS404 the tenant is not known
--   rows    at most one job
CREATE OR REPLACE FUNCTION presence.monitoring_set(t_id uuid, u_id uuid, who_name text,
    who_upn text, switched_on boolean)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    t tenant := tenant_lock(t_id);
    u teams_user;
    at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO teams_user (tenant_id, user_id, name, upn) VALUES (t_id, u_id, who_name, who_upn)
    ON CONFLICT (tenant_id, user_id) DO UPDATE
    SET name = coalesce(EXCLUDED.name, teams_user.name), upn = coalesce(EXCLUDED.upn, teams_user.upn)
    RETURNING * INTO u;
    IF u.monitoring = switched_on THEN
        RETURN;
    END IF;
    u.monitoring := switched_on;
    u.monitoring_at := at;
    IF NOT switched_on THEN
        DELETE FROM call_leg l WHERE l.tenant_id = t_id AND l.user_id = u_id;
        u := user_goal(u, t, user_legs(u, t), 'clear', 'monitoring_off', at);
    END IF;
    INSERT INTO event (tenant_id, at, kind, type, outcome, user_id)
    VALUES (t_id, at, 'switch', 'monitoring', CASE WHEN switched_on THEN 'on' ELSE 'off' END, u_id);
    RETURN QUERY SELECT * FROM user_settle(u, t, at);
END $$;

-- R9: clear now. Ends every open leg (tombstones stay) and clears.
--   by  cleared (the person) or cleared_by_admin, for the log
CREATE OR REPLACE FUNCTION presence.person_clear(t_id uuid, u_id uuid, by text)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    t tenant := tenant_lock(t_id);
    u teams_user;
    at timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO u FROM teams_user WHERE tenant_id = t_id AND user_id = u_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this person is not known here' USING ERRCODE = 'PS404';
    END IF;
    PERFORM legs_end(t_id, u_id, NULL, NULL, at);
    u := user_goal(u, t, user_legs(u, t), 'clear', 'cleared', at);
    u.failed_no := NULL;
    INSERT INTO event (tenant_id, at, kind, type, outcome, user_id)
    VALUES (t_id, at, 'switch', 'clear', by, u_id);
    RETURN QUERY SELECT * FROM user_settle(u, t, at);
END $$;

-- An extension that a person no longer has.
DO $$ BEGIN
    CREATE TYPE presence.link_end AS (user_id uuid, extension text);
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

-- R18: legs of an extension end for whoever had it; the new person starts with none.
-- For the functions that change links; the caller holds the tenant's lock.
--   rows  at most 64 jobs; who is left is due now
CREATE OR REPLACE FUNCTION presence.links_end(t presence.tenant, p_id uuid,
    ends presence.link_end[])
RETURNS SETOF presence.job LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    e record;
    b tenant_budget;
    u teams_user;
    s step;
    steps step[] := '{}';
BEGIN
    SELECT * INTO b FROM tenant_budget x WHERE x.tenant_id = t.tenant_id;
    FOR e IN SELECT x.user_id, array_agg(x.extension) AS extensions FROM unnest(ends) x
        GROUP BY x.user_id ORDER BY x.user_id
    LOOP
        CONTINUE WHEN (SELECT sum(legs_end(t.tenant_id, e.user_id, p_id, x, at))
            FROM unnest(e.extensions) x) = 0;
        SELECT * INTO u FROM teams_user x WHERE x.tenant_id = t.tenant_id AND x.user_id = e.user_id;
        u := user_goal(u, t, user_legs(u, t), 'silent', 'unlinked', at);
        s := CASE WHEN cardinality(steps) < 64 THEN user_step(u, b, t, false, at)
            ELSE user_later(u, due_spread(at, cardinality(steps))) END;
        b := coalesce(s.b, b);
        steps := steps || s;
    END LOOP;
    PERFORM steps_store(steps);
    RETURN QUERY SELECT (x.job).* FROM unnest(steps) x WHERE (x.job).kind IS NOT NULL;
END $$;
