-- What Teams was told, what is due, and whether the tenant lets us.

-- R13: throttled for some seconds more; a gate that is shut longer stays so.
CREATE OR REPLACE FUNCTION presence.gate_later(gate timestamptz, at timestamptz, more_s numeric)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT greatest(CASE WHEN presence.is_ahead(gate, at, '1 hour') THEN gate END,
    at + make_interval(secs => greatest(1, least(more_s, 3600))::float8))
$$;

-- R10: Teams was told what the claim said.
CREATE OR REPLACE FUNCTION presence.user_told(u presence.teams_user, t presence.tenant,
    at timestamptz)
RETURNS presence.teams_user LANGUAGE plpgsql AS $$
BEGIN
    u.claim_until_at := NULL;
    u.certain := t.consent <> 'lost';
    u.published := u.claim_goal;
    u.published_at := u.claim_at;
    u.published_until_at := u.claim_at + make_interval(secs => u.claim_s);
    -- An older call that may yet land can show what it told for as long as it said.
    IF u.late THEN
        u.told_until_at := greatest(u.told_until_at, u.published_until_at);
    ELSE
        u.told_until_at := u.published_until_at;
        IF u.claim_goal <> 'busy' THEN
            u.busy_until_at := NULL;
        END IF;
    END IF;
    u.published_no := u.claim_goal_no;
    IF u.goal = u.published THEN
        u.published_no := u.goal_no;    -- it changed and came back
    END IF;
    u.attempts := 0;
    u.denied := 0;
    u.retry_at := NULL;
    u.failed_no := NULL;
    IF u.problem = 'credential' THEN    -- it seems to be good again: a probe tells
        UPDATE tenant x SET probe_at = least(x.probe_at, at + interval '1 s')
        WHERE x.tenant_id = u.tenant_id AND x.credential_problem IS NOT NULL;
    END IF;
    u.problem := NULL;
    IF u.claim_goal_no >= u.owed_no THEN
        u.owed_no := NULL;
    END IF;
    IF u.late THEN      -- R10: an older call may land after this one
        u.late := false;
        u.resend_at := at + interval '60 s';
    END IF;
    RETURN u;
END $$;

-- Teams was not told, or perhaps not (R14).
--   r, detail, after_s  as apply's results have them
-- Returns the person and the tenant's budget; its job is a probe, or none.
CREATE OR REPLACE FUNCTION presence.user_not_told(u presence.teams_user, b presence.tenant_budget,
    t presence.tenant, r text, after_s bigint, detail text, at timestamptz)
RETURNS presence.step LANGUAGE plpgsql AS $$
DECLARE
    s step;
    backoff interval := make_interval(secs => least(30, 2 ^ least(u.attempts, 5))
        * (0.75 + random() / 2));
