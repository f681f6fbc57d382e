-- Facts in: what a PBX says, batch by batch.

-- When a tombstone counts from; it counts for 72 hours. A call id that begins with
-- "phone:" is a phone's own reference, which it uses again: 10 seconds are left.
CREATE OR REPLACE FUNCTION presence.tombstone_at(call text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT CASE WHEN call LIKE 'phone:%' THEN at - interval '72 h' + interval '10 s' ELSE at END
$$;

-- A tombstone: this leg (or, whole, this call at this extension) has ended.
CREATE OR REPLACE FUNCTION presence.leg_bury(t uuid, p uuid, ext text, call text, leg text,
    whole boolean, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO call_end AS c VALUES ($1, $2, $3, $4, $5, $6, tombstone_at($4, $7))
    ON CONFLICT (tenant_id, pbx_id, extension, call_id, leg_id)
    DO UPDATE SET at = EXCLUDED.at, whole = c.whole OR EXCLUDED.whole;
END $$;

-- Ends a person's legs and leaves tombstones where a late event could come;
-- the filters are NULL for "any". Returns how many ended.
CREATE OR REPLACE FUNCTION presence.legs_end(t uuid, u uuid, p uuid, ext text, at timestamptz)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    n int;
BEGIN
    WITH gone AS (
        DELETE FROM call_leg l
        WHERE l.tenant_id = $1 AND l.user_id = $2
        AND ($3 IS NULL OR l.pbx_id = $3) AND ($4 IS NULL OR l.extension = $4)
        RETURNING l.*),
    buried AS (
        INSERT INTO call_end
        SELECT tenant_id, pbx_id, extension, call_id, leg_id, false, tombstone_at(call_id, $5)
        FROM gone WHERE kind = 'call'
        ON CONFLICT (tenant_id, pbx_id, extension, call_id, leg_id) DO UPDATE SET at = EXCLUDED.at)
    SELECT count(*) INTO n FROM gone;
    RETURN n;
END $$;

-- R4: within a call's leg the rank decides, never the order of arrival.
-- Returns whether anything changed.
CREATE OR REPLACE FUNCTION presence.leg_call(t uuid, u uuid, p uuid, ext text, type text,
    call text, leg text, event_at timestamptz, at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    rank smallint := CASE type WHEN 'call.ringing' THEN 1 WHEN 'call.held' THEN 3 ELSE 2 END;
BEGIN
    IF type = 'call.ended' THEN
        WITH buried AS (
            INSERT INTO call_end AS c VALUES
                (t, p, ext, call, coalesce(leg, ''), leg IS NULL, tombstone_at(call, at))
            ON CONFLICT (tenant_id, pbx_id, extension, call_id, leg_id)
            DO UPDATE SET at = EXCLUDED.at, whole = c.whole OR EXCLUDED.whole)
        DELETE FROM call_leg l
        WHERE l.tenant_id = t AND l.user_id = u AND l.pbx_id = p AND l.extension = ext
        AND l.kind = 'call' AND l.call_id = call AND (leg IS NULL OR l.leg_id = leg);
        RETURN FOUND;
    END IF;
    INSERT INTO call_leg AS l
    SELECT t, u, p, ext, 'call', call, coalesce(leg, ''), rank, at, at, at, leg_call.event_at
    WHERE NOT EXISTS (SELECT FROM call_end c
            WHERE c.tenant_id = t AND c.pbx_id = p AND c.extension = ext AND c.call_id = call
            AND (c.leg_id = coalesce(leg, '') OR c.whole) AND c.at > leg_call.at - interval '72 h')
        AND NOT EXISTS (SELECT FROM call_end c
            WHERE c.tenant_id = t AND c.pbx_id = p AND c.extension = '' AND c.call_id = call
            AND c.at > leg_call.at - interval '72 h')
    ON CONFLICT (tenant_id, user_id, pbx_id, extension, kind, call_id, leg_id) DO UPDATE SET
        news_at = at, said_at = at, event_at = EXCLUDED.event_at,
        state = CASE type WHEN 'call.resumed' THEN 2 ELSE greatest(l.state, rank) END;
    RETURN FOUND;
END $$;

-- R6: when it was said, in our clock: as long before it came as the sender held
-- it back. Nobody holds a message back for four days: then its clock is wrong.
CREATE OR REPLACE FUNCTION presence.said_at(at timestamptz, event_us bigint, attempt_us bigint)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT at - CASE WHEN attempt_us - event_us BETWEEN 0 AND 4 * 86400 * 1000000::bigint
        THEN make_interval(secs => (attempt_us - event_us) / 1e6) ELSE interval '0' END
$$;

-- Is this assertion newer than every one in its way? Then it is kept.
--   ways  the kinds of this extension that can overrule it, beside its own row
CREATE OR REPLACE FUNCTION presence.assertion_take(t uuid, p uuid, ext text, kind text,
    line text, ways text[], said timestamptz, event_at timestamptz, at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM assertion a
            WHERE a.tenant_id = t AND a.pbx_id = p AND a.extension = ext
            AND ((a.kind = assertion_take.kind AND a.line = assertion_take.line)
                OR a.kind = ANY (ways))
            AND NOT is_newer(said, assertion_take.event_at, a.at, a.event_at, assertion_take.at))
        OR EXISTS (SELECT FROM assertion a      -- of the whole PBX: in everybody's way
            WHERE a.tenant_id = t AND a.pbx_id = p AND a.extension = '' AND a.kind = 'pbx'
            AND NOT is_newer(said, assertion_take.event_at, a.at, a.event_at, assertion_take.at))
    THEN
        RETURN false;
    END IF;
    UPDATE assertion a SET at = said, event_at = assertion_take.event_at
    WHERE a.tenant_id = t AND a.pbx_id = p AND a.extension = ext
    AND a.kind = assertion_take.kind AND a.line = assertion_take.line;
    IF NOT FOUND THEN
        INSERT INTO assertion VALUES (t, p, ext, kind, line, said, event_at);
    END IF;
    RETURN true;
END $$;

-- R6: a handset is lifted or put down.
CREATE OR REPLACE FUNCTION presence.leg_handset(t uuid, u uuid, p uuid, ext text, type text,
    line text, said timestamptz, event_at timestamptz, at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF type = 'phone.off_hook' THEN
        IF NOT assertion_take(t, p, ext, 'handset', coalesce(line, ''),
            '{handsets,extension}', said, event_at, at)
        THEN
            RETURN false;
        END IF;
        INSERT INTO call_leg VALUES
            (t, u, p, ext, 'handset', '', coalesce(line, ''), 2, at, at, said, event_at)
        ON CONFLICT (tenant_id, user_id, pbx_id, extension, kind, call_id, leg_id)
        DO UPDATE SET news_at = EXCLUDED.news_at, said_at = EXCLUDED.said_at,
            event_at = EXCLUDED.event_at;
        RETURN true;
    END IF;
    IF line IS NOT NULL THEN
        IF NOT assertion_take(t, p, ext, 'handset', line,
            '{handsets,extension}', said, event_at, at)
        THEN
            RETURN false;
        END IF;
    ELSIF NOT assertion_take(t, p, ext, 'handsets', '', '{extension}', said, event_at, at) THEN
        RETURN false;
    END IF;
    DELETE FROM call_leg l
    WHERE l.tenant_id = t AND l.user_id = u AND l.pbx_id = p AND l.extension = ext
    AND l.kind = 'handset' AND (line IS NULL OR l.leg_id = line)
    AND NOT EXISTS (SELECT FROM assertion a     -- that line was lifted later
        WHERE a.tenant_id = t AND a.pbx_id = p AND a.extension = ext
        AND a.kind = 'handset' AND a.line = l.leg_id
        AND NOT is_newer(said, leg_handset.event_at, a.at, a.event_at, leg_handset.at));
    RETURN FOUND;
END $$;

-- R6: the PBX asserts the whole state of an extension.
CREATE OR REPLACE FUNCTION presence.leg_extension(t uuid, u uuid, p uuid, ext text, type text,
    said timestamptz, event_at timestamptz, at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    l call_leg;
    changed boolean := false;
BEGIN
    IF NOT assertion_take(t, p, ext, 'extension', '', '{}', said, event_at, at) THEN
        RETURN false;
    END IF;
    FOR l IN DELETE FROM call_leg x
        WHERE x.tenant_id = t AND x.user_id = u AND x.pbx_id = p AND x.extension = ext
        AND is_newer(said, leg_extension.event_at, x.said_at, x.event_at, leg_extension.at)
        AND NOT (x.kind = 'extension' AND type = 'extension.busy')
        RETURNING x.*
    LOOP
        changed := true;
        IF l.kind = 'call' THEN
            PERFORM leg_bury(t, p, ext, l.call_id, l.leg_id, false, at);
        END IF;
    END LOOP;
    IF type = 'extension.busy' THEN
        INSERT INTO call_leg VALUES (t, u, p, ext, 'extension', '', '', 2, at, at, said, event_at)
        ON CONFLICT (tenant_id, user_id, pbx_id, extension, kind, call_id, leg_id)
        DO UPDATE SET news_at = EXCLUDED.news_at, said_at = EXCLUDED.said_at,
            event_at = EXCLUDED.event_at;
        changed := true;
    END IF;
    RETURN changed;
END $$;

-- The lock of a tenant: whoever holds it may change the tenant's rows. PostgreSQL
-- keeps those who wait in line, and a try fails while somebody stands there, so
-- nobody is overtaken for ever. Key 0 is shared by all holders: clock_jumped
-- takes it alone.
CREATE OR REPLACE FUNCTION presence.tenant_key(t uuid)
RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT uuid_hash_extended($1, 0)';

-- Stands in line for one tenant, and perhaps in vain.
CREATE OR REPLACE FUNCTION presence.tenant_wait(t uuid, wait_ms int)
RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    PERFORM set_config('lock_timeout', wait_ms || 'ms', true),     -- within this function
        pg_advisory_xact_lock(tenant_key(t));
EXCEPTION WHEN lock_not_available THEN
    NULL;
END $$;

-- Locks tenants, leaving out those that somebody else holds: one tenant cannot
-- stop the others. Returns those it got.
--   wait_ms  how long it stands in line for the first of them; 0 for who holds a
--            lock already
CREATE OR REPLACE FUNCTION presence.tenants_lock(wanted uuid[], wait_ms int)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    got uuid[] := '{}';
    t uuid;
BEGIN
    IF cardinality(wanted) = 0 OR NOT pg_try_advisory_xact_lock_shared(0) THEN
        RETURN '{}';
    END IF;
    IF wait_ms > 0 AND NOT pg_try_advisory_xact_lock(tenant_key(wanted[1])) THEN
        PERFORM tenant_wait(wanted[1], wait_ms);
    END IF;
    FOREACH t IN ARRAY wanted LOOP
        IF pg_try_advisory_xact_lock(tenant_key(t)) THEN
            got := got || t;
        END IF;
    END LOOP;
    RETURN got;
END $$;

-- The tenants of a batch, in the order of their first items.
CREATE OR REPLACE FUNCTION presence.batch_tenants(batch jsonb)
RETURNS uuid[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    wanted uuid[] := '{}';
    t uuid;
BEGIN
    FOR i IN 0 .. jsonb_array_length(batch) - 1 LOOP
        t := batch->i->>'t';
        IF NOT t = ANY (wanted) THEN
            wanted := wanted || t;
        END IF;
    END LOOP;
    RETURN wanted;
END $$;

-- The lock of one tenant, waiting for it (at most lock_timeout).
CREATE OR REPLACE FUNCTION presence.tenant_lock(t uuid)
RETURNS presence.tenant LANGUAGE plpgsql AS $$
DECLARE
    found_tenant tenant;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(0), pg_advisory_xact_lock(tenant_key(t));
    SELECT * INTO found_tenant FROM tenant WHERE tenant_id = t;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this tenant is not known here' USING ERRCODE = 'PS404';
    END IF;
    RETURN found_tenant;
END $$;

-- What PBXs said and what Teams was told, in one transaction, in the order given; the
-- results of a person's calls before that person's events.
--   batch  an event: {i, t tenant, p pbx, y type, e extension, c call, l leg, n line,
--          a event time us, w attempt time us, k key}; i is the caller's own
--          a result: {i, t tenant, u user, c claim number, r result, a retry after s,
--          m Graph ms, d detail}; without i its place counts, from 0
--     r  ok, throttled, unauthorized, forbidden, not_found, rejected,
--        failed (answered 5xx: the effect is unknown), unknown (no answer:
--        it may still land), unsent (certainly not sent),
--        lost (d: why the tenant's consent is gone), credential (d: the code)
--   wait_ms how long to stand in line for the first one's tenant
--   rows   kind event: one for each, outcome = locked (the tenant is held by
--          somebody else: nothing was done, give it again), no_pbx, error,
--          unknown_extension, monitoring_off, duplicate, no_consent,
--          unchanged, changed, told (changed to what Teams shows already);
--          the goal after it and its number
--          kind done: one for each result. outcome: told, superseded (an
--          outdated claim: ignored), locked, later; goal_no = every goal up to this
--          number is settled
--          kind publish, again (with a token that was asked for after this): Graph calls
--          that the caller now owns
--          kind probe: of the tenant, now the caller's
CREATE OR REPLACE FUNCTION presence.apply(batch jsonb, wait_ms int DEFAULT 60)
RETURNS TABLE (kind text, i int, outcome text, tenant_id uuid, user_id uuid,
    goal text, goal_no bigint, claim_no bigint, expires_s int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    locked uuid[] := tenants_lock(batch_tenants(batch), wait_ms);
    e record;
    t tenant;
    b tenant_budget;
    u teams_user;
    was bigint;
    pbx_at timestamptz;
    at timestamptz;
    touched boolean;
    moved boolean;          -- a leg of this person, by an event of this batch
    heard boolean;          -- an event of this person is among them
    settled boolean;        -- a call of this person has ended
    seen text[] := '{}';    -- keys of this batch
    must boolean;
    result text;
    detail text;
    s step;
    steps step[] := '{}';
    lines event[] := '{}';  -- of the log
    durable boolean := false;
BEGIN
    -- What changes a whole tenant comes first.
    IF batch @? '$[*] ? (@.r == "lost")' THEN
        PERFORM consent_put(x, 'lost', g.d, clock_timestamp())
        FROM (SELECT DISTINCT ON (r.t) r.t, coalesce(r.d, 'permission_removed') AS d
            FROM jsonb_to_recordset(batch) AS r(t uuid, u uuid, c text, r text, d text)
            JOIN teams_user x ON x.tenant_id = r.t AND x.user_id = r.u
                AND x.claim_no::text = r.c AND x.claim_until_at IS NOT NULL
            WHERE r.r = 'lost' AND r.t = ANY (locked)) g
        JOIN tenant x ON x.tenant_id = g.t;
    END IF;
    -- Person by person; the keys of all events at once.
    FOR e IN
        WITH f AS (
            SELECT r.*, coalesce(r.u, x.user_id) AS uid, p.pbx_id IS NOT NULL AS known,
                p.last_event_at, p.max_call_s, tn AS tenant, bg AS budget, us AS person
            FROM ROWS FROM (jsonb_to_recordset(batch) AS (i int, t uuid, p uuid, y text, e text,
                c text, l text, n text, a bigint, w bigint, k text, u uuid, r text, m int, d text))
                WITH ORDINALITY AS r(i, t, p, y, e, c, l, n, a, w, k, u, r, m, d, nr)
            LEFT JOIN pbx p ON p.tenant_id = r.t AND p.pbx_id = r.p
            LEFT JOIN extension x ON x.tenant_id = r.t AND x.pbx_id = r.p AND x.extension = r.e
            LEFT JOIN teams_user us ON us.tenant_id = r.t AND us.user_id = coalesce(r.u, x.user_id)
            LEFT JOIN tenant tn ON tn.tenant_id = r.t
            LEFT JOIN tenant_budget bg ON bg.tenant_id = r.t),
        keys AS (
            INSERT INTO event_key
            SELECT f.t, f.p, f.k, clock_timestamp() FROM f
            WHERE f.k IS NOT NULL AND (f.person).monitoring AND f.t = ANY (locked)
            ON CONFLICT DO NOTHING RETURNING pbx_id, key)
        SELECT f.*, f.p || f.k = ANY (ARRAY(SELECT pbx_id || key FROM keys)) AS fresh,
            lead(f.uid) OVER w IS DISTINCT FROM f.uid OR lead(f.t) OVER w <> f.t AS last
        FROM f
        WINDOW w AS (ORDER BY f.t, f.uid, f.r IS NULL, f.nr)
        ORDER BY f.t, f.uid, f.r IS NULL, f.nr
    LOOP
        at := clock_timestamp();    -- each event has its own moment
        kind := CASE WHEN e.r IS NULL THEN 'event' ELSE 'done' END;
        i := coalesce(e.i, e.nr - 1); tenant_id := e.t; user_id := e.uid;
        goal := NULL; goal_no := NULL; claim_no := NULL;
        IF NOT e.t = ANY (locked) THEN
            -- A tenant that is gone has no PBX any more, and nothing left to record.
            outcome := CASE WHEN e.r IS NULL AND NOT e.known THEN 'no_pbx'
                WHEN (e.tenant).tenant_id IS NULL THEN 'superseded' ELSE 'locked' END;
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF t.tenant_id IS DISTINCT FROM e.t THEN
            t := e.tenant;
            b := e.budget;
            u := NULL;
        END IF;
        IF u.user_id IS DISTINCT FROM e.uid THEN
            u := e.person;
            moved := false;
            heard := false;
            settled := false;
        END IF;
        IF e.r IS NOT NULL THEN
            claim_no := e.c;
            IF u.claim_no IS DISTINCT FROM claim_no OR u.claim_until_at IS NULL THEN
                outcome := 'superseded';
            ELSE
                settled := true;
                IF e.r = 'ok' THEN
                    u := user_told(u, t, at);
                ELSE
                    s := user_not_told(u, b, t, e.r, e.a, e.d, at);
                    u := s.u;
                    b := s.b;
                    IF (s.job).kind IS NOT NULL THEN
                        s.u := NULL;
                        steps := steps || s;
                    END IF;
                END IF;
                outcome := CASE e.r WHEN 'ok' THEN 'told' ELSE 'later' END;
                goal_no := u.published_no;
                lines := lines || (e.t, NULL, at, 'publish', u.claim_goal,
                    CASE e.r WHEN 'ok' THEN 'published' ELSE e.r END, e.u, NULL, NULL,
                    CASE WHEN e.r = 'ok' AND u.claim_goal_no > 0
                        AND u.claim_at - u.goal_at < interval '60 s' AND u.claim_goal_no = u.goal_no
                        THEN extract(epoch FROM at - u.goal_at) * 1000 END,
                    e.m, CASE WHEN e.r <> 'ok' THEN e.d END)::event;
            END IF;
            RETURN NEXT;
        ELSE
            heard := true;
            durable := true;
            result := NULL;
            touched := false;
            was := u.goal_no;
            IF NOT e.known THEN
                result := 'no_pbx';
            ELSE
                IF (e.last_event_at BETWEEN at - interval '5 s' AND at) IS NOT TRUE THEN
                    UPDATE pbx SET last_event_at = at WHERE pbx.tenant_id = e.t AND pbx.pbx_id = e.p
                    AND (last_event_at BETWEEN at - interval '5 s' AND at) IS NOT TRUE;
                END IF;
                result := CASE WHEN e.uid IS NULL THEN 'unknown_extension'
                    WHEN NOT u.monitoring THEN 'monitoring_off'
                    WHEN e.k IS NOT NULL AND (NOT e.fresh OR e.p || e.k = ANY (seen)) THEN 'duplicate' END;
                seen := seen || (e.p || e.k);
            END IF;
            IF result IS NULL THEN
                BEGIN
                    pbx_at := to_timestamp(e.a / 1e6);
                    touched := CASE
                        WHEN e.y LIKE 'call.%' THEN
                            leg_call(e.t, e.uid, e.p, e.e, e.y, e.c, e.l, pbx_at, at)
                        WHEN e.y LIKE 'phone.%' THEN
                            leg_handset(e.t, e.uid, e.p, e.e, e.y, e.n, said_at(at, e.a, e.w), pbx_at, at)
                        ELSE leg_extension(e.t, e.uid, e.p, e.e, e.y, said_at(at, e.a, e.w), pbx_at, at)
                        END;
                EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
                    GET STACKED DIAGNOSTICS detail = MESSAGE_TEXT;
                    RAISE WARNING 'event not applied: %', detail;
                    result := 'error';
                    DELETE FROM event_key x WHERE x.tenant_id = e.t AND x.pbx_id = e.p AND x.key = e.k;
                END;
            END IF;
            IF touched THEN
                moved := true;
                u := user_goal(u, t, CASE
                    -- The first one that is open, and it makes busy.
                    WHEN u.stale_at IS NULL AND e.y IN ('phone.off_hook', 'call.answered',
                        'call.held', 'call.resumed', 'extension.busy')
                    THEN (true, at + make_interval(secs => e.max_call_s))::legs
                    ELSE user_legs(u, t) END, 'news', 'call_ended', at);
            END IF;
            IF result IS NULL THEN
                -- none: Teams was never told, or has forgotten by itself
                result := CASE WHEN t.consent <> 'granted' THEN 'no_consent'
                    WHEN u.goal_no = was OR u.goal = 'none' THEN 'unchanged' ELSE 'changed' END;
                lines := lines || (e.t, NULL, at, 'event', e.y, result, e.uid, e.p, e.e,
                    NULL, NULL, NULL)::event;
                IF result = 'changed' AND NOT user_must_tell(u) THEN
                    result := 'told';
                END IF;
            END IF;
        END IF;
        IF e.last AND u.user_id IS NOT NULL THEN
            -- Only the newest state of a person is told. R8: a Busy that nobody
            -- renewed in time, too; perhaps Teams has forgotten it.
            must := heard AND coalesce(user_renew_at(u) <= at, false);
            IF settled OR moved OR must OR (heard AND user_must_tell(u)) THEN
                s := user_step(u, b, t, must, at);
                s.changed := s.u IS DISTINCT FROM e.person;
                s.exact := settled;
                b := s.b;
                steps := steps || s;
            END IF;
        END IF;
        IF e.r IS NULL THEN
            outcome := result;
            goal := goal_shown(u, at); goal_no := u.goal_no;
            RETURN NEXT;
        END IF;
    END LOOP;
    PERFORM steps_store(steps);
    INSERT INTO event (tenant_id, at, kind, type, outcome, user_id, pbx_id, extension,
        latency_ms, graph_ms, detail)
    SELECT x.tenant_id, x.at, x.kind, x.type, x.outcome, x.user_id, x.pbx_id, x.extension,
        x.latency_ms, x.graph_ms, x.detail
    FROM unnest(lines) x;
    FOREACH s IN ARRAY steps LOOP
        CONTINUE WHEN (s.job).kind IS NULL;
        kind := (s.job).kind; i := NULL; outcome := NULL;
        tenant_id := (s.job).tenant_id; user_id := (s.job).user_id; goal := (s.job).goal;
        goal_no := (s.job).goal_no; claim_no := (s.job).claim_no; expires_s := (s.job).expires_s;
        RETURN NEXT;
        durable := true;
    END LOOP;
    -- Should the server lose results, the claims run out and Teams is told once more;
    -- only events, and a claim that is handed out, must be on disk.
    IF NOT durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
END $$;

-- pbx.restarted: ends every leg of that PBX that had no newer news; touches
-- many people, so it is a transaction of its own.
--   rows  as apply: one event row (locked, no_pbx, unchanged, changed, duplicate, no_consent),
--         then publish or again for each person who can be told at once (at most 64, the
--         others are due now); goal_no of the event row = people to be told
CREATE OR REPLACE FUNCTION presence.apply_restart(t_id uuid, p_id uuid, event_us bigint,
    attempt_us bigint, event_key text, wait_ms int DEFAULT 60)
RETURNS TABLE (kind text, i int, outcome text, tenant_id uuid, user_id uuid,
    goal text, goal_no bigint, claim_no bigint, expires_s int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    locked uuid[] := tenants_lock(ARRAY[t_id], wait_ms);
    t tenant;
    at timestamptz := clock_timestamp();
    pbx_at timestamptz := to_timestamp(event_us / 1e6);
    said timestamptz := said_at(at, event_us, attempt_us);
    l call_leg;
    b tenant_budget;
    u teams_user;
    was bigint;
    s step;
    steps step[] := '{}';
    people uuid[] := '{}';
    told int := 0;
BEGIN
    kind := 'event';
    tenant_id := t_id;
    PERFORM FROM pbx WHERE pbx.tenant_id = t_id AND pbx_id = p_id;
    IF NOT FOUND OR locked = '{}' THEN
        outcome := CASE WHEN FOUND THEN 'locked' ELSE 'no_pbx' END;
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO t FROM tenant WHERE tenant.tenant_id = t_id;
    IF event_key IS NOT NULL THEN
        INSERT INTO event_key VALUES (t_id, p_id, event_key, at) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'duplicate';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    IF assertion_take(t_id, p_id, '', 'pbx', '', '{}', said, pbx_at, at) THEN
        FOR l IN DELETE FROM call_leg x WHERE x.tenant_id = t_id AND x.pbx_id = p_id
            AND is_newer(said, pbx_at, x.said_at, x.event_at, at) RETURNING x.*
        LOOP
            people := people || l.user_id;
            IF l.kind = 'call' THEN
                PERFORM leg_bury(t_id, p_id, l.extension, l.call_id, l.leg_id, false, at);
            END IF;
        END LOOP;
    END IF;
    SELECT * INTO b FROM tenant_budget x WHERE x.tenant_id = t_id;
    FOR u IN SELECT * FROM teams_user x WHERE x.tenant_id = t_id AND x.user_id = ANY (people)
        ORDER BY x.user_id
    LOOP
        was := u.goal_no;
        u := user_goal(u, t, user_legs(u, t), 'news', 'pbx_restarted', at);
        CONTINUE WHEN u.goal_no = was;
        told := told + user_must_tell(u)::int;
        s := CASE WHEN told <= 64 THEN user_step(u, b, t, false, at)
            ELSE user_later(u, due_spread(at, told)) END;
        b := coalesce(s.b, b);
        steps := steps || s;
    END LOOP;
    PERFORM steps_store(steps);
    outcome := CASE WHEN t.consent <> 'granted' THEN 'no_consent'
        WHEN told = 0 THEN 'unchanged' ELSE 'changed' END;
    INSERT INTO event (tenant_id, at, kind, type, outcome, pbx_id)
    VALUES (t_id, at, 'event', 'pbx.restarted', outcome, p_id);
    UPDATE pbx SET last_event_at = at WHERE pbx.tenant_id = t_id AND pbx_id = p_id;
    goal_no := told;
    RETURN NEXT;
    FOREACH s IN ARRAY steps LOOP
        CONTINUE WHEN (s.job).kind IS NULL;
        kind := (s.job).kind; outcome := NULL; tenant_id := t_id; user_id := (s.job).user_id;
        goal := (s.job).goal; goal_no := (s.job).goal_no; claim_no := (s.job).claim_no;
        expires_s := (s.job).expires_s;
        RETURN NEXT;
    END LOOP;
END $$;

-- A call is over, and the PBX does not say whose it was: a tombstone under no extension,
-- so that no leg of it opens any more.
--   rows  the extensions where one is open, to be told the end
CREATE OR REPLACE FUNCTION presence.call_over(t uuid, p uuid, call text)
RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    PERFORM tenant_lock(t);     -- who opens one right now has done so
    PERFORM FROM pbx WHERE pbx.tenant_id = t AND pbx_id = p;
    IF FOUND THEN
        PERFORM leg_bury(t, p, '', call, '', true, clock_timestamp());
        RETURN QUERY SELECT DISTINCT l.extension FROM call_leg l
        WHERE l.tenant_id = t AND l.pbx_id = p AND l.kind = 'call' AND l.call_id = call;
    END IF;
END $$;
