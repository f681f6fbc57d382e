-- A PBX's own API: where it is, how its subscription does, and whose calls it is
-- asked about.

-- Where to ask. What was known of an earlier address is forgotten.
--   credentials  sealed; NULL keeps them, but for no other url: nobody may send
--                them elsewhere who does not know them
--   errors       PS404, PS400 credentials are needed
CREATE OR REPLACE FUNCTION presence.pbx_api_set(t_id uuid, p_id uuid, url text, domain text,
    credentials text, by uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
    sealed text := coalesce($5,
        (SELECT a.credentials FROM pbx_api a
        WHERE a.tenant_id = t_id AND a.pbx_id = p_id AND a.url = $3));
BEGIN
    PERFORM pbx_need(t_id, p_id);
    IF sealed IS NULL THEN
        RAISE EXCEPTION 'key, or client_id, client_secret, username and password, is missing'
            USING ERRCODE = 'PS400';
    END IF;
    INSERT INTO pbx_api AS a (tenant_id, pbx_id, url, domain, credentials)
    VALUES (t_id, p_id, $3, $4, sealed)
    ON CONFLICT (tenant_id, pbx_id) DO UPDATE SET url = EXCLUDED.url, domain = EXCLUDED.domain,
        credentials = EXCLUDED.credentials, state = 'new', problem = NULL,
        checked_at = NULL, until_at = NULL, at = now(), attempts = 0, retry_at = NULL,
        claim_until_at = NULL;
    PERFORM admin_log(t_id, by, 'pbx', 'api_changed',
        (SELECT p.name FROM pbx p WHERE p.tenant_id = t_id AND p.pbx_id = p_id));
END $$;

CREATE OR REPLACE FUNCTION presence.pbx_api_delete(t_id uuid, p_id uuid, by uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
BEGIN
    PERFORM pbx_need(t_id, p_id);
    DELETE FROM pbx_api a WHERE a.tenant_id = t_id AND a.pbx_id = p_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no API is set for this PBX' USING ERRCODE = 'PS404';
    END IF;
    PERFORM admin_log(t_id, by, 'pbx', 'api_removed',
        (SELECT p.name FROM pbx p WHERE p.tenant_id = t_id AND p.pbx_id = p_id));
END $$;

-- No row: none is set.  errors PS404
CREATE OR REPLACE FUNCTION presence.pbx_api_get(t_id uuid, p_id uuid)
RETURNS TABLE (url text, domain text, state text, problem text, checked_at timestamptz,
    until_at timestamptz, credentials text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    PERFORM pbx_need(t_id, p_id);
    RETURN QUERY SELECT a.url, a.domain, a.state, a.problem, a.checked_at, a.until_at, a.credentials
    FROM pbx_api a WHERE a.tenant_id = t_id AND a.pbx_id = p_id;
END $$;

-- One PBX that is to be looked after, or asked, by the caller alone for 2 min;
-- no row: none. Whom to ask about is handed out and forgotten: should that come
-- to nothing, the next renewal asks again.
--   subscribe  its subscription is to be looked at
--   asked      extensions, 50 at most
--   asked_us   clock_us(): legs with later news are none of this look's
CREATE OR REPLACE FUNCTION presence.pbx_api_take()
RETURNS TABLE (tenant_id uuid, pbx_id uuid, url text, domain text, credentials text,
    secret text, by_path boolean, claim_no bigint, subscribe boolean, asked text[], asked_us bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
#variable_conflict use_column
DECLARE
    a pbx_api;
    now_at timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO a FROM pbx_api x
    WHERE NOT is_ahead(x.claim_until_at, now_at, '2 min')
    AND NOT is_ahead(x.retry_at, now_at, '15 min')
    AND (x.at <= now_at OR EXISTS (SELECT FROM pbx_ask k
        WHERE k.tenant_id = x.tenant_id AND k.pbx_id = x.pbx_id AND k.at <= now_at))
    -- One of a tenant at a time, so that others' come in between.
    AND NOT EXISTS (SELECT FROM pbx_api y WHERE y.tenant_id = x.tenant_id
        AND y.pbx_id <> x.pbx_id AND is_ahead(y.claim_until_at, now_at, '2 min'))
    ORDER BY least(x.at, (SELECT min(k.at) FROM pbx_ask k
        WHERE k.tenant_id = x.tenant_id AND k.pbx_id = x.pbx_id)) LIMIT 1
    FOR UPDATE SKIP LOCKED;
    IF a.pbx_id IS NULL THEN
        RETURN;
    END IF;
    UPDATE pbx_api x SET claim_no = a.claim_no + 1, claim_until_at = now_at + interval '2 min'
    WHERE x.tenant_id = a.tenant_id AND x.pbx_id = a.pbx_id;
    WITH gone AS (DELETE FROM pbx_ask k USING (SELECT y.extension FROM pbx_ask y
            WHERE y.tenant_id = a.tenant_id AND y.pbx_id = a.pbx_id AND y.at <= now_at
            ORDER BY y.at LIMIT 50 FOR UPDATE SKIP LOCKED) z
        WHERE k.tenant_id = a.tenant_id AND k.pbx_id = a.pbx_id AND k.extension = z.extension
        RETURNING k.extension)
    SELECT coalesce(array_agg(g.extension), '{}') INTO asked FROM gone g;
    RETURN QUERY SELECT a.tenant_id, a.pbx_id, a.url, a.domain, a.credentials, p.secret,
        p.auth = 'path', a.claim_no + 1, a.at <= now_at, asked, clock_us()
    FROM pbx p WHERE p.tenant_id = a.tenant_id AND p.pbx_id = a.pbx_id;
END $$;

-- What came of it. An outdated claim is ignored.
--   st       NULL: the subscription was not looked at
--   why      without st: what failed, in words; the PBX is then left alone for a
--            while, and its subscription looked at first. With st: what is wrong with it
--   until_s  how long the subscription lasts; NULL: not known
CREATE OR REPLACE FUNCTION presence.pbx_api_done(t_id uuid, p_id uuid, claim bigint, st text,
    why text, until_s int)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    a pbx_api;
    now_at timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO a FROM pbx_api x
    WHERE x.tenant_id = t_id AND x.pbx_id = p_id AND x.claim_no = claim
    AND x.claim_until_at IS NOT NULL FOR UPDATE;
    IF a.pbx_id IS NULL THEN
        RETURN;
    END IF;
    a.claim_until_at := NULL;
    IF st IS NULL AND why IS NOT NULL THEN
        a.state := 'failed';
        a.problem := why;
        a.at := now_at;
        a.retry_at := now_at + make_interval(secs => least(900, 15 * 2 ^ least(a.attempts, 6)));
        a.attempts := a.attempts + 1;
    ELSE
        a.checked_at := now_at;
        a.retry_at := NULL;
        a.attempts := 0;
    END IF;
    IF st IS NOT NULL THEN
        a.state := st;
        a.problem := why;
        a.until_at := now_at + make_interval(secs => until_s);
        a.at := now_at + CASE st WHEN 'active' THEN interval '1 h' ELSE interval '5 min' END;
    END IF;
    UPDATE pbx_api x SET state = a.state, problem = a.problem, checked_at = a.checked_at,
        until_at = a.until_at, at = a.at, attempts = a.attempts, retry_at = a.retry_at,
        claim_until_at = NULL
    WHERE x.tenant_id = t_id AND x.pbx_id = p_id;
END $$;

-- R9: whose lease is renewed is asked about.
CREATE OR REPLACE FUNCTION presence.pbx_ask_about(tenants uuid[], users uuid[], at timestamptz)
RETURNS void LANGUAGE sql AS $$
INSERT INTO presence.pbx_ask AS k
SELECT DISTINCT l.tenant_id, l.pbx_id, l.extension, $3
FROM unnest(tenants, users) AS r(t, u)
JOIN presence.call_leg l ON l.tenant_id = r.t AND l.user_id = r.u AND l.kind = 'call'
JOIN presence.pbx_api a ON a.tenant_id = l.tenant_id AND a.pbx_id = l.pbx_id
ON CONFLICT (tenant_id, pbx_id, extension) DO NOTHING
$$;

-- R9: the PBX has told which calls an extension has. A leg that is not among
-- them, and had its last news before the PBX was asked, has ended; the others
-- have news.
--   calls     [{c call_id, l leg_id or null}]; a call with any leg keeps all legs of
--             its id when l is null
--   asked_us  of pbx_api_take
--   rows      the job to publish, if any
CREATE OR REPLACE FUNCTION presence.pbx_told(t_id uuid, p_id uuid, ext text, calls jsonb,
    asked_us bigint)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
    told_at timestamptz := clock_timestamp();
    asked timestamptz := to_timestamp(asked_us / 1e6) - interval '5 s';
    u teams_user;
    l call_leg;
    ended int := 0;
BEGIN
    SELECT x.* INTO u FROM extension e
    JOIN teams_user x ON x.tenant_id = e.tenant_id AND x.user_id = e.user_id
    WHERE e.tenant_id = t_id AND e.pbx_id = p_id AND e.extension = ext;
    IF u.user_id IS NULL THEN
        RETURN;
    END IF;
    UPDATE call_leg x SET news_at = greatest(x.news_at, told_at)
    FROM jsonb_to_recordset(calls) AS c(c text, l text)
    WHERE x.tenant_id = t_id AND x.user_id = u.user_id AND x.pbx_id = p_id AND x.extension = ext
    AND x.kind = 'call' AND x.state > 1 AND x.call_id = c.c AND (c.l IS NULL OR x.leg_id = c.l);
    -- Who is in a call that we do not know is not freed: that ids are written alike
    -- everywhere is not certain.
    IF NOT EXISTS (SELECT FROM jsonb_to_recordset(calls) AS c(c text, l text)
        WHERE NOT EXISTS (SELECT FROM call_leg x
            WHERE x.tenant_id = t_id AND x.user_id = u.user_id AND x.pbx_id = p_id
            AND x.extension = ext AND x.kind = 'call'
            AND x.call_id = c.c AND (c.l IS NULL OR x.leg_id = c.l)))
    THEN
        FOR l IN DELETE FROM call_leg x
            WHERE x.tenant_id = t_id AND x.user_id = u.user_id AND x.pbx_id = p_id
            AND x.extension = ext AND x.kind = 'call' AND x.news_at < asked
            AND NOT EXISTS (SELECT FROM jsonb_to_recordset(calls) AS c(c text, l text)
                WHERE x.call_id = c.c AND (c.l IS NULL OR x.leg_id = c.l))
            RETURNING x.*
        LOOP
            ended := ended + 1;
            PERFORM leg_bury(t_id, p_id, ext, l.call_id, l.leg_id, false, told_at);
            INSERT INTO event (tenant_id, at, kind, type, outcome, user_id, pbx_id, extension)
            VALUES (t_id, told_at, 'event', 'leg', 'gone', u.user_id, p_id, ext);
        END LOOP;
    END IF;
    u := user_goal(u, t, user_legs(u, t), CASE ended WHEN 0 THEN 'news' ELSE 'silent' END, 'gone', told_at);
    RETURN QUERY SELECT * FROM user_settle(u, t, told_at);
END $$;