BEGIN
    u.claim_until_at := NULL;
    u.attempts := u.attempts + 1;
    u.retry_at := at + backoff;
    IF r IN ('throttled', 'unsent', 'unauthorized', 'forbidden', 'not_found', 'rejected', 'lost',
        'credential')
    THEN                -- certainly without effect
        u.certain := u.claim_certain;
        u.busy_until_at := u.claim_busy_until_at;
        u.told_until_at := u.claim_told_until_at;
    END IF;
    CASE r
    WHEN 'throttled' THEN
        u.attempts := 0;
        u.retry_at := NULL;     -- the gate says when
        u.problem := 'throttled';
        b.gate_until_at := gate_later(b.gate_until_at, at,
            coalesce(after_s, extract(epoch FROM backoff)));
    WHEN 'unsent' THEN
        u.problem := 'unreachable';
    WHEN 'unauthorized' THEN
        u.denied := u.denied + 1;
        u.problem := 'unreachable';
        IF u.denied = 1 THEN
            u.retry_at := NULL;     -- once more at once, with a new token
        END IF;
    WHEN 'forbidden' THEN
        u.denied := u.denied + 1;
        IF u.denied = 1 THEN
            u.retry_at := NULL;
        ELSE
            u.problem := 'forbidden';
            u.failed_no := u.claim_goal_no;
            s := probe_claim(t.tenant_id, b, at);
            b := s.b;
        END IF;
    WHEN 'not_found' THEN
        u.problem := 'user_not_found';
        u.failed_no := u.claim_goal_no;
    WHEN 'rejected' THEN
        u.problem := 'rejected';
        u.failed_no := u.claim_goal_no;
    WHEN 'lost' THEN
        u.problem := 'consent_lost';
        u.certain := false;
    WHEN 'credential' THEN
        u.problem := 'credential';
        -- Only a probe, with a new token, tells that it is over.
        UPDATE tenant x SET credential_problem = detail,
            probe_at = least(x.probe_at, at + interval '2 s')
        WHERE x.tenant_id = u.tenant_id;
    WHEN 'failed' THEN
        u.problem := 'unreachable';
    ELSE
        u.problem := 'unreachable';
        u.late := true;
    END CASE;
    -- Only a repetition (or a renewal) failed: Teams knows the state, and
    -- what made the repetition needed still does.
    IF u.claim_certain AND u.claim_goal = u.published AND u.goal = u.published
        AND r IN ('throttled', 'unsent', 'unauthorized', 'failed', 'unknown')
    THEN
        u.resend_at := at + backoff;
        u.certain := u.certain OR u.goal <> 'busy';
    END IF;
    s.u := u;
    s.b := b;
    RETURN s;
END $$;

-- Results of Graph calls alone: apply, for whom no PBX speaks.
--   errors  22023 something else is among them
CREATE OR REPLACE FUNCTION presence.record(results jsonb, wait_ms int DEFAULT 60)
RETURNS TABLE (kind text, i int, outcome text, tenant_id uuid, user_id uuid,
    goal text, goal_no bigint, claim_no bigint, expires_s int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    IF results @? '$[*] ? (!exists(@.r) || @.r.type() != "string")' THEN
        RAISE EXCEPTION 'results: only results' USING ERRCODE = '22023';
    END IF;
    RETURN QUERY SELECT * FROM apply(results, wait_ms);
END $$;

-- What time has made due: ends ringing (180 s) and stale legs, renews leases,
-- tries again, sends once more; clears before the others.
--   rows  kind publish, again, probe as in record; the last row is kind next, outcome =
--         seconds until something is due (at most 1), i = rows looked at,
--         goal_no = clock_us()
CREATE OR REPLACE FUNCTION presence.due_take(most int)
RETURNS TABLE (kind text, i int, outcome text, tenant_id uuid, user_id uuid,
    goal text, goal_no bigint, claim_no bigint, expires_s int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    d record;
    l record;
    t tenant;
    b tenant_budget;
    u teams_user;
    at timestamptz;
    wanted jsonb;
    tenants uuid[];
    late uuid[];
    held uuid[] := '{}';
    locked uuid[];
    s step;
    steps step[] := '{}';
    ended int;
    must boolean;
    renewed step[] := '{}';
    wait_s float8;
BEGIN
    -- Tenants that somebody else holds are left out, and others looked for.
    LOOP
        SELECT coalesce(jsonb_agg(jsonb_build_object('t', x.tenant_id, 'u', x.user_id)), '[]'),
            coalesce(array_agg(DISTINCT x.tenant_id), '{}'),
            (array_agg(x.tenant_id ORDER BY random())
                FILTER (WHERE x.at < clock_timestamp() - interval '0.5 s'))[1:1]
        INTO wanted, tenants, late
        FROM ((SELECT * FROM due a WHERE a.first AND a.at <= clock_timestamp()
                AND a.tenant_id <> ALL (held) ORDER BY a.at LIMIT most)
            UNION ALL
            (SELECT * FROM due a WHERE NOT a.first AND a.at <= clock_timestamp()
                AND a.tenant_id <> ALL (held) ORDER BY a.at LIMIT most)
            LIMIT most) x;
        IF held = '{}' AND late <> '{}' THEN
            PERFORM tenants_lock(late, 200);   -- not left out time and again
        END IF;
        locked := tenants_lock(tenants, 0);
        EXIT WHEN cardinality(locked) = cardinality(tenants) OR cardinality(held) > 100;
        held := held || ARRAY(SELECT unnest(tenants) EXCEPT SELECT unnest(locked));
    END LOOP;
    i := 0;
    FOR d IN SELECT w.t, w.u, tn AS tenant, bg AS budget, us AS person
        FROM jsonb_to_recordset(wanted) AS w(t uuid, u uuid)
        JOIN due x ON x.tenant_id = w.t AND x.user_id = w.u AND x.at <= clock_timestamp()
        JOIN tenant tn ON tn.tenant_id = w.t
        JOIN tenant_budget bg ON bg.tenant_id = w.t
        JOIN teams_user us ON us.tenant_id = w.t AND us.user_id = w.u
        WHERE w.t = ANY (locked) ORDER BY w.t, x.first DESC, x.at, w.u
    LOOP
        at := clock_timestamp();
        i := i + 1;
        IF t.tenant_id IS DISTINCT FROM d.t THEN
            t := d.tenant;
            b := d.budget;
        END IF;
        u := d.person;
        ended := 0;
        FOR l IN DELETE FROM call_leg x USING pbx p
            WHERE x.tenant_id = d.t AND x.user_id = d.u
            AND p.tenant_id = x.tenant_id AND p.pbx_id = x.pbx_id
            AND x.news_at + CASE WHEN x.state = 1 THEN interval '180 s'
                ELSE make_interval(secs => p.max_call_s) END <= at
            RETURNING x.*
        LOOP
            ended := ended + 1;
            -- Without a tombstone for what rang too long: it may yet be answered.
            IF l.kind = 'call' AND l.state > 1 THEN
                PERFORM leg_bury(d.t, l.pbx_id, l.extension, l.call_id, l.leg_id, false, at);
            END IF;
            INSERT INTO event (tenant_id, at, kind, type, outcome, user_id, pbx_id, extension)
            VALUES (d.t, at, 'event', CASE l.state WHEN 1 THEN 'ringing' ELSE 'leg' END, 'stale',
                d.u, l.pbx_id, l.extension);
        END LOOP;
        IF ended > 0 THEN
            u := user_goal(u, t, user_legs(u, t), 'silent', 'stale', at);
        ELSIF u.stale_at <= at THEN     -- the PBX's calls may last longer now
            u.stale_at := (user_legs(u, t)).stale_at;
        END IF;
        must := coalesce(user_renew_at(u) <= at, false);
        IF user_again_at(u, t) <= at THEN
            u.failed_no := NULL;
            u.certain := false;
        END IF;
        IF u.resend_at <= at AND NOT is_ahead(u.claim_until_at, at, '20 s') THEN
            IF t.consent = 'granted' AND u.goal <> 'none' AND u.goal = u.published
                AND (u.goal = 'busy' OR u.published_at > at - interval '5 minutes')
            THEN
                must := true;           -- owed until it is claimed
            ELSE
                u.resend_at := NULL;    -- there is nothing to repeat
            END IF;
        END IF;
        s := user_step(u, b, t, must, at);
        s.changed := s.u IS DISTINCT FROM d.person;
        s.exact := true;
        b := s.b;
        steps := steps || s;
        IF (s.job).goal = 'busy' AND (d.person).published = 'busy' THEN
            renewed := renewed || s;
        END IF;
    END LOOP;
    PERFORM steps_store(steps);
    IF renewed <> '{}' THEN
        PERFORM pbx_ask_about(ARRAY(SELECT (r.u).tenant_id FROM unnest(renewed) r),
            ARRAY(SELECT (r.u).user_id FROM unnest(renewed) r), clock_timestamp());
    END IF;
    IF i < jsonb_array_length(wanted) THEN      -- some are held, or were deleted
        DELETE FROM due x USING jsonb_to_recordset(wanted) AS w(t uuid, u uuid)
        WHERE x.tenant_id = w.t AND x.user_id = w.u AND w.t = ANY (locked) AND NOT EXISTS
            (SELECT FROM teams_user y WHERE y.tenant_id = w.t AND y.user_id = w.u);
    END IF;
    FOR d IN SELECT x.tenant_id AS t FROM tenant x WHERE x.probe_at <= clock_timestamp()
        ORDER BY x.probe_at LIMIT 16
    LOOP
        CONTINUE WHEN cardinality(tenants_lock(ARRAY[d.t], 0)) = 0;
        SELECT * INTO t FROM tenant x WHERE x.tenant_id = d.t;
        CONTINUE WHEN t.probe_at > clock_timestamp();
        SELECT * INTO b FROM tenant_budget x WHERE x.tenant_id = d.t;
        s := probe_claim(d.t, b, clock_timestamp());
        PERFORM steps_store(ARRAY[s]);
        steps := steps || s;
    END LOOP;
    FOREACH s IN ARRAY steps LOOP
        CONTINUE WHEN (s.job).kind IS NULL;
        kind := (s.job).kind; outcome := NULL;
        tenant_id := (s.job).tenant_id; user_id := (s.job).user_id; goal := (s.job).goal;
        goal_no := (s.job).goal_no; claim_no := (s.job).claim_no; expires_s := (s.job).expires_s;
        RETURN NEXT;
    END LOOP;
    SELECT extract(epoch FROM least(
        (SELECT a.at FROM due a WHERE a.first ORDER BY a.at LIMIT 1),
        (SELECT a.at FROM due a WHERE NOT a.first ORDER BY a.at LIMIT 1),
        (SELECT min(x.probe_at) FROM tenant x)) - clock_timestamp()) INTO wait_s;
    kind := 'next'; outcome := least(1, greatest(0, coalesce(wait_s, 1)))::text; tenant_id := NULL; user_id := NULL;
    goal := NULL; claim_no := NULL; expires_s := NULL;
    goal_no := clock_us();
    RETURN NEXT;
END $$;

-- Asks Graph whether the tenant lets us. One at a time, one request of the
-- budget; no job: one is under way, or nothing may be sent now.
CREATE OR REPLACE FUNCTION presence.probe_claim(t_id uuid, b presence.tenant_budget,
    at timestamptz)
RETURNS presence.step LANGUAGE plpgsql AS $$
DECLARE
    s step;
    t tenant;
    wait_until timestamptz;
BEGIN
    -- As it is by now: another one of this batch may have asked.
    SELECT * INTO t FROM tenant WHERE tenant_id = t_id;
    IF is_ahead(t.probe_until_at, at, '30 s') THEN
        UPDATE tenant SET probe_at = t.probe_until_at
        WHERE tenant_id = t_id AND probe_at < t.probe_until_at;
        s.b := b;
        RETURN s;
    END IF;
    b := budget_roll(b, at);
    wait_until := budget_wait(b, at);
    IF wait_until IS NOT NULL THEN
        UPDATE tenant SET probe_at = wait_until WHERE tenant_id = t_id;
    ELSE
        b.slots[35] := b.slots[35] + 1;
        UPDATE tenant SET probe_no = probe_no + 1, probe_until_at = at + interval '30 s',
            probe_at = at + interval '30 s'
        WHERE tenant_id = t_id;
        s.job := ('probe', t_id, coalesce(t.granted_by, gen_random_uuid()), t.probe_no + 1,
            NULL, NULL, NULL);
    END IF;
    s.b := b;
    RETURN s;
END $$;

-- Consent changes: state, why, and what it means for the tenant's people.
CREATE OR REPLACE FUNCTION presence.consent_put(t presence.tenant, state text, why text,
    at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenant SET consent = state, consent_problem = why,
        granted_at = CASE WHEN state = 'granted' THEN coalesce(granted_at, at) ELSE granted_at END,
        probe_attempts = CASE WHEN state = 'granted' THEN 0 WHEN consent <> state THEN 1
            ELSE probe_attempts END,    -- 1: the first of probe_record's pauses begins
        -- Granted: a withdrawal is seen within the hour, also where nobody calls.
        probe_at = CASE WHEN state = 'granted' THEN at + interval '1 hour'
            ELSE at + interval '2 s' END
    WHERE tenant_id = t.tenant_id;
    IF t.consent IS DISTINCT FROM state THEN
        INSERT INTO event (tenant_id, at, kind, type, outcome, detail)
        VALUES (t.tenant_id, at, 'consent', 'consent', state, why);
    END IF;
    IF state = 'lost' AND t.consent = 'granted' THEN
        -- A call that is under way and fails must not bring back what was certain before.
        UPDATE teams_user SET certain = false, claim_certain = false
        WHERE tenant_id = t.tenant_id AND published IN ('busy', 'available')
        AND (certain OR claim_certain);
    ELSIF state = 'granted' AND t.consent <> 'granted' THEN
        UPDATE teams_user SET denied = 0, attempts = 0, retry_at = NULL, failed_no = NULL,
            problem = NULL
        WHERE tenant_id = t.tenant_id
        AND (denied > 0 OR attempts > 0 OR retry_at IS NOT NULL OR failed_no IS NOT NULL
            OR problem IS NOT NULL);
        INSERT INTO due AS d
        SELECT tenant_id, user_id,
            due_spread(consent_put.at, row_number() OVER (ORDER BY goal = 'clear' DESC)),
            goal = 'clear'
        FROM teams_user
        WHERE tenant_id = t.tenant_id AND goal <> 'none'
        AND (goal <> published OR NOT certain OR goal = 'busy')     -- its lease went on
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET at = least(d.at, EXCLUDED.at);
    END IF;
END $$;

-- Our credential is accepted again: who could not be told is told now.
CREATE OR REPLACE FUNCTION presence.credential_good(t_id uuid, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH freed AS (
        UPDATE teams_user u SET attempts = 0, retry_at = NULL
        WHERE u.tenant_id = t_id AND u.problem = 'credential' RETURNING u.*)
    INSERT INTO due AS d
    SELECT u.tenant_id, u.user_id,
        due_spread(credential_good.at, row_number() OVER (ORDER BY u.goal = 'clear' DESC)),
        u.goal = 'clear'
    FROM freed u
    WHERE u.goal <> 'none'
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET at = least(d.at, EXCLUDED.at);
END $$;

-- The answer to a probe.
--   r  ok (granted), forbidden, lost (d: why), credential (d), throttled (a: seconds),
--      anything else: not known, asked again
--   errors  PS404 the tenant is gone
-- Returns the tenant's consent after it.
CREATE OR REPLACE FUNCTION presence.probe_record(t_id uuid, no bigint, r text, a int, d text)
RETURNS TABLE (consent text, problem text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
#variable_conflict use_column
DECLARE
    t tenant := tenant_lock(t_id);
    at timestamptz := clock_timestamp();
    pauses int[] := '{2,5,10,20,40,60}';
BEGIN
    IF t.probe_no = no THEN
        UPDATE tenant x SET probe_until_at = NULL,
            checked_at = CASE WHEN r IN ('ok', 'forbidden', 'lost') THEN at ELSE x.checked_at END,
            credential_problem = CASE r WHEN 'credential' THEN d WHEN 'ok' THEN NULL
                ELSE x.credential_problem END
        WHERE x.tenant_id = t_id;
        IF r = 'ok' THEN
            PERFORM consent_put(t, 'granted', NULL, at);
            IF t.credential_problem IS NOT NULL THEN
                PERFORM credential_good(t_id, at);
            END IF;
        ELSIF r IN ('forbidden', 'lost') AND t.consent <> 'none' THEN
            PERFORM consent_put(t, CASE t.consent WHEN 'pending' THEN 'pending' ELSE 'lost' END,
                CASE WHEN r = 'lost' THEN coalesce(d, 'not_consented')
                     WHEN t.consent = 'pending' THEN 'not_yet' ELSE 'permission_removed' END, at);
        ELSIF r = 'throttled' THEN
            UPDATE tenant_budget x SET gate_until_at = gate_later(x.gate_until_at, at, coalesce(a, 5))
            WHERE x.tenant_id = t_id;
        END IF;
        IF r <> 'ok' THEN
            UPDATE tenant x SET
                probe_attempts = CASE WHEN x.consent = t.consent THEN x.probe_attempts + 1 ELSE 1 END,
                probe_at = CASE WHEN x.consent <> 'none'    -- nobody waits for it
                    THEN at + make_interval(secs => coalesce(pauses[
                        CASE WHEN x.consent = t.consent THEN x.probe_attempts + 1 ELSE 1 END], 300)) END
            WHERE x.tenant_id = t_id;
        END IF;
    END IF;
    RETURN QUERY SELECT x.consent, x.consent_problem FROM tenant x WHERE x.tenant_id = t_id;
END $$;

-- R16: the wall clock jumped against the monotonic one. Claims are void, and
-- everything held is due. Teams' clock did not step with ours: what we noted of
-- its leases is worth nothing now, so every Busy is told once more. Doing it twice does no harm.
CREATE OR REPLACE FUNCTION presence.clock_jumped()
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    n int;
BEGIN
    PERFORM pg_advisory_xact_lock(0);
    -- After a step back nothing can be newer than now.
    UPDATE call_leg SET news_at = moment, said_at = least(said_at, moment) WHERE news_at > moment;
    UPDATE assertion SET at = moment WHERE at > moment;
    UPDATE teams_user SET claim_until_at = moment - interval '1 s' WHERE claim_until_at IS NOT NULL;
    UPDATE teams_user SET certain = false WHERE goal = 'busy' AND certain;
    UPDATE teams_user SET retry_at = NULL WHERE retry_at IS NOT NULL;
    UPDATE teams_user SET resend_at = moment WHERE resend_at IS NOT NULL;
    UPDATE teams_user SET stale_at = moment WHERE stale_at IS NOT NULL;     -- looked up anew
    UPDATE tenant_budget SET gate_until_at = NULL, turns = NULL
    WHERE gate_until_at IS NOT NULL OR turns IS NOT NULL;
    UPDATE tenant SET probe_until_at = NULL, probe_at = moment WHERE probe_at IS NOT NULL;
    UPDATE pbx_api SET at = moment, retry_at = NULL, claim_until_at = NULL;
    UPDATE pbx_ask SET at = moment WHERE at > moment;
    UPDATE due d SET at = due_spread(moment, x.nr), turn = false
    FROM (SELECT tenant_id, user_id,
            row_number() OVER (PARTITION BY tenant_id ORDER BY first DESC, at) AS nr FROM due) x
    WHERE d.tenant_id = x.tenant_id AND d.user_id = x.user_id;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

-- One clock: what time is it, in microseconds.
CREATE OR REPLACE FUNCTION presence.clock_us()
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = presence, pg_temp AS
$$SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint$$;

-- Deletes a little of what is too old; call again while it returns > 0.
CREATE OR REPLACE FUNCTION presence.retention_sweep(event_days int)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    n int;
    total int := 0;
BEGIN
    DELETE FROM event WHERE ctid = ANY (ARRAY(SELECT ctid FROM event
        WHERE at < now() - make_interval(days => event_days) LIMIT 1000));
    GET DIAGNOSTICS n = ROW_COUNT;
    total := total + n;
    DELETE FROM event_key WHERE ctid = ANY (ARRAY(SELECT ctid FROM event_key
        WHERE at < now() - interval '72 hours' LIMIT 1000));
    GET DIAGNOSTICS n = ROW_COUNT;
    total := total + n;
    DELETE FROM call_end WHERE ctid = ANY (ARRAY(SELECT ctid FROM call_end
        WHERE at < now() - interval '72 hours' LIMIT 1000));
    GET DIAGNOSTICS n = ROW_COUNT;
    total := total + n;
    total := total + capture_sweep();
    DELETE FROM browser_session
    WHERE created_at < now() - interval '8 hours' OR seen_at < now() - interval '1 hour';
    DELETE FROM oauth_state WHERE created_at < now() - interval '1 hour';
    RETURN total;
END $$;
